"""Lay out a claim's contrast as two small plots, a row a comparison: marks in percent of a plot's width.

The page draws them as SVG without a scale of its own: type and marks keep their size on any screen and on paper.
"""

import textwrap

import numpy as np

from studies.verdicts.claims import contrast, name_measure, tell, tell_contrast
from studies.verdicts.contrasts import parts

__all__ = ["lay_out_plots"]

ROW, JUDGED_ROW, AXIS = 24, 42, 26  # px: a row, the one with mean and interval, and room for the axis
LINE, LETTERS = 15, 11  # px of a label's line, and the letters that it holds on a narrow screen
SPREAD = 3  # px between the points of two seeds
MARGIN = 0.04  # of an axis' length, on either side
TICKS = 4


def lay_out_plots(plan, one, found) -> dict | None:
    """Return what the page needs to draw the contrast of a judged claim; None where it has no data.

    height: px; rows: label, colour, y, height, judged; both: the plot of both sides (None for a rate) and
    difference: that of the contrast, each with ticks [(x, text)] and marks by row; and what they show in words.
    """
    if one.a is None:
        return None
    found_parts = parts(plan, one, found)
    claim, rows = one.claim, _lay_out_rows(plan, found_parts, _has_interval(one))
    paired = all(part.b is not None for part in found_parts)
    return {
        "rows": rows,
        "height": rows[-1]["y"] + rows[-1]["height"],
        "axis": AXIS,
        "both": _plot_sides(found_parts, rows) if paired else None,
        "difference": _plot_difference(one, found_parts, rows),
        "measure": _tell_measure(one),
        "contrast": tell_contrast(plan, claim),
        "sides": _tell_sides(plan, claim),
        "seeds": len(one.a),
    }


def _tell_measure(one) -> str:
    name, known = name_measure(one.claim), one.unit in ("", "1", "ratio", "share")
    name = name if known or name.endswith(one.unit) else f"{name} ({one.unit})"
    added = len(one.claim.contrast.plus) > 1 and not one.claim.contrast.each
    return f"{name}, added up" if added else name


def _tell_sides(plan, claim) -> list[str]:
    """Return what the filled and the open points are."""
    sides = (claim.contrast.plus, claim.contrast.minus)
    plus, minus = (" + ".join(tell(plan, where) for where in side) for side in sides)
    if claim.contrast.each:
        return [plus, "what the row names"] if len(claim.contrast.plus) == 1 else ["the row's first", "its second"]
    return [plus, minus or f"{claim.contrast.level}"]


def _lay_out_rows(plan, found_parts, with_interval) -> list[dict]:
    rows, y = [], 0
    for part in found_parts:
        split = part.judged and with_interval
        label = ", ".join(word.replace(" ", "\u00a0") for word in part.label.split(", "))  # breaks between names first
        lines = len(textwrap.wrap(label, LETTERS))
        height = max(JUDGED_ROW if split else ROW, LINE * lines + 6)
        shade = plan.colour(part.model) if part.model else None
        row = {"label": label, "colour": shade, "y": y, "height": height, "judged": part.judged, "split": split}
        rows.append(row)
        y += height
    return rows


def _place_seeds(row, count) -> list[float]:
    """Return y of each seed's point: side by side about the row's middle, or below it where the interval lies above."""
    middle = row["y"] + (0.68 if row["split"] else 0.5) * row["height"]
    step = min(SPREAD, 0.5 * ROW / max(count - 1, 1))
    return [round(middle + step * (i - (count - 1) / 2), 1) for i in range(count)]


def _plot_sides(found_parts, rows):
    """Plot both sides on the measure's own axis: for every row the seeds' (y, x of a, x of b)."""
    place, ticks = _make_axis([v for part in found_parts for v in (*part.a, *part.b)])
    marks = [
        [(y, place(a), place(b)) for y, a, b in zip(_place_seeds(row, len(part.a)), part.a, part.b, strict=True)]
        for part, row in zip(found_parts, rows, strict=True)
    ]
    return {"ticks": ticks, "marks": marks}


def _plot_difference(one, found_parts, rows):
    """Plot the contrast seed by seed, the smallest effect, and mean and interval in the row that is judged."""
    claim, evidence = one.claim, one.evidence
    values = [part.a if part.b is None else contrast(claim, part.a, part.b) for part in found_parts]
    interval = [float(v) for v in (evidence.low, evidence.high) if np.isfinite(v)] if _has_interval(one) else []
    neutral, limits = _find_limits(claim)
    place, ticks = _make_axis([*np.concatenate(values), *interval, neutral, *limits])
    marks = [
        [(y, place(v)) for y, v in zip(_place_seeds(row, len(points)), points, strict=True)]
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
    """Return whether there is an interval: a rate has exact bounds under one seed too, a mean needs two."""
    return one.claim.kind == "never" or len(one.a) > 1


def _find_limits(claim):
    """Return what no effect is, and the smallest effects that matter."""
    if claim.kind == "equivalence":
        return 1.0, [1 / claim.smallest, claim.smallest]
    above = claim.kind == "never" or claim.direction == "above"
    return 0.0, [claim.smallest if above else -claim.smallest]


def _make_axis(values):
    """Return (value -> percent of the width, [(percent, text) of the ticks]) for an axis that holds all values."""
    from matplotlib.ticker import MaxNLocator

    low, high = float(np.min(values)), float(np.max(values))
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    start, length = low - MARGIN * (high - low), (1 + 2 * MARGIN) * (high - low)

    def place(value):
        return round(100 * (float(value) - start) / length, 2)

    at = [float(v) for v in MaxNLocator(TICKS).tick_values(low, high) if low <= v <= high]
    return place, [(place(v), f"{v:.4g}".replace("-", "−")) for v in at]
