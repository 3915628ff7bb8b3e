"""Which models and cells a figure has rows for, and what it says of those that it leaves out."""

__all__ = ["capable", "find_rows", "fitted_data", "has_cell", "left_out", "unfitted"]

FEW = 4  # models whose names have room in a footnote


def capable(runs, capability: str) -> list:
    """Return the runs whose family of models has a capability, such as `frames` or `likelihood`."""
    return [run for run in runs if capability in run.capabilities]


def left_out(plan, shown, lacking: str, data: str | None = None) -> list[str]:
    """Return a fact for the footnote: the models without a row, as they lack something; nothing if all have one.

    shown: the models with a row; lacking: what the others are without, in words, such as `a path`; data: of the cells
    of this data only.
    """
    cells = dict.fromkeys(model for one, model in plan.cells if data in (None, one))
    others = dict.fromkeys(plan.label(name) for name in plan.model_names if name in cells and name not in shown)
    names = ", ".join(others) if len(others) <= FEW else f"{len(others)} models"
    return [f"without {lacking}: {names}"] if others else []


def has_cell(plan, data: str, model: str) -> bool:
    """Return whether the grid, which may be any list of pairs, has this cell."""
    return (data, model) in plan.cells


def find_rows(plan) -> dict[str, dict[str, str]]:
    """Return the cells of each row, name -> {data: model}: models that look and are called the same share one.

    A row has the name of its first model, and no data twice.
    """
    rows: dict[str, dict[str, str]] = {}
    for model in plan.model_names:
        cells = {data: model for data in plan.data_names if has_cell(plan, data, model)}
        looks = plan.label(model), plan.colour(model)
        alike = [row for row in rows if (plan.label(row), plan.colour(row)) == looks and not rows[row].keys() & cells]
        rows.setdefault(alike[0] if alike else model, {}).update(cells)
    return rows


def fitted_data(plan, able: str = "fitter") -> list[str]:
    """Return the data judged as a kind of picture that has a fitter, so that overlaps and features are measured.

    able: `distance` for the kinds whose fitter also measures distances from the shape, as noise off it needs; `unmix`
    for those in colours.
    """
    from triangles.kinds import KINDS

    kinds = {run.data: KINDS[run.dataset.kind] for run in plan.grid}
    return [data for data in plan.data_names if getattr(kinds[data], able, None)]


def unfitted(plan, shown) -> list[str]:
    """Return a fact for the footnote: the data without a column, as no shape is fitted to it; else nothing."""
    names = ", ".join(plan.label(data) for data in plan.data_names if data not in shown)
    return [f"no shape is fitted to: {names}"] if names else []
