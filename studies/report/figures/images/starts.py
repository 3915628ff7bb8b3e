"""Figure `starts`, one a data set: what each model makes of the same starting noises."""

from studies.measures.results import or_hole, read_frames, read_samples
from studies.report.entries import Entry
from studies.report.figures.images.reverse import find_runs
from studies.report.needs import sample_files, unique
from studies.report.rows import left_out
from studies.report.style import styled
from studies.report.tiles import Row, as_bytes, draw_tiles

__all__ = ["ENTRY"]

STARTS = 5  # as many as the thesis shows


@styled()
def draw(plan, data: str):
    """Draw what each model makes of the same five starting noises."""
    runs = find_runs(plan, data)
    finals = [or_hole(read_samples, run) for run in runs]
    noises = next((f.values[:, 0] for f in (or_hole(read_frames, run) for run in runs) if f is not None), None)
    count = min([STARTS, *(len(one) for one in (*finals, noises) if one is not None)])
    rows = [Row("starting\nnoise", None if noises is None else [as_bytes(x) for x in noises[:count]])]
    rows += [
        Row(plan.label(run.model), None if f is None else [as_bytes(x) for x in f[:count]], plan.colour(run.model))
        for run, f in zip(runs, finals, strict=True)
    ]
    heading = (
        f"What five starting noises become, trained on the {plan.label(data)} set",
        "Each column starts from the noise at its top",
    )
    heads = [f"start {i + 1}" for i in range(count)]
    lacking = left_out(plan, {run.model for run in runs}, "a path", data)
    return draw_tiles(plan, heading, heads, rows, f"n = {count}", *lacking)


def find_needs(plan, data: str) -> list:
    """Return samples and frames of each run on this data.

    Raises:
        ValueError: no model trained on it has a path.
    """
    runs = find_runs(plan, data)
    if not runs:
        raise ValueError(f"no model of study {plan.study_name} starts from noise to draw {data}")
    return unique([*sample_files(runs), *sample_files(runs, frames=True)])


ENTRY = Entry(
    title="Five starting noises on the {label} set",
    caption="Images drawn from five starting noises, trained on the {label} set. The top row is the noise that every "
    "model below it starts from. Crossed out: blank ones.",
    needs=find_needs,
    make=draw,
    form="png",
    per_data=True,
)
