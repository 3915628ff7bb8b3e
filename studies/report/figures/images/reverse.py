"""Figure `reverse`, one a data set: an image on its way from noise to data, for each model."""

import numpy as np

from studies.measures.results import first_seed, or_hole, read_frames
from studies.report.entries import Entry
from studies.report.needs import sample_files
from studies.report.rows import capable, left_out
from studies.report.style import styled
from studies.report.tiles import Row, as_bytes, draw_tiles

__all__ = ["ENTRY", "choose_moments", "find_runs"]

MOMENTS = 9  # columns of a strip
DETAIL = "One image for each model, from the same starting noise"


@styled()
def draw(plan, data: str):
    """Draw the first image of every model on its way from t = T to 0."""
    runs = find_runs(plan, data)
    frames = [or_hole(read_frames, run) for run in runs]
    steps = next((f.steps for f in frames if f is not None), [])
    shown = choose_moments(steps)
    rows = [
        Row(
            plan.label(run.model),
            None if f is None else [as_bytes(f.values[0, i]) for i in shown],
            plan.colour(run.model),
        )
        for run, f in zip(runs, frames, strict=True)
    ]
    heads = [f"t = {steps[i]}" for i in shown] or [""]
    heading = f"The reverse process, trained on the {plan.label(data)} set", DETAIL
    lacking = left_out(plan, {run.model for run in runs}, "a path", data)
    return draw_tiles(plan, heading, heads, rows, "n = 1", *lacking)


def find_runs(plan, data: str) -> list:
    """Return the first seed's runs on this data whose family has a path from noise to image."""
    return capable([run for run in first_seed(plan) if run.data == data], "frames")


def choose_moments(steps: list[int]) -> list[int]:
    """Return indices of at most `MOMENTS` of the descending time steps, closer together towards the end.

    The first and the last step are among them.
    """
    if not steps:
        return []
    wanted = steps[0] * np.linspace(1, 0, MOMENTS) ** 1.5
    return sorted({int(np.abs(np.array(steps) - t).argmin()) for t in wanted})


def find_needs(plan, data: str) -> list:
    """Return the frames of each run on this data.

    Raises:
        ValueError: no model trained on it has a path.
    """
    runs = find_runs(plan, data)
    if not runs:
        raise ValueError(f"no model of study {plan.study_name} has a path from noise to an image of {data}")
    return sample_files(runs, frames=True)


ENTRY = Entry(
    title="The reverse process on the {label} set",
    caption="One image on its way from noise to data, trained on the {label} set: a row for each model, all from the "
    "same starting noise; the moments get closer towards the end. Values beyond black and white are cut off.",
    needs=find_needs,
    make=draw,
    form="png",
    per_data=True,
)
