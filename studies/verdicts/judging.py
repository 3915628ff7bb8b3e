"""Claims to verdicts: each claim's evidence from the measures of the runs, all of a study's together under Holm."""

from dataclasses import dataclass, replace
from math import nan
from zlib import crc32

import numpy as np
import pandas as pd

from diffusion.store.records import read_record
from studies.measures.measuring import CLAIMS, read_measures
from studies.measures.records import ClaimsRecord
from studies.measures.results import of_samples, or_hole
from studies.verdicts import analytic, statistics
from studies.verdicts.claims import Missing, comparison_told, counted, digest, needed, sides
from studies.verdicts.statistics import TESTED, Evidence

__all__ = ["ALPHA", "Judged", "gathered", "judged", "ours", "sentence", "terminal", "verdicts", "weakest"]

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


def gathered(plan) -> tuple[dict, dict]:
    """Measures of the grid's runs that are there: {(set, schedule, samples, seed): {measure: (value, n)}}, and
    {measure: unit}; samples is `` for the study's own."""
    found, units = {}, {}
    own, others = [(run, "", run) for run in plan.grid], [(one.run, one.name, one) for one in plan.resampled]
    for run, samples, measured in own + others:
        frame = of_samples(read_measures, measured, measured)
        if frame is not None:
            rows = zip(frame.measure, frame.value, frame.n, strict=True)
            found[run.preparation, run.schedule, samples, run.seed] = {name: (value, n) for name, value, n in rows}
            units |= dict(zip(frame.measure, frame.unit, strict=True))
    return found, units


def judged(plan) -> list[Judged]:
    """Every claim of the plan's study, in its order."""
    found, units = gathered(plan)
    weighed = [_weighed(plan, claim, found, units) for claim in plan.study.claims]
    outcomes = statistics.verdicts([one.evidence for one in weighed], ALPHA)
    changed = _changed(plan, found)
    return [
        replace(one, outcome=outcome, p_holm=p, notes=(*one.notes, *_changes_told(one.claim, changed)))
        for one, (outcome, p) in zip(weighed, outcomes, strict=True)
    ]


def _changes_told(claim, changed) -> list[str]:
    seeds = sorted(changed.get(claim.id, ()))
    told = f"{CHANGED}: {', '.join(map(str, seeds))}" if seeds else None
    return [note for note in (told, claim.changed) if note]


def _weighed(plan, claim, found, units) -> Judged:
    """One claim on its own; without data the evidence is one of no seeds, p = 1."""
    if claim.kind == "underspecified":
        return Judged(claim, None, notes=(claim.why,))
    if claim.kind == "analytic":
        holds, estimate, unit = analytic.checked(claim.check)(plan)
        return Judged(claim, statistics.analytic(holds, estimate), unit)
    if claim.kind == "unjudged":
        return Judged(claim, _nothing("unjudged"), notes=(claim.why or "no judgement is written down",))
    unit = "ratio" if claim.kind == "equivalence" else units.get(claim.measure, "")
    try:
        one = _never(plan, claim, found) if claim.kind == "never" else _compared(plan, claim, found)
    except Missing as reason:
        return Judged(claim, _nothing(claim.kind), unit, (f"not judged: {reason}",))
    least, have, seeds = needed(claim, plan.study.claims), one.evidence.seeds, len(plan.scale.seeds)
    few = [f"{have} of the {least} seeds or more that its test needs"] if have < least else []
    lost = [f"{have} of {seeds} seeds: the others lack a cell, or the measure in one"] if have < seeds else []
    return replace(one, unit=unit, notes=(*one.notes, *few, *lost))


def _nothing(kind):
    return Evidence(kind, nan, nan, nan, False, 1.0, 0)


def _never(plan, claim, found) -> Judged:
    _, events, trials, samples = counted(plan, claim, found)
    evidence = statistics.never(events, trials, claim.smallest)
    left_out = samples.sum() - trials.sum()
    notes = (f"{left_out:,} of {samples.sum():,} samples are left out, having no ink",) if left_out else ()
    return Judged(claim, evidence, notes=notes, a=events / trials, b=np.full(len(events), claim.smallest))


