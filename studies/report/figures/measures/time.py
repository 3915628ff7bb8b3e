"""Figure `time`: how long training and sampling took in every cell."""

import numpy as np

from diffusion.store.records import RunRecord, read_record
from studies.measures.results import or_hole
from studies.report.entries import Entry
from studies.report.needs import sample_times
from studies.report.palette import INK, MUTED
from studies.report.style import add_footnote, add_title, find_pitch, name_row, new_figure, styled

__all__ = ["ENTRY", "format_rate"]

STAGES = {"epoch": "training, an epoch", "sampling": "sampling"}


@styled()
def draw(plan):
    """Draw seconds of an epoch's training and of sampling in every cell; medians over seeds."""
    cells = _average_cells(plan)
    positions = _place_bars(cells.model)
    rows = 0.21 * len(cells) + 0.1 * cells.model.nunique()
    height = 1.35 + max(rows, find_pitch(plan, cells.model) * (positions[-1] + 1.4))
    figure = new_figure(height)
    add_title(figure, "Time by model and set", "Seconds; shorter is faster")
    place = {"left": 0.27, "right": 0.94, "bottom": 0.62 / height, "top": 1 - 0.8 / height, "wspace": 0.12}
    panels = figure.subplots(1, 2, sharey=True, gridspec_kw=place)
    for axes, (stage, words) in zip(panels, STAGES.items(), strict=True):
        _draw_bars(axes, plan, positions, cells, stage)
        axes.set_title(words + (_tell_count(plan) if stage == "sampling" else ""), loc="left", fontweight="bold")
    _name_bars(panels[0], plan, positions, cells)
    seeds = "medians" if len(plan.scale.seeds) > 1 else "one run a bar"
    counts = cells[["epoch_seeds", "sampling_seeds"]].to_numpy()
    fewer = ((counts > 0) & (counts < len(plan.scale.seeds))).any()
    add_footnote(figure, plan, seeds, *_devices(plan), *(["*: of fewer seeds"] if fewer else []), together=True)
    return figure


def _average_cells(plan):
    """Return medians over the seeds that are there, and their count: a row for each cell and number of epochs."""
    from studies.report.tables.time import make

    groups = make(plan).groupby(["model", "data", "epochs"], sort=False)
    cells = groups.median(numeric_only=True)
    for stage in STAGES:
        cells[f"{stage}_seeds"] = groups[f"{stage}_s"].count()
    order = {name: i for i, name in enumerate(plan.model_names)}
    return cells.reset_index().sort_values(
        ["model", "epochs"], key=lambda c: c.map(order) if c.name == "model" else c, kind="stable"
    )


def _devices(plan) -> list[str]:
    """Return what the runs were made on; several may have shared a GPU."""
    records = [or_hole(read_record, run.folder / "run.json", RunRecord) for run in plan.runs]
    names = sorted({record.device.replace(", 1 threads", ", 1 thread") for record in records if record is not None})
    return [name if name.startswith("CPU") else f"{name}, perhaps shared" for name in names]


def _tell_count(plan) -> str:
    """Return how many images are drawn, where every cell draws as many."""
    counts = {run.sampling.count for run in plan.runs}
    return f", {counts.pop():,} images" if len(counts) == 1 else ""


def _place_bars(models) -> np.ndarray:
    """Return y of each bar from the top, with a little room between models."""
    new = (models != models.shift()).to_numpy().cumsum() - 1
    return np.arange(len(models)) + 0.5 * new


def _draw_bars(axes, plan, positions, cells, stage: str) -> None:
    """Draw bars with their seconds, starred where seeds are missing."""
    seconds, seeds = cells[f"{stage}_s"], len(plan.scale.seeds)
    axes.barh(positions, seconds.fillna(0), height=0.78, color=[plan.colour(name) for name in cells.model])
    counts = cells[f"{stage}_seeds"]
    for y, s, count in zip(positions, seconds, counts, strict=True):
        text = f" {format_rate(s)} s{'*' * (count < seeds)}" if count else " no result"
        axes.text(s if count else 0, y, text, va="center", fontsize=8, color=INK if count else MUTED)
    axes.set(xlabel="seconds", xlim=(0, 1.28 * seconds.max() if seconds.notna().any() else 1))
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)
    axes.tick_params(axis="y", length=0)


def format_rate(value: float) -> str:
    """Return a number in three digits or more."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _name_bars(axes, plan, positions, cells) -> None:
    shortest = cells.groupby(["model", "data"]).epochs.transform("min")
    names = [
        plan.label(data) + (f", {epochs} epochs" if epochs > least else "")
        for data, epochs, least in zip(cells.data, cells.epochs, shortest, strict=True)
    ]
    axes.set_yticks(positions, names, fontsize=8)
    axes.set_ylim(positions[-1] + 0.7, -0.7)
    for name in dict.fromkeys(cells.model):
        name_row(axes, plan, name, positions[(cells.model == name).to_numpy()].min())


ENTRY = Entry(
    title="Time by model and set",
    caption="How long an epoch of training took in every cell, the median without the first, and how long "
    "sampling; images a second stand in the table of the same name. Bars and numbers are medians over seeds; other "
    "work on the machine shows "
    "in them.",
    needs=lambda plan: sample_times(plan.runs),
    make=draw,
)
