"""A claim's contrast as two small plots of points in a row each, for the report: marks in percent of a plot's width.

The page draws them as SVG without a scale of its own: type and marks keep their size on any screen and on paper.
"""

import textwrap

import numpy as np

from studies.report.palette import colour
from studies.verdicts.claims import contrast_told, contrasted, told
from studies.verdicts.contrasts import parts

__all__ = ["strips"]

ROW, JUDGED_ROW, AXIS = 24, 42, 26  # px: a row, the one with mean and interval, and room for the axis
LINE, LETTERS = 15, 13  # px of a label's line, and the letters that it holds on a narrow screen
SPREAD = 3  # px between the points of two seeds
MARGIN = 0.04  # of an axis' length, on either side
TICKS = 4


def strips(plan, one, found) -> dict | None:
    """What the page needs to draw the contrast of a judged claim; None where it has no data.

    height: px; rows: label, colour, y, height, judged; both: the plot of both sides (None for a rate) and
    difference: that of the contrast, each with ticks [(x, text)] and marks by row; and what they show in words.
    """
    if one.a is None:
        return None
    found_parts = parts(plan, one, found)
    claim, rows = one.claim, _rows(found_parts, _has_interval(one))
    paired = all(part.b is not None for part in found_parts)
    return {
        "rows": rows,
        "height": rows[-1]["y"] + rows[-1]["height"],
        "axis": AXIS,
        "both": _both(found_parts, rows) if paired else None,
        "difference": _difference(one, found_parts, rows),
        "measure": _measure(one),
        "contrast": contrast_told(claim),
        "sides": _sides(claim),
        "seeds": len(one.a),
    }


def _measure(one):
    name, known = one.claim.measure.replace("_", " "), one.unit in ("", "1", "ratio")
    name = name if known or name.endswith(one.unit) else f"{name} ({one.unit})"
    added = len(one.claim.contrast.plus) > 1 and not one.claim.contrast.each
    return f"{name}, added up" if added else name


def _sides(claim):
    plus, minus = (" + ".join(map(told, side)) for side in (claim.contrast.plus, claim.contrast.minus))
    if claim.contrast.each:
        return [plus, "what the row names"] if len(claim.contrast.plus) == 1 else ["the row's first", "its second"]
    return [plus, minus or f"{claim.contrast.level}"]


def _rows(found_parts, with_interval):
    rows, y = [], 0
    for part in found_parts:
        split = part.judged and with_interval
        lines = len(textwrap.wrap(part.label, LETTERS))
        height = max(JUDGED_ROW if split else ROW, LINE * lines + 6)
        shade = colour(part.schedule) if part.schedule else None
        row = {"label": part.label, "colour": shade, "y": y, "height": height, "judged": part.judged, "split": split}
        rows.append(row)
        y += height
    return rows


def _heights(row, count):
    """y of each seed's point: side by side about the row's middle, or below it where the interval lies above."""
    middle = row["y"] + (0.68 if row["split"] else 0.5) * row["height"]
    step = min(SPREAD, 0.5 * ROW / max(count - 1, 1))
    return [round(middle + step * (i - (count - 1) / 2), 1) for i in range(count)]


def _both(found_parts, rows):
    """Both sides on the measure's own axis: for every row the seeds' (y, x of a, x of b)."""
    place, ticks = _axis([v for part in found_parts for v in (*part.a, *part.b)])
    marks = [
        [(y, place(a), place(b)) for y, a, b in zip(_heights(row, len(part.a)), part.a, part.b, strict=True)]
        for part, row in zip(found_parts, rows, strict=True)
    ]
    return {"ticks": ticks, "marks": marks}


def _difference(one, found_parts, rows):
    """The contrast seed by seed, with mean and interval in the row that is judged, and the smallest effect's lines."""
    claim, evidence = one.claim, one.evidence
    values = [part.a if part.b is None else contrasted(claim, part.a, part.b) for part in found_parts]
    interval = [float(v) for v in (evidence.low, evidence.high) if np.isfinite(v)] if _has_interval(one) else []
    neutral, limits = _limits(claim)
    place, ticks = _axis([*np.concatenate(values), *interval, neutral, *limits])
    marks = [
        [(y, place(v)) for y, v in zip(_heights(row, len(points)), points, strict=True)]
        for row, points in zip(rows, values, strict=True)
    ]
    middle = next(row["y"] + 0.27 * row["height"] for row in rows if row["judged"])
    return {
        "ticks": ticks,
        "marks": marks,
        "neutral": place(neutral),
        "limits": [place(v) for v in limits],
        "mean": (round(middle, 1), place(evidence.estimate)) if interval else None,
        "interval": [place(v) for v in interval],
    }


def _has_interval(one) -> bool:
    """A rate has its exact bounds under one seed too; a mean over seeds needs two."""
    return one.claim.kind == "never" or len(one.a) > 1


def _limits(claim):
    """What no effect is, and the smallest effects that matter."""
    if claim.kind == "equivalence":
        return 1.0, [1 / claim.smallest, claim.smallest]
    above = claim.kind == "never" or claim.direction == "above"
    return 0.0, [claim.smallest if above else -claim.smallest]


def _axis(values):
    """(value -> percent of the width, [(percent, text) of the ticks]) for an axis that holds all values."""
    from matplotlib.ticker import MaxNLocator

    low, high = float(np.min(values)), float(np.max(values))
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    start, length = low - MARGIN * (high - low), (1 + 2 * MARGIN) * (high - low)

    def place(value):
        return round(100 * (float(value) - start) / length, 2)

    at = [float(v) for v in MaxNLocator(TICKS).tick_values(low, high) if low <= v <= high]
    return place, [(place(v), f"{v:.4g}".replace("-", "−")) for v in at]
