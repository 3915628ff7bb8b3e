"""Verdicts in words: a table, a line of evidence, and aligned text for the terminal."""

from dataclasses import replace
from math import nan

import numpy as np
import pandas as pd

from studies.verdicts.claims import name_measure
from studies.verdicts.judging import Judged, judge_stages, nothing
from studies.verdicts.scales import combine
from studies.verdicts.statistics import NOT_ASKED, TESTED, name_outcome

__all__ = [
    "print_out",
    "print_scales",
    "tabulate",
    "tabulate_scales",
    "tell_at_scale",
    "tell_estimate",
    "tell_evidence",
]

VERDICT_COLUMNS = (
    "id", "claim", "origin", "source", "measure", "estimate", "lower", "upper", "unit", "seeds", "scale", "verdict",
    "p", "p_holm", "fragile", "kind", "test", "smallest", "ours", "figure", "digest", "evidence",
)  # fmt: skip


def tabulate(plan) -> pd.DataFrame:
    """Tabulate the claims with what we found, a claim a row; see `Judged`. Made for missing runs too.

    Where some seeds confirm and others explored, there is a row for each: first all claims by those that confirm, and
    the column `stage` says which.
    """
    stages = judge_stages(plan)
    rows = [_row(stage, one) for stage, judged in stages for one in judged]
    return pd.DataFrame(rows, columns=[*VERDICT_COLUMNS, *(["stage"] if len(stages) > 1 else [])])


def _row(plan, one: Judged) -> dict:
    claim, evidence = one.claim, one.evidence or nothing(one.claim.kind)
    return {
        "id": claim.id,
        "claim": claim.claim,
        "origin": claim.origin,
        "source": claim.source,
        "measure": claim.measure or claim.check or "",
        "estimate": evidence.estimate,
        "lower": evidence.low,
        "upper": evidence.high,
        "unit": one.unit,
        "seeds": evidence.seeds,
        "scale": plan.scale_name,
        "verdict": one.outcome,
        "p": evidence.p if claim.kind in TESTED else nan,
        "p_holm": one.p_holm if claim.kind in TESTED else nan,
        "fragile": ",".join(map(str, one.fragile)),
        "kind": claim.kind,
        "test": claim.test if claim.kind in ("difference", "equivalence") else "",
        "smallest": nan if claim.smallest is None else claim.smallest,
        "ours": tell_estimate(one),
        "figure": claim.figure or "",
        "digest": claim.digest,
        "evidence": tell_evidence(plan, one),
        "stage": plan.study.name_stage(plan.scale_name, plan.scale.seeds),
    }


def tell_evidence(plan, one: Judged) -> str:
    """Tell the evidence in one line."""
    words, evidence = [], one.evidence
    if evidence is not None and evidence.estimate == evidence.estimate:
        words.append(f"{_tell_measure(one.claim)}: {tell_estimate(one)}")
        words += [f"decided by the comparison with {one.against}"] if one.against else []
    if evidence is not None and evidence.kind in TESTED and evidence.seeds:
        words.append(f"{evidence.seeds} seed{'s' * (evidence.seeds > 1)} at scale {plan.scale_name}")
        words += plan.study.tell_stage(plan.scale_name, plan.scale.seeds)
    return "; ".join([*words, *one.notes])


def _tell_measure(claim) -> str:
    return name_measure(claim) if claim.measure else claim.check.replace("-", " ")


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
    """Return the verdicts as aligned text, 100 columns or so wide; seeds that confirm stand apart."""
    return "\n\n".join(_print_stage(stage, judged) for stage, judged in judge_stages(plan))


def _print_stage(plan, judged) -> str:
    rows = [("claim", "ours", "seeds", "scale", "verdict")]
    stage = plan.study.name_stage(plan.scale_name, plan.scale.seeds)
    for one in judged:
        seeds = str(one.evidence.seeds) if one.evidence else "0"
        outcome = f"{name_outcome(one.outcome, int(seeds))}{', fragile' * bool(one.fragile)}"
        scale = f"{plan.scale_name}, {stage}" if stage else plan.scale_name
        rows.append((one.claim.id, tell_estimate(one), seeds, scale, outcome))
    notes = [f"{one.claim.id}: {note}" for one in judged for note in one.notes]
    return "\n".join([*_align(rows), "", *notes]).rstrip()


def _align(rows) -> list[str]:
    """Return rows of text as lines, the columns of equal width and a rule under the first."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def tabulate_scales(columns) -> pd.DataFrame:
    """Tabulate verdicts by scale, a claim a row: see `studies.verdicts.scales`. Each scale's column is text."""
    rows = [
        {
            "id": whole.claim.id,
            "claim": whole.claim.claim,
            **dict(zip(_head_scales(columns), cells, strict=True)),
            "as a whole": whole.outcome,
            "p_holm": whole.p_holm,
            "why": "; ".join(filter(None, (whole.why, whole.claim.reading and f"reading: {whole.claim.reading}"))),
        }
        for whole, cells in _by_claim(columns)
    ]
    return pd.DataFrame(rows, columns=["id", "claim", *_head_scales(columns), "as a whole", "p_holm", "why"])


def print_scales(columns) -> str:
    """Return verdicts by scale as aligned text."""
    rows = [("claim", *_head_scales(columns), "as a whole")]
    notes = []
    for whole, cells in _by_claim(columns):
        rows.append((whole.claim.id, *cells, whole.outcome))
        notes += [f"{whole.claim.id}: {whole.why}"] if whole.why else []
    return "\n".join([*_align(rows), "", *notes]).rstrip()


def _by_claim(columns):
    """Return (what holds as a whole, the text of each scale) claim by claim."""
    judged = zip(*(column.judged for column in columns), strict=True)
    told = [[tell_at_scale(column, one) for column, one in zip(columns, row, strict=True)] for row in judged]
    return list(zip(combine(columns), told, strict=True))


def _head_scales(columns) -> list[str]:
    """Return each scale's name with its recipe and the networks' widths."""
    return [f"{one.name} (recipe {one.plan.scale.recipe}, widths {one.widths or 'of its models'})" for one in columns]


def tell_at_scale(column, one: Judged) -> str:
    """Tell estimate, interval, seeds and outcome of a claim at a scale; of too few seeds the bare number, as a hint."""
    if one.a is None:
        return one.outcome if one.outcome in (NOT_ASKED, "underspecified") or one.claim.kind == "analytic" else "–"
    seeds = f"{len(one.a)} seed{'s' * (len(one.a) > 1)}"
    if not column.decides(one):
        bare = replace(one, evidence=replace(one.evidence, low=nan, high=nan))
        return f"{tell_estimate(bare)}, {seeds}{f', {one.partial}' * bool(one.partial)}: a hint"
    return f"{tell_estimate(one)}, {seeds}: {one.outcome}{', fragile' * bool(one.fragile)}"
