"""Figures made of lines and bars, one function each: plan -> Figure."""

from itertools import cycle

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from diffusion.schedules import SCHEDULES
from studies.measures.results import SET_NAMES, first_seed, noise_schedules, or_hole, read_losses
from studies.report.palette import INK, MUTED, colour, text_colour
from studies.report.style import footnote, new_figure, schedule_legend, styled, title
from studies.report.tables import runs as tables

__all__ = ["loss", "loss_extended", "schedules", "time"]

MEAN, BATCHES, TEST = "training mean", "range over batches", "test mean"
TOGETHER, ALL = 2.2, "all, from\nepoch 2 on"  # inches of the panels that show all schedules, and their name
UNDER = "#b3b9c2"  # of a line below another
FEW_EPOCHS = 12  # up to here each epoch is marked


@styled()
def schedules(plan):
    """beta_t and abar_t over t; with abar_t of those schedules besides that claims about this figure speak of."""
    found, others = noise_schedules(plan), _spoken_of(plan)
    height = 3.6
    figure = new_figure(height)
    title(figure, "Noise schedules", "Noise added at each step, and signal power left in the image")
    place = {"left": 0.085, "right": 0.965, "bottom": 0.2, "top": 0.74, "wspace": 0.24}
    panels = figure.subplots(1, 2, gridspec_kw=place)
    labels = "noise added, $\\beta_t$", "signal left, ᾱ"
    for axes, values, label in zip(panels, ("betas", "abar"), labels, strict=True):
        for name, one in found.items():
            axes.plot(np.arange(1, one.timesteps + 1), getattr(one, values), color=colour(name))
        axes.set(xlabel="t", xlim=(0, max(one.timesteps for one in found.values())), ylim=(0, None))
        axes.set_title(label, loc="left")
    styles = [{"color": MUTED, "linewidth": 0.9, "linestyle": dashes} for dashes in ((0, (4, 2)), (0, (1, 1.5)))]
    shown = dict(zip(others, cycle(styles)))
    for name, style in shown.items():
        panels[1].plot(np.arange(1, others[name].timesteps + 1), others[name].abar, **style)
    schedule_legend(figure, plan, [Line2D([], [], label=name, **style) for name, style in shown.items()])
    steps = [f"T = {T}" for T in sorted({one.timesteps for one in found.values()})]
    footnote(figure, plan, *steps, *(["gray: shown at the right only"] if others else []), seeded=False)
    return figure


def _spoken_of(plan) -> dict:
    """Schedules that are not in the grid, but that an analytic claim about this figure compares."""
    settings = plan.grid[0].training
    checks = [claim.check for claim in plan.study.claims if claim.kind == "analytic" and claim.figure == "schedules"]
    names = dict.fromkeys(name for check in checks for name in check.split("-before-"))
    return {
        name: settings.noise_schedule(name)
        for name in names
        if name in SCHEDULES and name not in plan.study.grid.schedule
    }


@styled()
def loss(plan):
    """Training mean, range over batches and test mean, epoch by epoch: schedules down, sets across; below all means."""
    rows, columns = plan.study.grid.schedule, plan.study.grid.preparation
    height = 1.32 + 1.2 * len(rows) + TOGETHER
    figure = new_figure(height)
    title(figure, "Training loss by schedule and set", "Mean squared error of the predicted noise, logarithmic")
    place = {"left": 0.17, "right": 0.985, "hspace": 0.14, "wspace": 0.07}
    upper = place | {"bottom": (0.8 + TOGETHER) / height, "top": 1 - 0.85 / height}
    panels = figure.subplots(len(rows), len(columns), sharex=True, sharey=True, squeeze=False, gridspec_kw=upper)
    for run in first_seed(plan):
        axes = panels[rows.index(run.schedule), columns.index(run.preparation)]
        draw_losses(axes, or_hole(read_losses, run), colour(run.schedule))
    lower = place | {"bottom": 0.62 / height, "top": (TOGETHER + 0.22) / height}
    _draw_together(plan, figure.subplots(1, len(columns), sharey=True, squeeze=False, gridspec_kw=lower)[0])
    together = figure.axes[-len(columns) :]
    for axes, name in zip(panels[0], columns, strict=True):
        axes.set_title(SET_NAMES[name], fontweight="bold")
    _name_rows(figure, [*panels[:, 0], together[0]], [*rows, ALL])
    for axes in [*panels[-1], *together]:
        axes.set_xlabel("epoch")
    _legend(figure, 0.06 / height)
    seeds = len(plan.scale.seeds)
    footnote(figure, plan, *([f"last row: {seeds} seeds, thin, and their mean"] if seeds > 1 else []))
    return figure


