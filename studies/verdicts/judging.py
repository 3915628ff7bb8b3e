"""Claims to verdicts: each claim's evidence from the measures of the runs, all of a study's together under Holm."""

from dataclasses import dataclass, replace
from math import nan
from zlib import crc32

import numpy as np
import pandas as pd

from diffusion.store.records import read_record
from studies.measures.remembered import CLAIMS, ClaimsRecord
from studies.measures.results import of_samples, or_hole, read_measures
from studies.registries import CHECKS, describe
from studies.verdicts import statistics
from studies.verdicts.claims import Missing, count, count_needed, sides, tell_comparison
from studies.verdicts.statistics import TESTED, Evidence

__all__ = [
    "ALPHA",
    "Judged",
    "find_weakest",
    "gather",
    "judge",
    "print_out",
    "tabulate",
    "tell_estimate",
    "tell_evidence",
]

ALPHA = 0.05
BOOTSTRAP_STREAM = 41
VERDICT_COLUMNS = (
    "id", "claim", "origin", "source", "measure", "estimate", "low", "high", "unit", "seeds", "scale", "verdict",
    "p", "p_holm", "kind", "test", "smallest", "ours", "figure", "digest", "evidence",
)  # fmt: skip
CHANGED = "the claim was written or changed after the runs of these seeds were made"


@dataclass(frozen=True)
class Judged:
    """A claim with its evidence (None where it is underspecified), outcome, Holm's p and what there is to say.

    a, b: what is compared, by seed, None where nothing was; of several comparisons that which decides, and `against`
    says which one that is.
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


def gather(plan) -> tuple[dict, dict]:
    """Gather the measures of the grid's runs that are there: {(data, model, samples, seed): {measure: (value, n)}}, and
    {measure: unit}; samples is `` for the study's own."""
    found, units = {}, {}
    own, others = [(run, "", run) for run in plan.grid], [(one.run, one.name, one) for one in plan.resampled]
    for run, samples, measured in own + others:
        frame = of_samples(read_measures, measured, measured)
        if frame is not None:
            rows = zip(frame.measure, frame.value, frame.n, strict=True)
            found[run.data, run.model, samples, run.seed] = {name: (value, n) for name, value, n in rows}
            units |= dict(zip(frame.measure, frame.unit, strict=True))
    return found, units


def judge(plan) -> list[Judged]:
    """Judge every claim of the plan's study, in its order."""
    found, units = gather(plan)
    weighed = [_weigh(plan, claim, found, units) for claim in plan.study.claims]
    outcomes = statistics.verdicts([one.evidence for one in weighed], ALPHA)
    changed = _find_changed(plan, found)
    return [
        replace(one, outcome=outcome, p_holm=p, notes=(*one.notes, *_tell_changes(one.claim, changed)))
        for one, (outcome, p) in zip(weighed, outcomes, strict=True)
    ]


def _tell_changes(claim, changed) -> list[str]:
    seeds = sorted(changed.get(claim.id, ()))
    told = f"{CHANGED}: {', '.join(map(str, seeds))}" if seeds else None
    return [note for note in (told, claim.changed) if note]


def _weigh(plan, claim, found, units) -> Judged:
    """Weigh one claim on its own; without data the evidence is one of no seeds, p = 1."""
    if claim.kind == "underspecified":
        return Judged(claim, None, notes=(claim.why,))
    if claim.kind == "analytic":
        holds, estimate, unit = CHECKS[claim.check](plan)
        return Judged(claim, statistics.analytic(holds, estimate), unit)
    if claim.kind == "unjudged":
        return Judged(claim, _nothing("unjudged"), notes=(claim.why or "no judgement is written down",))
    unit = "ratio" if claim.kind == "equivalence" else units.get(claim.measure, "")
    try:
        one = _count_never(plan, claim, found) if claim.kind == "never" else _compare(plan, claim, found)
    except Missing as reason:
        return Judged(claim, _nothing(claim.kind), unit, (f"not judged: {reason}",))
    least, have, seeds = count_needed(claim, plan.study.claims), one.evidence.seeds, len(plan.scale.seeds)
    few = [f"{have} of the {least} seeds or more that its test needs"] if have < least else []
    lost = [f"{have} of {seeds} seeds: the others lack a cell, or the measure in one"] if have < seeds else []
    return replace(one, unit=unit, notes=(*one.notes, *few, *lost))


def _nothing(kind):
    return Evidence(kind, nan, nan, nan, False, 1.0, 0)


def _count_never(plan, claim, found) -> Judged:
    _, events, trials, samples = count(plan, claim, found)
    evidence = statistics.never(events, trials, claim.smallest)
    left_out = samples.sum() - trials.sum()
    notes = (f"{left_out:,} of {samples.sum():,} samples are left out, having no ink",) if left_out else ()
    return Judged(claim, evidence, notes=notes, a=events / trials, b=np.full(len(events), claim.smallest))


