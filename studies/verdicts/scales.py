"""Verdicts by scale: each claim at every scale that judges, and what holds as a whole.

Recipes are never pooled. A scale decides with three seeds or more; what has fewer, or lacks cells, gives a hint. A
claim holds as a whole where all scales that decide lean the same way, its p the largest of theirs and Holm's over all
claims, and no scale that is nearer to the thesis hints at the contrary. Else it depends on the recipe; or it is open,
where no scale has a verdict.
"""

import re
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path

from studies.planning.reading import read_scales
from studies.planning.resolving import make_plan
from studies.verdicts.judging import Judged, gather, judge_found, judge_level, weigh
from studies.verdicts.partial import restrict, tell_restricted
from studies.verdicts.statistics import DECIDED, LEAST_SEEDS, NOT_ASKED, TESTED, Evidence, holm, verdict

__all__ = [
    "DEPENDS",
    "OPEN",
    "REFERENCE",
    "Column",
    "Whole",
    "choose_scales",
    "combine",
    "find_fitting",
    "find_seeds",
    "gather_seeds",
    "judge_scales",
    "list_evidence",
    "split_seeds",
]

DEPENDS, OPEN = "depends on the recipe", "open"
REFERENCE = "reference"  # the folder of committed results below the one of all scales


@dataclass(frozen=True)
class Column:
    """A scale with the study's claims as judged at it, in their order; plan: with all seeds that were found.

    confirms: whether they are those that the study confirms its claims by, kept apart from those that it explored.
    """

    plan: object
    judged: tuple[Judged, ...]
    confirms: bool = False

    @property
    def scale(self) -> str:
        return self.plan.scale_name

    @property
    def name(self) -> str:
        """The scale, whether its seeds confirm, and how many of those that the study fixed for that are there."""
        if not self.confirms:
            return self.scale
        fixed, seeds = self.plan.study.confirming.get(self.scale, ()), self.plan.scale.seeds
        return f"{self.scale}, confirmatory" + (
            f", {len(seeds)} of {len(fixed)} seeds" if set(seeds) < set(fixed) else ""
        )

    @property
    def widths(self) -> str:
        """The networks' widths, as the first model of the grid that has some says; empty where none does."""
        found = [widths for run in self.plan.grid if (widths := getattr(run.training, "widths", None))]
        return f"{found[0][0]} to {found[0][-1]}" if found else ""

    def decides(self, one: Judged) -> bool:
        """Tell whether a claim has the seeds for a verdict here, and all cells."""
        return one.a is not None and not one.partial and len(one.a) >= LEAST_SEEDS[one.claim.kind]


@dataclass(frozen=True)
class Whole:
    """What holds of a claim as a whole: outcome, Holm's p over the combined ones, and why."""

    claim: object
    outcome: str
    p_holm: float = nan
    why: str = ""


def choose_scales(given: str | None = None) -> list[str]:
    """Return the scales to judge at, nearest to the thesis first: those given, with commas, or all that judge.

    Raises:
        ValueError: an unknown scale, or one twice.
    """
    scales = read_scales()
    if given is None:
        return list(scales.nearest)
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in scales.scales or names.count(name) > 1:
            known = ", ".join(scales.scales)
            raise ValueError(f"scales = {given!r}: {name!r} is unknown or there twice; choose from {known}")
    return sorted(names, key=lambda name: scales.nearest.index(name) if name in scales.nearest else len(names) + 99)


def judge_scales(study: str, scales: list[str], results: Path) -> list[Column]:
    """Judge a study's claims at each scale by all seeds that are measured there, made here or committed.

    Measures of cells that were made in `results` replace the committed ones of the same cells. Seeds that confirm have
    a column of their own, before that of the others.
    """
    parts = [(scale, part) for scale in scales for part in split_seeds(study, scale, results)]
    return [_judge_seeds(study, scale, results, seeds, confirms) for scale, (seeds, confirms) in parts]


def find_fitting(study: str, results: Path) -> list[str]:
    """Find the scales that judge and whose recipe fits the study's models, nearest to the thesis first."""
    return [scale for scale in choose_scales() if _can_plan(study, scale, results)]


def _can_plan(study: str, scale: str, results: Path) -> bool:
    try:
        make_plan(study, scale, results)
    except ValueError:
        return False
    return True


def split_seeds(study: str, scale: str, results: Path) -> list[tuple[set[int], bool]]:
    """Return the measured seeds that confirm, if there are any, then the others: [(seeds, whether they confirm)]."""
    seeds = find_seeds(study, scale, results)
    confirming = seeds & set(make_plan(study, scale, results).study.confirming.get(scale, ()))
    rest = [(seeds - confirming, False)] if seeds - confirming or not seeds else []
    return [(confirming, True), *rest] if confirming else rest


def _judge_seeds(study, scale, results, seeds, confirms=False) -> Column:
    """Judge at a scale by these seeds; by the scale's own, and so by nothing, if there are none."""
    own, found, units = gather_seeds(study, scale, results, seeds)
    judged = [_hint_at(own, one, found, units) for one in judge_found(own, found, units)]
    return Column(own, tuple(judged), confirms)


def gather_seeds(study: str, scale: str, results: Path, seeds) -> tuple:
    """Gather a study's measures at a scale by these seeds, made here or committed: (plan, measures by cell, units).

    See `studies.verdicts.judging.gather`. What was made here replaces what is committed of the same cells.
    """
    own, committed = _plan_twice(study, scale, results, seeds)
    (kept, units), (made, more) = gather(committed, committed=True), gather(own)
    return own, kept | made, units | more