def _compared(plan, claim, found) -> Judged:
    rng = np.random.default_rng(np.random.SeedSequence([BOOTSTRAP_STREAM, crc32(claim.id.encode())]))
    compared = sides(plan, claim, found)
    number, evidence = weakest([_one_comparison(claim, a, b, rng) for _, a, b in compared])
    against = comparison_told(claim, number) if claim.contrast.each else ""
    return Judged(claim, evidence, a=compared[number][1], b=compared[number][2], against=against)


def _one_comparison(claim, a, b, rng) -> Evidence:
    if claim.kind == "equivalence":
        if min(*a, *b) <= 0:
            raise Missing(f"{claim.measure} is 0 somewhere, and a ratio needs more than that")
        return statistics.equivalence(a, b, claim.smallest, rng, claim.test)
    direction = 1 if claim.direction == "above" else -1
    return statistics.difference(a, b, direction, claim.smallest, rng, claim.test)


def weakest(comparisons: list[Evidence]) -> tuple[int, Evidence]:
    """The evidence for a claim that needs all comparisons to hold, and the number of the one that decides.

    If all support it, it holds as far as the least certain of them does (an intersection-union test, Berger 1982: no
    correction). Else the surest of those against it speaks, its p times the number of comparisons (Bonferroni).
    """
    against = [i for i, one in enumerate(comparisons) if not one.supports]
    if not against:
        number = max(range(len(comparisons)), key=lambda i: comparisons[i].p)
        return number, comparisons[number]
    number = min(against, key=lambda i: comparisons[i].p)
    return number, replace(comparisons[number], p=min(1.0, comparisons[number].p * len(comparisons)))


def _changed(plan, found) -> dict[str, set[int]]:
    """Claims that read otherwise, or were not there, when runs were first measured: {id: those runs' seeds}."""
    now = {claim.id: digest(claim) for claim in plan.study.claims if claim.kind in TESTED}
    changed = {}
    for run in plan.grid:
        if (run.preparation, run.schedule, "", run.seed) in found:
            record = or_hole(read_record, run.folder / CLAIMS, ClaimsRecord) or ClaimsRecord()
            then = record.studies.get(plan.study_name, {})
            for name in (name for name, value in now.items() if then.get(name) != value):
                changed.setdefault(name, set()).add(run.seed)
    return changed


def verdicts(plan) -> pd.DataFrame:
    """The claims with what we found, a claim a row; see `Judged`. Made for missing runs too."""
    return pd.DataFrame([_row(plan, one) for one in judged(plan)], columns=VERDICT_COLUMNS)


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
        "ours": ours(one),
        "figure": claim.figure or "",
        "digest": digest(claim),
        "evidence": sentence(plan, one),
    }


def sentence(plan, one: Judged) -> str:
    """The evidence as one line for people."""
    words, evidence = [], one.evidence
    if evidence is not None and evidence.estimate == evidence.estimate:
        words.append(f"{(one.claim.measure or one.claim.check).replace('_', ' ')}: {ours(one)}")
        words += [f"decided by the comparison with {one.against}"] if one.against else []
    if evidence is not None and evidence.kind in TESTED and evidence.seeds:
        words.append(f"{evidence.seeds} seed{'s' * (evidence.seeds > 1)} at scale {plan.scale_name}")
    return "; ".join([*words, *one.notes])


def ours(one: Judged) -> str:
    """Estimate with its interval and unit; a dash where there is none."""
    evidence = one.evidence
    if evidence is None or evidence.estimate != evidence.estimate:
        return "–"
    unit = f" {one.unit}" if one.unit not in ("", "1") else ""
    estimate, low, high = (f"{v:.3g}".replace("-", "−") for v in (evidence.estimate, evidence.low, evidence.high))
    if evidence.kind == "analytic" or not np.isfinite([evidence.low, evidence.high]).all():
        return f"{estimate}{unit}"
    return f"{estimate} ({low} to {high}){unit}"


def terminal(plan) -> str:
    """The verdicts as aligned text, 100 columns or so wide."""
    rows = [("claim", "ours", "seeds", "scale", "verdict")]
    found = judged(plan)
    rows += [
        (one.claim.id, ours(one), str(one.evidence.seeds) if one.evidence else "0", plan.scale_name, one.outcome)
        for one in found
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{one.claim.id}: {note}" for one in found for note in one.notes]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], "", *notes]).rstrip()
