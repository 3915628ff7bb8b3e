"""A claim by the cells that are there: a hint where a scale lacks some of those that its contrast asks for."""

import numpy as np

from studies.verdicts.claims import Missing, cells, tell

__all__ = ["restrict", "tell_restricted"]


def restrict(plan, claim, found):
    """Return the claim with only the models whose cells are there on all sides; None if nothing of it is left.

    found: measures by cell, see `studies.verdicts.judging.gather`. The models are those of the first seed that has
    any; sides that mean the same models lose the same ones, so that they stay comparable.
    """
    for seed in plan.scale.seeds:
        if left := _restrict_at(plan, claim, found, seed):
            return left if left != claim else None
    return None


def _restrict_at(plan, claim, found, seed):
    contrast, kept = claim.contrast, {}
    for side in (*contrast.plus, *contrast.minus):
        there = _find_models(plan, side, claim.measure, found, seed)
        kept[side.model] = [name for name in kept.get(side.model, there) if name in there]
    plus, minus = (_keep(side, kept) for side in (contrast.plus, contrast.minus))
    whole = contrast.each or (len(plus), len(minus)) == (len(contrast.plus), len(contrast.minus))
    if not plus or (contrast.minus and not minus) or not whole:
        return None
    return claim.model_copy(update={"contrast": contrast.model_copy(update={"plus": plus, "minus": minus})})


def _keep(sides, kept) -> tuple:
    return tuple(side.model_copy(update={"model": tuple(kept[side.model])}) for side in sides if kept[side.model])


def _find_models(plan, side, measure, found, seed) -> list[str]:
    """Find the models of one side whose cells are there on all data that it means."""
    try:
        wanted = cells(plan, side)
    except Missing:
        return []
    lacking = {cell[1] for cell in wanted if not np.isfinite(found.get((*cell, seed), {}).get(measure, (np.nan,))[0])}
    return [name for name in dict.fromkeys(cell[1] for cell in wanted) if name not in lacking]


def tell_restricted(plan, claim) -> str:
    """Say which models of a restricted claim are left."""
    sides = (*claim.contrast.plus, *claim.contrast.minus)
    names = dict.fromkeys(name for side in sides for name in side.model)
    return f"{tell(plan, sides[0].model_copy(update={'data': None, 'samples': None, 'model': tuple(names)}))} only"
