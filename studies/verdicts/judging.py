"""Claims to verdicts: each claim's evidence from the measures of the runs, all of a study's together under Holm."""

from dataclasses import dataclass, replace
from math import nan

import numpy as np

from diffusion.store.records import RunRecord, read_record
from studies.measures.remembered import CLAIMS, ClaimsRecord
from studies.measures.results import kept_file, of_samples, or_hole, read_kept_measures, read_measures
from studies.registries import CHECKS, describe
from studies.verdicts import statistics
from studies.verdicts.claims import Missing, count, count_needed, sides, tell_comparison
from studies.verdicts.statistics import DECIDED, NOT_ASKED, TESTED, Evidence

__all__ = [
    "ALPHA",
    "Judged",
    "find_weakest",
    "gather",
    "judge",
    "judge_found",
    "judge_level",
    "judge_stages",
    "locate_committed",
    "nothing",
    "weigh",
]

ALPHA, AFTER_LOOKS = 0.05, 0.02  # the latter where results of the same seeds were looked at before the last were made
CHANGED = "the claim, its words or its measure were written or changed after the runs of these seeds were made"
UNSAID = (
    "runs of these seeds were measured for another study first, and do not say whether the claim was written by then"
)


@dataclass(frozen=True)
class Judged:
    """A claim with its evidence (None where it is underspecified), outcome, Holm's p and what there is to say.

    a, b: what is compared, by seed, None where nothing was; of several comparisons that which decides, and `against`
    says which one that is. fragile: the seeds of which any one left out would change a decided outcome. partial: the
    models that it was judged by, where not all that it asks for are there; then it is a hint and no verdict.
    """

    claim: object
    evidence: Evidence | None
    unit: str = ""
    notes: tuple[str, ...] = ()
    a: np.ndarray | None = None
    b: np.ndarray | None = None
    against: str = ""
    outcome: str = ""
    p_holm: float = nan
    fragile: tuple[int, ...] = ()
    partial: str = ""


def gather(plan, committed: bool = False) -> tuple[dict, dict]:
    """Gather the measures of the grid's runs that are there: {(data, model, samples, seed): {measure: (value, n)}}, and
    {measure: unit}; samples is `` for the study's own.

    committed: they lie as `studies reference` left them, without the samples that they are of.
    """
    found, units = {}, {}
    own, others = [(run, "", run) for run in plan.grid], [(one.run, one.name, one) for one in plan.resampled]
    for run, samples, measured in own + others:
        if committed:
            frame = or_hole(read_kept_measures, locate_committed(plan, measured))
        else:
            frame = of_samples(read_measures, measured, measured)
        if frame is not None:
            rows = zip(frame.measure, frame.value, frame.n, strict=True)
            found[run.data, run.model, samples, run.seed] = {name: (value, n) for name, value, n in rows}
            units |= dict(zip(frame.measure, frame.unit, strict=True))
    return found, units


def locate_committed(plan, measured):
    """Return a run or other sampling as it lies among committed results, which have a folder for each study.

    Runs are named by their settings, so what another study committed under that name is the same run.
    """
    run = getattr(measured, "run", measured)
    places = [plan.output, plan.folder, *sorted(path.parent for path in plan.folder.glob("*/runs"))]
    moved = [replace(run, folder=place / "runs" / run.name) for place in places]
    if run is not measured:
        moved = [replace(measured, run=one) for one in moved]
    return next((one for one in moved if kept_file(one).exists()), moved[0])


def judge(plan) -> list[Judged]:
    """Judge every claim of the plan's study, in its order; by seeds that confirm, where some of the plan's do."""
    return judge_stages(plan)[0][1]


def judge_stages(plan) -> list[tuple]:
    """Judge every claim by the seeds that confirm and by those that explored, never by both together.

    Returns [(plan with these seeds, judged claims)], first those that confirm; what has no measured run is left out
    unless nothing has one.
    """
    stages = []
    for stage in _split_stages(plan):
        found, units = gather(stage)
        changed, unsaid = _find_changed(stage, found)
        judged = judge_found(stage, found, units)
        told = [replace(one, notes=(*one.notes, *_tell_changes(one.claim, changed, unsaid))) for one in judged]
        stages.append((bool(found), stage, told))
    there = [(stage, told) for measured, stage, told in stages if measured]
    return there or [stages[0][1:]]