def list_evidence(results: Path) -> list[Path]:
    """List the measures at every scale that judges, made or committed; with those of other studies' runs.

    Without a plan, as plans ask for it: what `judge_scales` reads is among them.
    """
    folders = [folder / scale for scale in choose_scales() for folder in (results, results / REFERENCE)]
    runs = [runs for folder in folders for runs in (folder / "runs", *folder.glob("*/runs"))]
    return sorted(path for folder in runs for path in folder.glob("*/*measures.csv*"))


def _plan_twice(study, scale, results, seeds) -> list:
    """Plan a study for what was made here, and for what is committed; by the scale's own seeds if none are given."""
    chosen = tuple(sorted(seeds)) or None
    return [make_plan(study, scale, folder, chosen) for folder in (results, results / REFERENCE)]


def _hint_at(plan, one: Judged, found, units) -> Judged:
    """Judge by the models that are there a claim that lacks some; as it was where it lacks none, or has none."""
    if one.claim.kind not in TESTED or one.a is not None or one.outcome == NOT_ASKED:
        return one
    left = restrict(plan, one.claim, found)
    if left is None:
        return one
    hint = weigh(plan, left, found, units)
    return replace(hint, claim=one.claim, outcome="inconclusive", partial=tell_restricted(plan, left))


def find_seeds(study: str, scale: str, results: Path) -> set[int]:
    """Find the seeds of measured runs by their folders' names; a plan says later which of these are the study's."""
    plans = [make_plan(study, scale, folder) for folder in (results, results / REFERENCE)]
    folders = {path for plan in plans for path in (plan.folder / "runs", *plan.folder.glob("*/runs"))}
    names = [path.parent.name for folder in folders for path in folder.glob("*/measures.csv*")]
    return {int(found[1]) for name in names if (found := re.search(r"-seed(\d+)(?:-|$)", name))}


def combine(columns: list[Column]) -> list[Whole]:
    """Say of each claim what holds as a whole; columns: nearest to the thesis first."""
    wholes, evidence, levels = [], [], []
    for judged in zip(*(column.judged for column in columns), strict=True):
        whole, found = _combine_one(columns, judged)
        wholes.append(whole)
        evidence.append(found)
        levels.append(min((judge_level(column.plan) for column, _ in _find_deciding(columns, judged)), default=nan))
    tested = [i for i, one in enumerate(evidence) if one is not None]
    for i, p in zip(tested, holm([evidence[i].p for i in tested]), strict=True):
        outcome = verdict(evidence[i], levels[i], float(p))
        wholes[i] = replace(wholes[i], outcome=OPEN if outcome == "inconclusive" else outcome, p_holm=float(p))
    return wholes


def _combine_one(columns, judged) -> tuple[Whole, Evidence | None]:
    """Return what holds of one claim, with the combined evidence where its p decides."""
    claim = judged[0].claim
    if claim.kind not in TESTED:
        outcome = judged[0].outcome
        return Whole(claim, OPEN if outcome == "inconclusive" else outcome), None
    pairs = [(column, one) for column, one in zip(columns, judged, strict=True) if one.a is not None]
    deciding = _find_deciding(columns, judged)
    if not deciding:
        unasked = all(one.outcome == NOT_ASKED for one in judged)
        why = "; ".join(filter(None, (_tell_hints(pairs, None), _tell_unasked(columns, judged))))
        return Whole(claim, NOT_ASKED if unasked else OPEN, why=why), None
    first, supports = deciding[0], deciding[0][1].evidence.supports
    hints = pairs[: pairs.index(first)]
    why = _tell_hints(hints, supports)
    if any(one.evidence.supports != supports for _, one in (*deciding, *hints)):
        outcome = DEPENDS if any(one.outcome in DECIDED for _, one in deciding) else OPEN
        return Whole(claim, outcome, why="; ".join(filter(None, (_tell_split(deciding), why)))), None
    weakest = max((one.evidence for _, one in deciding), key=lambda found: found.p)
    found = replace(weakest, p_small=max(one.evidence.p_small for _, one in deciding))
    return Whole(claim, "", why="; ".join(filter(None, (f"judged at {_name(deciding)}", why)))), found


def _find_deciding(columns, judged) -> list[tuple[Column, Judged]]:
    """Find the scales that decide a claim; where seeds that confirm do, those that explored do not."""
    pairs = [(column, one) for column, one in zip(columns, judged, strict=True) if column.decides(one)]
    confirmed = {column.scale for column, _ in pairs if column.confirms}
    return [(column, one) for column, one in pairs if column.confirms or column.scale not in confirmed]


def _name(pairs) -> str:
    return " and ".join(column.name for column, _ in pairs)


def _tell_split(deciding) -> str:
    """Say which deciding scales lean which way, where they differ."""
    sides = [[pair for pair in deciding if pair[1].evidence.supports == side] for side in (True, False)]
    if not all(sides):
        return f"{_name(deciding)} {'leans' if len(deciding) == 1 else 'lean'} {_way(deciding[0][1])}"
    return f"{_name(sides[0])} for it, {_name(sides[1])} against"


def _way(one) -> str:
    return "for it" if one.evidence.supports else "against it"


def _tell_hints(pairs, supports) -> str:
    """Tell which way scales with too few seeds lean; supports: which way those lean that decide, None if none does."""
    told = []
    for column, one in pairs:
        way = _way(one)
        if supports is not None:
            way = "the same way" if one.evidence.supports == supports else "the other way"
        told.append(f"leans {way} at {column.name}, {_count(len(one.a))}")
    return ", ".join(told)


def _tell_unasked(columns, judged) -> str:
    """Tell at which scales a claim is not asked, and why."""
    pairs = zip(columns, judged, strict=True)
    return ", ".join(f"{column.name}: {one.notes[0]}" for column, one in pairs if one.outcome == NOT_ASKED)


def _count(seeds: int) -> str:
    return {1: "one seed", 2: "two seeds"}.get(seeds, f"{seeds} seeds")
