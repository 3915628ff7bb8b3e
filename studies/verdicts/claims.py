"""The values that a claim's contrast takes seed by seed, the seeds it needs, and its contrast in words."""

from typing import NamedTuple

import numpy as np

from studies.measures.measure import OF_REAL
from studies.registries import describe
from studies.verdicts.statistics import TESTED, seeds_needed

__all__ = [
    "Missing",
    "cells",
    "comparisons",
    "contrast",
    "count",
    "count_needed",
    "find_value",
    "name_measure",
    "sides",
    "tell",
    "tell_comparison",
    "tell_contrast",
]


class Sides(NamedTuple):
    """The two sides of a comparison, (n,) each, seed by seed.

    error: the standard error that the images alone leave of their mean difference.
    """

    seeds: list[int]
    a: np.ndarray
    b: np.ndarray
    error: float


class Missing(ValueError):  # noqa: N818 - it is what it says
    """A claim's cells or measure are not there."""


def count_needed(claim, claims) -> int:
    """Count the seeds without which the claim cannot be decided at all, first in Holm's order among `claims`."""
    if claim.kind not in TESTED:
        return 0
    tested = sum(one.kind in TESTED for one in claims)
    return seeds_needed("t" if claim.kind == "never" else claim.test, claims=tested)


def cells(plan, where) -> list[tuple[str, str, str]]:
    """Return (data, model, samples) of the grid's cells that `where` means; samples is `` for the study's own.

    Raises:
        Missing: the study's grid lacks one of them, or these samples are not among the resampled.
    """
    data, models = where.data or plan.data_names, where.model or plan.model_names
    if where.samples is not None and where.samples not in plan.study.resampled:
        raise Missing(f"study {plan.study_name} has no other samples called {where.samples}")
    chosen = [(d, m) for d in data for m in models]
    known = [cell for cell in chosen if cell in plan.cells]
    if len(known) < (len(chosen) if where.data and where.model else 1):
        data, model = next(cell for cell in chosen if cell not in known)
        raise Missing(f"the grid of study {plan.study_name} has no {model} on {data}")
    return [(*cell, where.samples or "") for cell in known]


def sides(plan, claim, found):
    """Return the contrast's comparisons as [Sides], see `comparisons`; arrays by seed, complete seeds only.

    found: {(data, model, samples, seed): {measure: (value, n)}} of the runs that are there.

    Raises:
        Missing: no seed is complete, or the grid lacks a cell.
    """
    return [
        _compared(plan, claim, found, plus, minus, claim.contrast.level) for plus, minus in comparisons(plan, claim)
    ]


def comparisons(plan, claim) -> list[tuple]:
    """Return (plus, minus), tuples of cells, of each comparison that the claim needs: one, unless it says `each`, or
    `each_data`, which makes one for each data set."""
    contrast = claim.contrast
    pairs = [(contrast.plus, contrast.minus)]
    if contrast.each:
        pairs = [((plus,), (minus,)) for plus in contrast.plus for minus in contrast.minus]
    if not contrast.each_data:
        return pairs
    return [tuple(_restrict(side, data) for side in pair) for data in plan.data_names for pair in pairs]


def _restrict(side, data: str) -> tuple:
    return tuple(where.model_copy(update={"data": (data,)}) for where in side)


def _compared(plan, claim, found, plus, minus, level):
    plus, minus = ([cells(plan, where) for where in side] for side in (plus, minus))
    seeds, a, b = [], [], []
    for seed in plan.scale.seeds:
        values = [_find_values(claim, found, group, seed) for group in (*plus, *minus)]
        if np.isfinite([v for group in values for v in group]).all():
            means = [float(np.mean(group)) for group in values]
            seeds.append(seed)
            a.append(sum(means[: len(plus)]))
            b.append(sum(means[len(plus) :]) + (level or 0.0))
    if not seeds:
        raise Missing(f"no seed has {claim.measure} in all cells of the contrast")
    return Sides(seeds, np.array(a), np.array(b), _find_error(claim, found, (*plus, *minus), seeds))


def _find_error(claim, found, groups, seeds) -> float:
    """Return the standard error that images alone leave of a contrast's mean over seeds; 0 where it is of no shares.

    Of n images k have it; (k + 1/2) / (n + 1) for k / n, so that none or all of them is not taken for certain.
    """
    if claim.ranked_by or describe(claim.measure).unit != "share" or describe(claim.measure).range != (0, 1):
        return 0.0
    variance = 0.0
    for group in groups:
        known = np.array([_look_up(found, cell, seed, claim.measure) for cell in group for seed in seeds])
        n = np.maximum(known[:, 1], 1)
        share = (known[:, 0] * n + 0.5) / (n + 1)
        variance += (share * (1 - share) / n).sum() / len(group) ** 2
    return float(np.sqrt(variance)) / len(seeds)