def _name_rows(figure, first, names):
    for axes, name in zip(first, names, strict=True):
        box = axes.get_position()
        style = {"color": INK if name == ALL else text_colour(colour(name)), "fontweight": "bold", "va": "center"}
        figure.text(0.012, (box.y0 + box.y1) / 2, name, **style)


def _draw_together(plan, panels):
    """Every schedule's training mean after the first epoch, whose fall would hide the rest: seeds, and their mean."""
    for axes, name in zip(panels, plan.study.grid.preparation, strict=True):
        axes.set_yscale("log")
        axes.grid(which="minor", visible=False)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # a run may fall by less than a power of ten
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        for shown in plan.study.grid.schedule:
            _draw_seeds(axes, [run for run in plan.grid if (run.schedule, run.preparation) == (shown, name)])
        axes.xaxis.get_major_locator().set_params(integer=True)


def _draw_seeds(axes, runs):
    """Training means of one cell's seeds after the first epoch, thin, and their mean."""
    found = [one for run in runs if (one := or_hole(read_losses, run)) is not None]
    means = [one.set_index("epoch").train_mean.loc[min(2, one.epoch.max()) :] for one in found]
    shade = colour(runs[0].schedule)
    for one in means if len(means) > 1 else ():
        axes.plot(one.index, one, color=shade, linewidth=0.6, alpha=0.7)
    if means:
        mean = sum(means) / len(means)
        axes.plot(mean.index, mean, color=shade, linewidth=1.4, **_marks(mean, 2.2))


def _marks(epochs, size):
    """Each epoch marked, where they are few enough to be told apart."""
    return {"marker": "o", "markersize": size} if len(epochs) <= FEW_EPOCHS else {}


def draw_losses(axes, losses, shade):
    """The band, the mean and the test line of one run, or a note where there is none."""
    axes.set_yscale("log")
    axes.grid(which="minor", visible=False)
    axes.tick_params(which="minor", length=0)
    if losses is None:
        axes.text(0.5, 0.5, "no result", transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=8)
        return
    axes.fill_between(losses.epoch, losses.train_min, losses.train_max, color=shade, alpha=0.22, linewidth=0)
    axes.plot(losses.epoch, losses.train_mean, color=shade, **_marks(losses, 2.6))
    axes.plot(losses.epoch, losses.test_mean, color=INK, linewidth=0.9, linestyle=(0, (3, 1.5)))
    axes.set_xlim(losses.epoch.min() - 0.02 * len(losses), losses.epoch.max() + 0.02 * len(losses))
    axes.xaxis.get_major_locator().set_params(integer=True)


def _legend(figure, down, shade=MUTED, others=(), **place):
    """What the lines are, at the top right unless told otherwise, so far below the edge."""
    handles = [
        Line2D([], [], color=shade, label=MEAN),
        Patch(facecolor=shade, alpha=0.25, label=BATCHES),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 1.5)), label=TEST),
        *others,
    ]
    place = {"loc": "upper right", "bbox_to_anchor": (0.99, 1 - down)} | place
    figure.legend(
        handles=handles, ncols=len(handles), frameon=False, fontsize=8, handlelength=1.6, columnspacing=1.2,
        borderaxespad=0, **place,
    )  # fmt: skip


@styled()
def loss_extended(plan):
    """The longer run, and the run that it extends."""
    if not plan.extended:
        raise ValueError(f"loss-extended: study {plan.study_name} has no extended run")
    run = next(one for one in plan.extended if one.seed == plan.scale.seeds[0])
    figure, shade = new_figure(3.6), colour(run.schedule)
    heading = f"Training loss over {run.training.epochs} epochs: {run.schedule}, {SET_NAMES[run.preparation]} set"
    title(figure, heading, "Mean squared error of the predicted noise, logarithmic")
    axes = figure.subplots(gridspec_kw={"left": 0.085, "right": 0.985, "bottom": 0.2, "top": 0.79})
    losses, base = or_hole(read_losses, run), _draw_base(axes, run)
    draw_losses(axes, losses, shade)
    axes.set(xlabel="epoch", xlim=(0, 1.02 * run.training.epochs) if losses is None else None)
    _legend(figure, 0.57 / 3.6, shade, base, loc="upper left", bbox_to_anchor=(0.012, 1 - 0.57 / 3.6))
    how = "went on from" if run.start_from else "trained apart from"
    footnote(figure, plan, f"{how} the run of {run.base.training.epochs} epochs" if losses is not None else "not made")
    return figure


