"""Write tables for people and for programs: numbers in few digits, names in words, CSV and Markdown."""

import re
from collections.abc import Callable
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffusion.store.files import beside, check_digest, replacing, vouch, write_text
from diffusion.store.ledger import claim
from diffusion.store.tables import read_csv
from studies.verdicts.statistics import name_outcome

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "format_markdown",
    "head_columns",
    "is_number",
    "name_members",
    "read_back",
    "round_cells",
    "save",
    "with_spread",
]

TOGETHER = ("estimate", "lower", "upper")  # a row's number with its interval, in digits of its own
ENDS = {"lower": "interval from", "upper": "interval to"}
ROUNDING = 1e-12  # of a value: a smaller spread is the arithmetic's
WIDE = 1000  # largest to smallest: beyond, equal decimals would show nothing of the small
HOLE = "–"
FORMULA = re.compile(r"\s*'*[=+\-@\t\r]")  # how a cell begins that spreadsheets compute, or text that hides such a one


def with_spread(value: float, spread: float) -> str:
    """Return `0.58 ± 0.031`: two digits of the spread, as many decimals of the value; or only the value."""
    if not spread > ROUNDING * abs(value):
        return f"{value:.3g}"
    decimals = max(0, 1 - floor(log10(float(f"{spread:.1e}"))))  # rounded first: 0.99999 is 1.0
    return f"{value:,.{decimals}f} ± {spread:,.{decimals}f}"


def save(frame: "pd.DataFrame", path: Path, plan) -> list[Path]:
    """Write PATH.csv in full precision under short names, and PATH.md rounded and in words; return the two paths.

    Text in the CSV that a spreadsheet would take for a formula is written behind an apostrophe, see `read_back`.
    """
    csv, text = Path(f"{path}.csv"), Path(f"{path}.md")
    claim([csv, text])
    with replacing(csv) as partial:
        frame.map(_harmless).rename(columns=_harmless).to_csv(partial, index=False)
    write_text(text, format_markdown(name_members(frame, plan)))
    vouch([csv, text])
    return [csv, text]


def _harmless(value):
    """Return text that no spreadsheet computes: its first sign must not open a formula."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def read_back(path: Path, *columns: str) -> "pd.DataFrame":
    """Read the CSV that `save` wrote, checked, with its text as it was.

    Raises:
        ValueError: no table, or another one than was written, or without one of these columns.
        OSError: missing or unreadable.
    """
    frame = read_csv(path, "make it again", columns)
    check_digest(path, frame.attrs["sha256"], beside(path))
    return frame.map(_as_it_was).rename(columns=_as_it_was)


def _as_it_was(value):
    return value[1:] if isinstance(value, str) and value[:1] == "'" and FORMULA.match(value[1:]) else value


def name_members(frame: "pd.DataFrame", plan) -> "pd.DataFrame":
    """Put what people read in the place of names: labels of data and models, measures and outcomes in words."""
    words = {"data": plan.label, "model": plan.label, "measure": _describe}
    told = {name: frame[name].map(words[name], na_action="ignore") for name in words if name in frame}
    if {"verdict", "seeds"} <= set(frame):
        told["verdict"] = list(map(name_outcome, frame.verdict, frame.seeds))
    return frame.assign(**told)


def _describe(name: str) -> str:
    """Return a measure in words; any other name with spaces."""
    from studies.registries import describe

    try:
        return describe(name).words
    except ValueError:
        return name.replace("_per_", "/").replace("_", " ")


def format_markdown(frame: "pd.DataFrame") -> str:
    """Return a Markdown table: numbers to the right, columns aligned in the source too."""
    head, rows = head_columns(frame), round_cells(frame)
    right = [is_number(frame[name]) for name in frame]
    widths = [max(len(head[i]), 3, *(len(row[i]) for row in rows)) for i in range(len(head))]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    lines = [head, rule, *rows]
    return "".join("| " + " | ".join(map(_pad, line, widths, right)) + " |\n" for line in lines)


def _pad(text: str, width: int, right: bool) -> str:
    text = text.replace("|", "\\|")
    return text.rjust(width) if right else text.ljust(width)


def head_columns(frame: "pd.DataFrame") -> list[str]:
    """Return column names as people read them: a measure's words, or `training images/s` of `training_images_per_s`."""
    return [name if "_T" in name else ENDS.get(name) or _describe(name) for name in frame]


def is_number(column: "pd.Series") -> bool:
    """Return whether a column holds numbers, and not truth values."""
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def round_cells(frame: "pd.DataFrame") -> list[list[str]]:
    """Return rows of short text: equal decimals in a column whose numbers are of like size, a dash for the unknown."""
    columns = [[formatted(value) for value in frame[name]] for name, formatted in _formats(frame).items()]
    return [list(row) for row in zip(*columns, strict=True)]


def _formats(frame: "pd.DataFrame") -> dict:
    return {name: _format(frame[name], name in TOGETHER) if is_number(frame[name]) else _word for name in frame}


def _format(column: "pd.Series", each: bool = False) -> Callable[[float], str]:
    """Return what writes a column's numbers: four digits for the largest, or three for each.

    Three where they range widely, or where `each` asks for it.
    """
    known = column[np.isfinite(column)]
    sizes = known[known != 0].abs()
    if (known % 1 == 0).all():
        return lambda value: _number(value, ".0f")
    if each or sizes.max() > WIDE * sizes.min():
        return lambda value: _number(value, "#.3g").rstrip(".")
    decimals = max(0, 3 - int(np.floor(np.log10(sizes.max()))))
    while decimals and (known.round(decimals) == known.round(decimals - 1)).all():
        decimals -= 1
    return lambda value: _number(value, f".{decimals}f")


def _number(value: float, form: str) -> str:
    if np.isnan(value):
        return HOLE
    return "0" if value == 0 else f"{value:{form}}".replace("inf", "∞").replace("-", "−")


def _word(value) -> str:
    import pandas as pd

    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return HOLE if pd.isna(value) else " ".join(str(value).split())
