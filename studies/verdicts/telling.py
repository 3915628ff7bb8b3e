"""Verdicts in words: a table, a line of evidence, and aligned text for the terminal."""

from math import nan

import numpy as np
import pandas as pd

from studies.registries import describe
from studies.verdicts.judging import Judged, judge, nothing
from studies.verdicts.statistics import TESTED

__all__ = ["print_out", "tabulate", "tell_estimate", "tell_evidence"]

VERDICT_COLUMNS = (
    "id", "claim", "origin", "source", "measure", "estimate", "low", "high", "unit", "seeds", "scale", "verdict",
    "p", "p_holm", "fragile", "kind", "test", "smallest", "ours", "figure", "digest", "evidence",
)  # fmt: skip


def tabulate(plan) -> pd.DataFrame:
    """Tabulate the claims with what we found, a claim a row; see `Judged`. Made for missing runs too."""
    return pd.DataFrame([_row(plan, one) for one in judge(plan)], columns=VERDICT_COLUMNS)


def _row(plan, one: Judged) -> dict:
    claim, evidence = one.claim, one.evidence or nothing(one.claim.kind)
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
        "fragile": ",".join(map(str, one.fragile)),
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
        words += plan.study.tell_stage(plan.scale_name, plan.scale.seeds)
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
        outcome = f"{one.outcome}, fragile" if one.fragile else one.outcome
        rows.append((one.claim.id, tell_estimate(one), seeds, plan.scale_name, outcome))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"{one.claim.id}: {note}" for one in found for note in one.notes]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], "", *notes]).rstrip()