def _draw_base(axes, run):
    """Where the run that is extended ends, and its training mean if it is another; the legend's handles for it."""
    end, base = run.base.training.epochs, or_hole(read_losses, run.base)
    axes.axvline(end, color=MUTED, linewidth=0.8, linestyle=":")
    where = {"xycoords": ("data", "axes fraction"), "color": MUTED, "fontsize": 8, "va": "top"}
    axes.annotate(f" the grid's run ends: {end}", (end, 0.98), **where)
    if base is None or run.start_from is not None:
        return []
    axes.plot(base.epoch, base.train_mean, color=UNDER, linewidth=4.5)  # wide, as the two are the same at first
    return [Line2D([], [], color=UNDER, linewidth=4.5, label="training mean of the grid's run")]


@styled()
def time(plan):
    """Seconds of an epoch's training and of sampling in every cell, with images a second; medians over seeds."""
    cells = _times_by_cell(plan)
    height = 1.35 + 0.21 * len(cells) + 0.1 * cells.schedule.nunique()
    figure = new_figure(height)
    title(figure, "Time by schedule and set", "Seconds, with images a second beside each bar")
    place = {"left": 0.27, "right": 0.94, "bottom": 0.62 / height, "top": 1 - 0.8 / height, "wspace": 0.12}
    panels = figure.subplots(1, 2, sharey=True, gridspec_kw=place)
    positions = _positions(cells.schedule)
    for axes, stage, words in zip(panels, ("epoch", "sampling"), ("training, an epoch", "sampling"), strict=True):
        _bars(axes, positions, cells, stage, len(plan.scale.seeds))
        axes.set_title(words, loc="left", fontweight="bold")
    _name_bars(figure, panels[0], positions, cells)
    seeds = f"median of {len(plan.scale.seeds)} seeds" if len(plan.scale.seeds) > 1 else "one run a bar"
    threads = f"{plan.scale.threads} CPU thread{'s' * (plan.scale.threads > 1)}"
    counts = cells[["epoch_seeds", "sampling_seeds"]].to_numpy()
    fewer = ((counts > 0) & (counts < len(plan.scale.seeds))).any()
    footnote(figure, plan, seeds, threads, *(["*: of fewer seeds"] if fewer else []), together=True)
    return figure


def _times_by_cell(plan):
    """Medians over the seeds that are there, a cell (and number of epochs) a row, with how many seeds those are."""
    groups = tables.time(plan).groupby(["schedule", "preparation", "epochs"], sort=False)
    cells = groups.median(numeric_only=True)
    for stage in ("epoch", "sampling"):
        cells[f"{stage}_seeds"] = groups[f"{stage}_s"].count()
    order = {name: i for i, name in enumerate(plan.study.grid.schedule)}
    return cells.reset_index().sort_values(
        ["schedule", "epochs"], key=lambda c: c.map(order) if c.name == "schedule" else c, kind="stable"
    )


def _positions(schedules):
    """y of each bar from the top, with a little room between schedules."""
    new = (schedules != schedules.shift()).to_numpy().cumsum() - 1
    return np.arange(len(schedules)) + 0.5 * new


def _bars(axes, positions, cells, stage, seeds):
    """Bars with images a second, starred where seeds are missing."""
    seconds = cells[f"{stage}_s"]
    axes.barh(positions, seconds.fillna(0), height=0.78, color=[colour(name) for name in cells.schedule])
    rates, counts = cells[f"{stage}_images_per_s"], cells[f"{stage}_seeds"]
    for y, s, rate, count in zip(positions, seconds, rates, counts, strict=True):
        text = f" {_rate(rate)}/s{'*' * (count < seeds)}" if count else " no result"
        axes.text(s if count else 0, y, text, va="center", fontsize=8, color=INK if count else MUTED)
    axes.set(xlabel="seconds", xlim=(0, 1.28 * seconds.max() if seconds.notna().any() else 1))
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)
    axes.tick_params(axis="y", length=0)


def _rate(value):
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _name_bars(figure, axes, positions, cells):
    shortest = cells.groupby(["schedule", "preparation"]).epochs.transform("min")
    names = [
        SET_NAMES[p] + (f", {e} epochs" if e > least else "")
        for p, e, least in zip(cells.preparation, cells.epochs, shortest, strict=True)
    ]
    axes.set_yticks(positions, names, fontsize=8)
    axes.set_ylim(positions[-1] + 0.7, -0.7)
    for name in dict.fromkeys(cells.schedule):
        y = positions[(cells.schedule == name).to_numpy()].min()
        style = {"color": text_colour(colour(name)), "fontweight": "bold", "va": "center", "ha": "left"}
        axes.annotate(name, (0.012, y), xycoords=("figure fraction", "data"), annotation_clip=False, **style)
