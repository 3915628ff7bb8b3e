"""A claim as data: its digest, the values its contrast takes seed by seed, and the seeds it needs."""

import hashlib
import json

import numpy as np

from studies.measures.results import SHORT_NAMES
from studies.verdicts.statistics import TESTED, seeds_needed

__all__ = [
    "Missing",
    "comparison_told",
    "comparisons",
    "contrast_told",
    "contrasted",
    "counted",
    "digest",
    "needed",
    "sides",
    "told",
]

# of a claim: how it is told, not how it is judged
SHOWN_ONLY = ("claim", "changed", "source", "origin", "figure", "note")


class Missing(ValueError):  # noqa: N818 - it is what it says
    """A claim's cells or measure are not there."""


def digest(claim) -> str:
    """Twelve hexadecimal digits of all that the study's file says of the claim but its words, source and figure.

    What the measure means and how the test works is code: its course is in the project's history.
    """
    content = claim.model_dump(mode="json", exclude=set(SHOWN_ONLY))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def needed(claim, claims) -> int:
    """The least seeds with which the claim can be decided at all, first in Holm's order among `claims`; 0 for none."""
    if claim.kind not in TESTED:
        return 0
    tested = sum(one.kind in TESTED for one in claims)
    return seeds_needed("never" if claim.kind == "never" else claim.test, claims=tested)


def cells(plan, where) -> list[tuple[str, str, str]]:
    """(set, schedule, samples) of the grid's cells that `where` means; samples is `` for the study's own.

    Raises:
        Missing: the study's grid lacks one of them, or these samples are not among the resampled.
    """
    grid = plan.study.grid
    sets, schedules = where.preparation or grid.preparation, where.schedule or grid.schedule
    if lacking := [name for name in (*sets, *schedules) if name not in (*grid.preparation, *grid.schedule)]:
        raise Missing(f"the grid of study {plan.study_name} has no {lacking[0]}")
    if where.samples is not None and where.samples not in plan.study.resampled:
        raise Missing(f"study {plan.study_name} has no other samples called {where.samples}")
    return [(p, s, where.samples or "") for p in sets for s in schedules]


def sides(plan, claim, found):
    """The contrast's comparisons as [(seeds, a, b)], see `comparisons`; arrays by seed, complete seeds only.

    found: {(set, schedule, samples, seed): {measure: (value, n)}} of the runs that are there.

    Raises:
        Missing: no seed is complete, or the grid lacks a cell.
    """
    return [_compared(plan, claim, found, plus, minus, claim.contrast.level) for plus, minus in comparisons(claim)]


def comparisons(claim) -> list[tuple]:
    """(plus, minus), tuples of cells, of each comparison that the claim needs: one, unless its contrast says `each`."""
    contrast = claim.contrast
    if not contrast.each:
        return [(contrast.plus, contrast.minus)]
    return [((plus,), (minus,)) for plus in contrast.plus for minus in contrast.minus]


def _compared(plan, claim, found, plus, minus, level):
    plus, minus = ([cells(plan, where) for where in side] for side in (plus, minus))
    seeds, a, b = [], [], []
    for seed in plan.scale.seeds:
        values = [[_value(found, cell, seed, claim.measure) for cell in group] for group in (*plus, *minus)]
        if np.isfinite([v for group in values for v in group]).all():
            means = [float(np.mean(group)) for group in values]
            seeds.append(seed)
            a.append(sum(means[: len(plus)]))
            b.append(sum(means[len(plus) :]) + (level or 0.0))
    if not seeds:
        raise Missing(f"no seed has {claim.measure} in all cells of the contrast")
    return seeds, np.array(a), np.array(b)


def _value(found, cell, seed, measure):
    return found.get((*cell, seed), {}).get(measure, (np.nan, 0))[0]


def told(where) -> str:
    """Cells in words, such as `linear, wave on 720 px`."""
    words = [", ".join(where.schedule or ()), ", ".join(SHORT_NAMES[name] for name in where.preparation or ())]
    words = " on ".join(word for word in words if word) or "all cells"
    return f"{words} ({where.samples})" if where.samples else words


def comparison_told(claim, number: int) -> str:
    """What one of the comparisons of an `each` is with; what both of its sides share is left out."""
    (plus,), (minus,) = comparisons(claim)[number]
    if len(claim.contrast.plus) == 1:
        return told(minus)
    if plus.preparation == minus.preparation:
        plus, minus = (where.model_copy(update={"preparation": None}) for where in (plus, minus))
    return f"{told(plus)} and {told(minus)}"


def contrast_told(claim) -> str:
    """A claim's contrast in words, such as `low − array`."""
    contrast = claim.contrast
    plus = (" or " if contrast.each else " + ").join(told(where) for where in contrast.plus)
    minus = (" or " if contrast.each else " + ").join(told(where) for where in contrast.minus)
    if not minus:
        return plus if contrast.level is None else f"{plus} − {contrast.level:g}"
    return f"{plus} {'/' if claim.kind == 'equivalence' else '−'} {minus}"


def counted(plan, claim, found):
    """For a claim that something never happens, whole numbers by seed: (seeds, events, trials, samples).

    Trials are the samples that the measure takes: for most those with ink.

    Raises:
        Missing: no seed is complete.
    """
    chosen = [cell for where in claim.contrast.plus for cell in cells(plan, where)]
    seeds, events, trials, samples = [], [], [], []
    for seed in plan.scale.seeds:
        pairs = [found.get((*cell, seed), {}).get(claim.measure, (np.nan, 0)) for cell in chosen]
        if all(n > 0 and np.isfinite(value) for value, n in pairs):
            seeds.append(seed)
            events.append(sum(round(value * n) for value, n in pairs))
            trials.append(sum(int(n) for _, n in pairs))
            samples.append(sum(_drawn(found[(*cell, seed)], n) for cell, (_, n) in zip(chosen, pairs, strict=True)))
    if not seeds:
        raise Missing(f"no seed has {claim.measure} in all cells")
    return seeds, np.array(events), np.array(trials), np.array(samples)


def _drawn(measures, trials) -> int:
    """All samples of a cell; the trials where no measure says how many there are."""
    return int(measures.get("blank_share", (0.0, trials))[1])


def contrasted(claim, a, b) -> np.ndarray:
    """The contrast seed by seed, as it is judged and shown: a - b, or a / b for an equivalence."""
    return a / b if claim.kind == "equivalence" else a - b
