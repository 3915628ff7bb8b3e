"""Tell what came out of a study in a few sentences, from its measures only."""

import numpy as np

from studies.measures.results import seeds_by_cell

__all__ = ["tell_answer"]

SHARES = "plain_iou_0.8_share", "plain_iou_0.9_share", "small_share"


def tell_answer(plan) -> list[str]:
    """Tell how many good shapes the cells of the grid draw, the best and the worst by name, beside real images.

    Means over the seeds that are there; none where no cell is measured.
    """
    means = [_average(plan, f"{of}{name}") for of in ("", "real_") for name in SHARES]
    if not all(means):
        return []
    good, clean, small, *real = means
    real = [_tell_range(shares.values()) for shares in real]
    best, worst = (pick(good, key=good.get) for pick in (max, min))
    cleanest = max(clean, key=clean.get)
    return [
        f"In the best cell, {_tell(plan, best)}, {_percent(good[best])} of the samples overlap their best-fit shape by "
        f"0.8 or more. In the worst, {_tell(plan, worst)}, {_percent(good[worst])} do; of real images {real[0]}. An "
        f"overlap of 0.9 or more is reached by {_percent(clean[cleanest])} at most, {_tell(plan, cleanest)}; of real "
        f"images by {real[1]}.",
        "Both count samples with 30 px of ink or more, by one ruler for every set. Of a cell's samples "
        f"{_tell_range(small.values())} have less ink than that, of real images {real[2]}.",
    ]


def _average(plan, measure) -> dict[tuple[str, str], float]:
    """Return {(model, data): the mean over the seeds that are there}, cells without any left out."""
    return {cell: float(np.mean(known)) for cell, known in seeds_by_cell(plan, measure).items() if known}


def _tell(plan, cell) -> str:
    model, data = cell
    return f"{plan.label(model)} on the {plan.label(data)} set"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _tell_range(shares) -> str:
    low, high = _percent(min(shares)), _percent(max(shares))
    return low if low == high else f"{low} to {high}"