def _split_stages(plan) -> list:
    """Return the plan with its seeds that confirm, and with the others; the plan itself where it has one kind."""
    confirming = set(plan.study.confirming.get(plan.scale_name, ()))
    kinds = [[seed for seed in plan.scale.seeds if (seed in confirming) == side] for side in (True, False)]
    return [_keep_seeds(plan, seeds) for seeds in kinds if seeds] if all(kinds) else [plan]


def _keep_seeds(plan, seeds):
    runs = tuple(run for run in plan.runs if run.seed in seeds)
    resampled = tuple(one for one in plan.resampled if one.run.seed in seeds)
    return replace(plan, scale=plan.scale.model_copy(update={"seeds": tuple(seeds)}), runs=runs, resampled=resampled)


def judge_found(plan, found: dict, units: dict) -> list[Judged]:
    """Judge every claim by these measures; see `gather`. Which claims were changed after their runs is not said."""
    judged = _judge_once(plan, found, units)
    fragile = _find_fragile(plan, found, units, judged)
    return [
        replace(one, fragile=seeds, notes=(*one.notes, *_tell_doubts(plan, one, seeds)))
        for one, seeds in zip(judged, fragile, strict=True)
    ]


def judge_level(plan) -> float:
    """Return the p above which a claim is open: stricter where the same seeds were looked at several times."""
    return ALPHA if plan.study.count_looks(plan.scale_name, plan.scale.seeds) == 1 else AFTER_LOOKS


def _judge_once(plan, found, units) -> list[Judged]:
    weighed = [weigh(plan, claim, found, units) for claim in plan.study.claims]
    outcomes = statistics.verdicts([one.evidence for one in weighed], judge_level(plan))
    return [replace(one, outcome=outcome, p_holm=p) for one, (outcome, p) in zip(weighed, outcomes, strict=True)]


def _find_fragile(plan, found, units, judged) -> list[tuple[int, ...]]:
    """Find for each decided claim the seeds that it hangs on: without any one of them it would come out otherwise."""
    fragile = [[] for _ in judged]
    if not any(one.outcome in DECIDED and one.a is not None for one in judged):
        return [() for _ in judged]
    for seed in plan.scale.seeds:
        rest = {cell: values for cell, values in found.items() if cell[-1] != seed}
        for seeds, one, other in zip(fragile, judged, _judge_once(plan, rest, units), strict=True):
            if one.outcome in DECIDED and one.a is not None and other.outcome != one.outcome:
                seeds.append(seed)
    return [tuple(seeds) for seeds in fragile]


def _tell_doubts(plan, one: Judged, fragile: tuple[int, ...]) -> list[str]:
    """Tell what to know before trusting an outcome: that it is fragile, open after looks, or hangs on a reading."""
    told = []
    if fragile:
        told.append(f"fragile: it changes if seed {' or '.join(map(str, fragile))} is left out")
    if judge_level(plan) < one.p_holm <= ALPHA:
        looks = plan.study.count_looks(plan.scale_name, plan.scale.seeds)
        told.append(f"open: p = {one.p_holm:.2g} is over {AFTER_LOOKS:g}, and these seeds were looked at {looks} times")
    if one.claim.reading:
        told.append(f"hangs on a reading: {one.claim.reading}")
    return told


def _tell_changes(claim, changed, unsaid) -> list[str]:
    known = ((CHANGED, changed.get(claim.id, ())), (UNSAID, unsaid if claim.kind in TESTED else ()))
    told = [f"{words}: {', '.join(map(str, sorted(seeds)))}" for words, seeds in known if seeds]
    return [*told, claim.changed] if claim.changed else told


def weigh(plan, claim, found, units) -> Judged:
    """Weigh one claim on its own; without data the evidence is one of no seeds, p = 1."""
    if claim.kind == "underspecified":
        return Judged(claim, None, notes=(claim.why,))
    if claim.kind == "analytic":
        holds, estimate, unit = CHECKS[claim.check](plan)
        return Judged(claim, statistics.analytic(holds, estimate), unit)
    if claim.kind == "unjudged":
        return Judged(claim, nothing("unjudged"), notes=(claim.why or "no judgement is written down",))
    if unasked := _tell_unasked(plan, claim):
        return Judged(claim, nothing(NOT_ASKED), notes=(unasked,))
    unit = "1" if claim.ranked_by else "ratio" if claim.kind == "equivalence" else units.get(claim.measure, "")
    try:
        one = _count_never(plan, claim, found) if claim.kind == "never" else _compare(plan, claim, found)
    except Missing as reason:
        return Judged(claim, nothing(claim.kind), unit, (f"not judged: {reason}",))
    least, have, seeds = count_needed(claim, plan.study.claims), one.evidence.seeds, len(plan.scale.seeds)
    few = [f"{have} of the {least} seeds or more that its test needs"] if have < least else []
    lost = [f"{have} of {seeds} seeds: the others lack a cell, or the measure in one"] if have < seeds else []
    return replace(one, unit=unit, notes=(*one.notes, *few, *lost))


