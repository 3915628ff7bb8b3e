"""Begin a study of one's own: ten lines of YAML that run as they are."""

import re
from pathlib import Path

from diffusion.store.files import write_text

__all__ = ["begin_study"]

TEMPLATE = """\
# snakemake --cores all --config study={name}.yaml    its report: results/laptop/{name}/report.html
title: {name}
question: Which of these models draws triangles best, on which of these sets?
data:
  array: {{}}
  sharp: {{label: drawn at 320 px, format: png, draw_size: 320}}
models:
  linear: {{}}
  power-3: {{label: power 3, schedule: power-3}}
figures: [schedules, samples, overlap, loss]
tables: [cells, losses, data]
"""


def begin_study(name: str, taken: tuple[str, ...]) -> Path:
    """Write the template of a study as NAME.yaml in the working directory; return its path.

    taken: names that no study may have.

    Raises:
        ValueError: the name cannot name a folder, or the file is there.
    """
    name = name.removesuffix(".yaml")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) or name in taken:
        raise ValueError(f"{name!r}: give letters, digits and dashes, and none of {', '.join(taken)}")
    path = Path(f"{name}.yaml")
    if path.exists():
        raise ValueError(f"{path} is there already: give another name, or remove it")
    write_text(path, TEMPLATE.format(name=name))
    return path
