"""Begin a study of one's own: ten lines of YAML that run as they are."""

import re
from pathlib import Path

import yaml

from diffusion.store.files import write_text
from triangles.imported import resolve_import
from triangles.importing.sources import open_source

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
OF_IMAGES = """\
# snakemake --cores all --config study={name}.yaml    its report: results/laptop/{name}/report.html
title: {name}
question: Which of these models draws pictures like these best?
data:
{notes}  # further keys are those of `triangles import`: colour: false, fit: pad ...
  pictures: {{images: {images}, size: 32{more}}}
models:
  noise: {{label: predicting noise, schedule: linear, target: eps}}
  whiteness: {{label: predicting whiteness, schedule: linear}}  # made for black and white: its bits say little of gray
training: {{epochs: {epochs}}}  # of {count:,} pictures; as many steps as the laptop scale takes
figures: [training-examples, samples, neighbours, loss, likelihood]
tables: [cells, losses, data]
"""
ODD = 0.05  # share of pictures in colour below which they are taken for oddities
SHOWN = 80_000  # images that a network sees at the laptop scale: 8 epochs of 10,000


def begin_study(name: str, taken: tuple[str, ...], images: Path | None = None) -> Path:
    """Write the template of a study as NAME.yaml in the working directory; return its path.

    taken: names that no study may have. images: pictures of one's own that it is to be about.

    Raises:
        ValueError: the name cannot name a folder, the file is there, or there are no pictures.
        OSError: they are missing or unreadable.
    """
    name = name.removesuffix(".yaml")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) or name in taken:
        raise ValueError(f"{name!r}: give letters, digits and dashes, and none of {', '.join(taken)}")
    path = Path(f"{name}.yaml")
    if path.exists():
        raise ValueError(f"{path} is there already: give another name, or remove it")
    write_text(path, TEMPLATE.format(name=name) if images is None else _about(name, images))
    return path


def _about(name: str, images: Path) -> str:
    """Write a study of pictures that were looked through: what is broken, or oddly in colour, is said and set."""
    from triangles.importing.writing import look_through

    source = open_source(images)
    settings = resolve_import(images, len(source.names))
    broken, colours = look_through(source, settings)
    few = 0 < len(colours) <= ODD * len(source.names)
    found = [
        (broken, "skip_broken: true", "cannot be read ({}): left out", [f"{one}: {why}" for one, why in broken]),
        (few and colours, "colour: false", "are in colour ({}): made gray as the others", colours),
    ]
    notes, more = "", ""
    for some, key, words, names in found:
        if some:
            said = "; ".join(names[:3]) + (" ..." if len(names) > 3 else "")
            notes, more = f"{notes}  # {len(names)} {words.format(said)}\n", f"{more}, {key}"
    count = resolve_import(images, len(source.names) - len(broken)).count
    quoted = yaml.safe_dump(str(images), default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    epochs = max(1, round(SHOWN / count))
    return OF_IMAGES.format(name=name, images=quoted, count=count, epochs=epochs, notes=notes, more=more)
