"""What came out of a study in a few sentences, from its measures alone."""

import numpy as np

from studies.measures.measuring import seeds_by_cell
from studies.measures.results import SET_NAMES

__all__ = ["answer"]

SHARES = "plain_iou_0.8_share", "plain_iou_0.9_share", "small_share"


def answer(plan) -> list[str]:
    """How many triangles the cells of the grid draw, the best and the worst by name, beside real images.

    Means over the seeds that are there; none where no cell is measured.
    """
    means = [_means(plan, f"{of}{name}") for of in ("", "real_") for name in SHARES]
    if not all(means):
        return []
    triangles, clean, small, *real = means
    real = [_range(shares.values()) for shares in real]
    best, worst = (pick(triangles, key=triangles.get) for pick in (max, min))
    cleanest = max(clean, key=clean.get)
    return [
        f"Of samples with 30 px of ink or more {triangles[best]:.2f} overlap their best-fit triangle by 0.8 or more in "
        f"the best cell, {_told(best)}, and {triangles[worst]:.2f} in the worst, {_told(worst)}; of real images "
        f"{real[0]}. Clean triangles, with 0.9 or more, are {clean[cleanest]:.2f} at most, {_told(cleanest)}; of real "
        f"images {real[1]}. All by one ruler.",
        f"Of all samples of a cell {_range(small.values())} have less than 30 px of ink, of real images {real[2]}.",
    ]


def _means(plan, measure) -> dict[tuple[str, str], float]:
    """{(schedule, set): the mean over the seeds that are there}, cells without any left out."""
    return {cell: float(np.mean(known)) for cell, known in seeds_by_cell(plan, measure).items() if known}


def _told(cell) -> str:
    schedule, preparation = cell
    return f"{schedule} on the {SET_NAMES[preparation]} set"


def _range(values) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"