def _compare(plan, claim, found) -> Judged:
    rng = np.random.default_rng(np.random.SeedSequence([BOOTSTRAP_STREAM, crc32(claim.id.encode())]))
    compared = sides(plan, claim, found)
    number, evidence = find_weakest([_compare_once(claim, a, b, rng) for _, a, b in compared])
    against = tell_comparison(plan, claim, number) if claim.contrast.each else ""
    return Judged(claim, evidence, a=compared[number][1], b=compared[number][2], against=against)


def _compare_once(claim, a, b, rng) -> Evidence:
    if claim.kind == "equivalence":
        if min(*a, *b) <= 0:
            raise Missing(f"{claim.measure} is 0 somewhere, and a ratio needs more than that")
        return statistics.equivalence(a, b, claim.smallest, rng, claim.test)
    direction = 1 if claim.direction == "above" else -1
    return statistics.difference(a, b, direction, claim.smallest, rng, claim.test)


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
    return number, replace(comparisons[number], p=min(1.0, comparisons[number].p * len(comparisons)))


def _find_changed(plan, found) -> dict[str, set[int]]:
    """Find claims that read otherwise, or were not there, when runs were first measured: {id: those runs' seeds}."""
    now = {claim.id: claim.digest for claim in plan.study.claims if claim.kind in TESTED}
    changed = {}
    for run in plan.grid:
        if (run.data, run.model, "", run.seed) in found:
            record = or_hole(read_record, run.folder / CLAIMS, ClaimsRecord) or ClaimsRecord()
            then = record.studies.get(plan.study_name, {})
            for name in (name for name, value in now.items() if then.get(name) != value):
                changed.setdefault(name, set()).add(run.seed)
    return changed


def tabulate(plan) -> pd.DataFrame:
    """Tabulate the claims with what we found, a claim a row; see `Judged`. Made for missing runs too."""
    return pd.DataFrame([_row(plan, one) for one in judge(plan)], columns=VERDICT_COLUMNS)


def _row(plan, one: Judged) -> dict:
    claim, evidence = one.claim, one.evidence or _nothing(one.claim.kind)
    return {
        "id": claim.id,
        "claim": claim.claim,
        "origin": claim.origin,
        "source": claim.source,
        "measure": claim.measure or claim.check or "",
        "estimate": evidence.estimate,
        "low": evidence.low,
        "high": evidence.high,
        "unit": one.unit,
        "seeds": evidence.seeds,
        "scale": plan.scale_name,
        "verdict": one.outcome,
        "p": evidence.p if claim.kind in TESTED else nan,
        "p_holm": one.p_holm if claim.kind in TESTED else nan,
        "kind": claim.kind,
        "test": claim.test if claim.kind in ("difference", "equivalence") else "",
        "smallest": nan if claim.smallest is None else claim.smallest,
        "ours": tell_estimate(one),
        "figure": claim.figure or "",
        "digest": claim.digest,
        "evidence": tell_evidence(plan, one),
    }


def tell_evidence(plan, one: Judged) -> str:
    """Tell the evidence in one line."""
    words, evidence = [], one.evidence
    if evidence is not None and evidence.estimate == evidence.estimate:
        words.append(f"{_tell_measure(one.claim)}: {tell_estimate(one)}")
        words += [f"decided by the comparison with {one.against}"] if one.against else []
    if evidence is not None and evidence.kind in TESTED and evidence.seeds:
        words.append(f"{evidence.seeds} seed{'s' * (evidence.seeds > 1)} at scale {plan.scale_name}")
    return "; ".join([*words, *one.notes])


def _tell_measure(claim) -> str:
    return describe(claim.measure).words if claim.measure else claim.check.replace("-", " ")


def tell_estimate(one: Judged) -> str:
    """Tell the estimate with its interval and unit; a dash where there is none."""
    evidence = one.evidence
    if evidence is None or evidence.estimate != evidence.estimate:
        return "–"
    unit = f" {one.unit}" if one.unit not in ("", "1") else ""
    estimate, low, high = (f"{v:.3g}".replace("-", "−") for v in (evidence.estimate, evidence.low, evidence.high))
    if evidence.kind == "analytic" or not np.isfinite([evidence.low, evidence.high]).all():
        return f"{estimate}{unit}"
    return f"{estimate} ({low} to {high}){unit}"


def print_out(plan) -> str:
    """Return the verdicts as aligned text, 100 columns or so wide."""
    rows = [("claim", "ours", "seeds", "scale", "verdict")]
    found = judge(plan)
    for one in found:
        seeds = str(one.evidence.seeds) if one.evidence else "0"
        rows.append((one.claim.id, tell_estimate(one), seeds, plan.scale_name, one.outcome))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{one.claim.id}: {note}" for one in found for note in one.notes]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], "", *notes]).rstrip()