def _tell_unasked(plan, claim) -> str:
    """Say why a claim is not judged at a scale at all; empty where it is."""
    if claim.recipe not in (None, plan.scale.recipe):
        return f"asked only of the recipe {claim.recipe}"
    if describe(claim.measure).timed and (plan.scale.gpus or _is_of_cards(plan)):
        return "not judged: cells may share a GPU, and then their times cannot be compared"
    return ""


def _is_of_cards(plan) -> bool:
    """Tell whether any run of the grid was made on a card, whatever the scale is for."""
    folders = {folder for run in plan.grid for folder in (run.folder, locate_committed(plan, run).folder)}
    records = [or_hole(read_record, folder / "run.json", RunRecord) for folder in folders]
    return any(record is not None and not record.device.startswith("CPU") for record in records)


def nothing(kind) -> Evidence:
    """Return evidence of no seeds."""
    return Evidence(kind, nan, nan, nan, False, 1.0, 0)


def _count_never(plan, claim, found) -> Judged:
    _, rates, trials, samples = count(plan, claim, found)
    evidence = statistics.never(rates, trials, claim.smallest)
    left_out = samples.sum() - trials.sum()
    notes = (f"{left_out:,} of {samples.sum():,} samples are left out, having no ink",) if left_out else ()
    return Judged(claim, evidence, notes=notes, a=rates, b=np.full(len(rates), claim.smallest))


def _compare(plan, claim, found) -> Judged:
    compared = sides(plan, claim, found)
    number, evidence = find_weakest([_compare_once(claim, one) for one in compared])
    against = tell_comparison(plan, claim, number) if len(compared) > 1 else ""
    return Judged(claim, evidence, a=compared[number].a, b=compared[number].b, against=against)


def _compare_once(claim, one) -> Evidence:
    a, b = one.a, one.b
    if claim.kind == "equivalence":
        if min(*a, *b) <= 0:
            raise Missing(f"{claim.measure} is 0 somewhere, and a ratio needs more than that")
        return statistics.equivalence(a, b, claim.smallest, claim.test, one.error)
    direction = 1 if claim.direction == "above" else -1
    return statistics.difference(a, b, direction, claim.smallest, claim.test, one.error)


def find_weakest(comparisons: list[Evidence]) -> tuple[int, Evidence]:
    """Find the comparison that decides a claim which needs all to hold: its number, and the evidence.

    If all support it, it holds as far as the least certain of them does (an intersection-union test, Berger 1982: no
    correction). Else the surest of those against it speaks, its p times the number of comparisons (Bonferroni).
    """
    against = [i for i, one in enumerate(comparisons) if not one.supports]
    if not against:
        number = max(range(len(comparisons)), key=lambda i: comparisons[i].p)
        return number, comparisons[number]
    number = min(against, key=lambda i: comparisons[i].p)
    one, times = comparisons[number], len(comparisons)
    return number, replace(one, p=min(1.0, one.p * times), p_small=min(1.0, one.p_small * times))


def _find_changed(plan, found) -> tuple[dict[str, set[int]], set[int]]:
    """Find claims that read otherwise, or were not there, when runs were first measured: {id: those runs' seeds}.

    Also returns the seeds of runs that were measured only for another study: they do not say whether this study's
    claims were written by then.
    """
    now = {claim.id: claim for claim in plan.study.claims if claim.kind in TESTED}
    changed, unsaid = {}, set()
    for run in plan.grid:
        if (run.data, run.model, "", run.seed) in found:
            record = or_hole(read_record, run.folder / CLAIMS, ClaimsRecord) or ClaimsRecord()
            if plan.study_name not in record.studies and record.studies and not record.lost:
                unsaid.add(run.seed)
                continue
            then = record.studies.get(plan.study_name, {})
            for name in (name for name, claim in now.items() if not claim.is_digest(then.get(name, ""))):
                changed.setdefault(name, set()).add(run.seed)
    return changed, unsaid
