"""Leave out of a study what its grid has no cells for: narrowing a grid is one edit, and what is left out is told."""

from dataclasses import replace

from studies.planning.study import Study
from studies.registries import FIGURES, TABLES, shown

__all__ = ["leave_out", "narrow"]


def narrow(study: Study) -> tuple[Study, tuple[str, ...]]:
    """Return the study without the extension and the claims that ask for cells `grid` leaves out, and their names.

    A name that stands under neither `data` nor `models` is no such thing, but a mistake, and is refused elsewhere.
    """
    if study.grid is None:
        return study, ()
    claims = tuple(claim for claim in study.claims if not _asks_for_more(study, claim))
    told = [f"claim {claim.id}" for claim in study.claims if claim not in claims]
    changes = {"claims": claims}
    if study.extended and (study.extended.data, study.extended.model) not in study.grid:
        changes["extended"] = None
        told.insert(0, "extended")
    return study.model_copy(update=changes), tuple(told)


def _asks_for_more(study: Study, claim) -> bool:
    """Return whether a claim names data or models of the study that no cell of the grid has."""
    sides = (*claim.contrast.plus, *claim.contrast.minus) if claim.contrast else ()
    kept_data, kept_models = ({cell[i] for cell in study.grid} for i in (0, 1))
    return any(
        set(side.data or ()) & (set(study.data) - kept_data)
        or set(side.model or ()) & (set(study.models) - kept_models)
        for side in sides
    )


def leave_out(plan, told: tuple[str, ...]):
    """Return a plan without the figures and tables that cannot be made of a narrowed grid, and told of all left out."""
    if plan.study.grid is None:
        return plan
    figures = tuple(one for one in plan.study.figures if not _is_short_of(plan, FIGURES, one.name))
    tables = tuple(name for name in plan.study.tables if not _is_short_of(plan, TABLES, name))
    told += tuple(f"figure {one.name}" for one in plan.study.figures if one not in figures)
    told += tuple(f"table {name}" for name in plan.study.tables if name not in tables)
    kept = {one.name for one in figures}
    gone = {one.name for one in plan.study.figures} - kept
    claims = tuple(
        claim.model_copy(update={"figure": None}) if claim.figure in gone else claim for claim in plan.study.claims
    )
    study = plan.study.model_copy(update={"figures": figures, "tables": tables, "claims": claims})
    return replace(plan, study=study, left_out=told)


def _is_short_of(plan, registry, name: str) -> bool:
    """Return whether an entry that exists cannot be made, for want of cells that the grid leaves out."""
    is_known = name in registry or any(name.endswith(f"-{data}") for data in plan.study.data)
    try:
        shown(registry, name, plan).inputs(plan)
    except ValueError:
        return is_known
    return False
