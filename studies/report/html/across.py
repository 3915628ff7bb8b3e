"""Lay out what holds at all scales together: a report's first screen, where more scales than its own are known."""

import numpy as np

from studies.report.tables.across.widths import REAL, RUNNING, read_scales_apart

__all__ = ["TABLE", "lay_out_scales"]

TABLE = "scales"  # the table of verdicts by scale
WHOLE = "as a whole"
CLEAN, ROUGH = "clean_share", "plain_iou_0.8_share"
ROUGH_WORDS = "Overlap of 0.8 or more"
# what holds as a whole, the surest first
ORDER = ("reproduced", "contradicted", "smaller than matters", "depends on the recipe", "open", "not asked")


def lay_out_scales(plan, frame) -> dict | None:
    """Return what is drawn at each scale, and which claims hold as a whole and how sure; None if one scale is known.

    frame: the table `scales`, None where it was not made.
    """
    scales = [one for one in reversed(read_scales_apart(plan)) if one.values]
    if frame is None or len(scales) < 2:
        return None
    drawn = [_lay_out_drawn(one) for one in scales]
    return {"drawn": drawn, "real": _tell_real(scales), "outcomes": _group_claims(frame)}


def _lay_out_drawn(one) -> dict:
    """Tell how many samples are clean at a scale, the best cell and the worst; rough shapes where that is unknown."""
    told = _tell_shares(one, CLEAN)
    if not told:
        told = f"not measured: its runs are older. {ROUGH_WORDS}: {_tell_shares(one, ROUGH) or 'neither'}"
    return {
        "scale": one.name,
        "recipe": one.plan.scale.recipe,
        "widths": one.widths,
        "seeds": max(one.seeds.values()),
        "told": told,
    }


def _tell_shares(one, measure: str) -> str:
    shares = {cell[:2]: found[measure] for cell, found in one.values.items() if cell[2] == RUNNING}
    known = {cell: share for cell, share in shares.items() if np.isfinite(share)}
    if not known:
        return ""
    data, model = max(known, key=known.get)
    seeds = one.seeds[data, model, RUNNING]
    fewer = f", {seeds} seed{'s' * (seeds > 1)}" if seeds < max(one.seeds.values()) else ""
    best = f"{_percent(known[data, model])} at best ({one.plan.label(model)}, {one.plan.label(data)}{fewer})"
    return f"{best}, {_percent(min(known.values()))} at worst"


def _tell_real(scales) -> str:
    found = [values[REAL + CLEAN] for one in scales for values in one.values.values()]
    real = [share for share in found if np.isfinite(share)]
    return " to ".join(dict.fromkeys(map(_percent, (min(real), max(real))))) if real else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _group_claims(frame) -> list[dict]:
    """Group claims that came out alike for the same reason: outcome, why, and the claims' names and words."""
    groups: dict = {}
    for row in frame.fillna("").itertuples(index=False):
        told = dict(zip(frame, row, strict=True))
        why = told["why"].partition("; reading: ")[0]
        why = "formulas or drawing" if not why or why.startswith("reading: ") else why.partition("; ")[0]
        why = "" if told[WHOLE] == "underspecified" else why
        groups.setdefault((told[WHOLE], why), []).append({"id": told["id"], "claim": told["claim"]})
    ranked = sorted(groups.items(), key=lambda item: ORDER.index(item[0][0]) if item[0][0] in ORDER else len(ORDER))
    return [{"outcome": outcome, "why": why, "claims": claims} for (outcome, why), claims in ranked]