def _find_values(claim, found, group, seed) -> list[float]:
    """Find a measure of each cell, or of all of them its rank correlation with the measure that the claim ranks by."""
    values = [find_value(found, cell, seed, claim.measure) for cell in group]
    if claim.ranked_by is None:
        return values
    others = [find_value(found, (data, model, ""), seed, claim.ranked_by) for data, model, _ in group]
    return [_rank_correlation(values, others)]


def _rank_correlation(values, others) -> float:
    """Return Spearman's rank correlation, NaN where a value is missing or all are equal."""
    from scipy.stats import spearmanr

    known = np.isfinite([*values, *others]).all() and np.ptp(values) > 0 and np.ptp(others) > 0
    return float(spearmanr(values, others).statistic) if known else np.nan


def find_value(found, cell, seed, measure) -> float:
    """Find a measure of a cell and seed, NaN where there is none; that of real images is any cell's of the data."""
    return _look_up(found, cell, seed, measure)[0]


def _look_up(found, cell, seed, measure) -> tuple[float, int]:
    """Find a measure of a cell and seed, and the images that it rests on."""
    known = found.get((*cell, seed), {})
    if measure.startswith(OF_REAL) and measure not in known:
        same = (values for key, values in found.items() if (key[0], key[-1]) == (cell[0], seed) and measure in values)
        known = next(same, {})
    return known.get(measure, (np.nan, 0))


def name_measure(claim) -> str:
    """Name what a claim is judged by, in words."""
    words = describe(claim.measure).words
    return f"rank correlation of {words} with {describe(claim.ranked_by).words}" if claim.ranked_by else words


def tell(plan, where) -> str:
    """Return cells in words, such as `linear, wave on 720 px`."""
    axes = [", ".join(map(plan.label, where.model or ())), ", ".join(map(plan.label, where.data or ()))]
    words = " on ".join(word for word in axes if word) or "all cells"
    return f"{words} ({where.samples})" if where.samples else words


def tell_comparison(plan, claim, number: int) -> str:
    """Say what one of the comparisons of an `each` is with; what both of its sides share is left out."""
    sides = comparisons(plan, claim)[number]
    if claim.contrast.each_data and not claim.contrast.each:
        return plan.label(sides[0][0].data[0])
    (plus,), (minus,) = sides
    if len(claim.contrast.plus) == 1:
        return tell(plan, minus)
    if plus.data == minus.data:
        plus, minus = (where.model_copy(update={"data": None}) for where in (plus, minus))
    return f"{tell(plan, plus)} and {tell(plan, minus)}"


def tell_contrast(plan, claim) -> str:
    """Return a claim's contrast in words, such as `low resolution − array`."""
    sides, level = claim.contrast, claim.contrast.level
    joint, apart = " or " if sides.each else " + ", ", on each set" if sides.each_data else ""
    plus, minus = (joint.join(tell(plan, where) for where in side) for side in (sides.plus, sides.minus))
    if not minus:
        return plus + apart if level is None else f"{plus} − {level:g}{apart}"
    return f"{plus} {'/' if claim.kind == 'equivalence' else '−'} {minus}{apart}"


def count(plan, claim, found):
    """Count, for a claim that something never happens, by seed: (seeds, rates, trials, samples).

    Trials are the samples that the measure takes: for most those with ink.

    Raises:
        Missing: no seed is complete.
    """
    chosen = [cell for where in claim.contrast.plus for cell in cells(plan, where)]
    seeds, rates, trials, samples = [], [], [], []
    for seed in plan.scale.seeds:
        pairs = [found.get((*cell, seed), {}).get(claim.measure, (np.nan, 0)) for cell in chosen]
        if all(n > 0 and np.isfinite(value) for value, n in pairs):
            seeds.append(seed)
            trials.append(sum(int(n) for _, n in pairs))
            rates.append(sum(value * n for value, n in pairs) / trials[-1])
            samples.append(sum(_drawn(found[(*cell, seed)], n) for cell, (_, n) in zip(chosen, pairs, strict=True)))
    if not seeds:
        raise Missing(f"no seed has {claim.measure} in all cells")
    return seeds, np.array(rates), np.array(trials), np.array(samples)


def _drawn(measures, trials) -> int:
    """Return the number of all samples of a cell; the trials where no measure says how many there are."""
    return int(measures.get("blank_share", (0.0, trials))[1])


def contrast(claim, a, b) -> np.ndarray:
    """Take the contrast seed by seed, as it is judged and shown: a - b, or a / b for an equivalence."""
    return a / b if claim.kind == "equivalence" else a - b
