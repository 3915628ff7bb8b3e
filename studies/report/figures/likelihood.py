"""Figures of likelihood, and of the predicted noise's errors where they can be compared: plan -> Figure."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from scipy.stats import norm

from diffusion.store.files import read_images
from diffusion.store.records import SamplesRecord, read_record
from studies.measures.logsnr import white_data_floor
from studies.measures.measuring import LOGSNR_EDGES, binned_errors, seeds_by_cell
from studies.measures.results import SET_NAMES, first_seed, or_hole
from studies.report.figures.measures import mean_by_cell
from studies.report.palette import INK, MUTED, colour, text_colour
from studies.report.style import footnote, in_digits, new_figure, schedule_legend, styled, title
from studies.report.tables.runs import with_spread

__all__ = ["decoder_floor", "likelihood", "loss_by_logsnr", "mean_error"]

GUESSING = 8  # bits/dim of holding every one of the 256 levels for as likely
HALO = [Stroke(linewidth=3, foreground="white"), Normal()]  # so that no line runs through a number
LAGGING = (0, (3, 1.5))  # dashes of what batch norm's running statistics give
TERMS = {"decoder": ("$L_0$", 1.0), "steps": ("$L_1$ to $L_{T-1}$", 0.55), "prior": ("$L_T$", 0.2)}


@styled()
def loss_by_logsnr(plan):
    """Test loss by log-SNR, a line a schedule, beside the best possible on independent Gaussian pixels."""
    sets = plan.study.grid.preparation
    figure = new_figure(3.5)
    title(figure, "Loss that can be compared", "Squared error of the predicted noise on test images, by log-SNR")
    place = {"left": 0.085, "right": 0.985, "bottom": 0.21, "top": 0.71, "wspace": 0.08}
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False, gridspec_kw=place)[0]
    for axes, name in zip(panels, sets, strict=True):
        axes.set_yscale("log")
        runs = [run for run in first_seed(plan) if run.preparation == name]
        _floor(axes, runs[0])
        for run in runs:
            binned = or_hole(binned_errors, run)
            if binned is not None:
                _error_line(axes, *binned[:3], colour(run.schedule))
        axes.set_title(SET_NAMES[name], fontweight="bold")
        axes.set(xlabel="log-SNR (more noise ← → less)", xlim=(-11, 10), xticks=(-10, -5, 0, 5))
        axes.grid(which="minor", visible=False)
        axes.tick_params(which="minor", length=0)
    panels[0].set_ylim(bottom=1e-6)
    floor = Line2D([], [], color=MUTED, linewidth=1.0, linestyle=":", label="best linear guess from the pixel alone")
    schedule_legend(figure, plan, [floor])
    footnote(figure, plan, "bands: two standard errors; above 1: worse than predicting no noise")
    return figure


def _floor(axes, run):
    """What the best linear guess from each pixel alone still errs by, the pixels varying as in the set's own images."""
    images = or_hole(read_images, run.dataset.folder / "test.npy")
    if images is None:
        return
    width = 2 if run.training.value_range == "symmetric" else 1
    variance = np.var(images.reshape(len(images), -1) * (width / 255), axis=0)
    abar = 1 / (1 + np.exp(-LOGSNR_EDGES))
    floor = white_data_floor(abar[:, None], variance).mean(axis=1)
    axes.plot(LOGSNR_EDGES, floor, color=MUTED, linewidth=1.0, linestyle=":")


def _error_line(axes, x, mean, error, shade):
    error = np.nan_to_num(error)
    axes.fill_between(x, np.maximum(mean - 2 * error, 1e-9), mean + 2 * error, color=shade, alpha=0.2, linewidth=0)
    axes.plot(x, mean, color=shade, marker="o", markersize=2)


@styled()
def mean_error(plan):
    """Bias of the predicted noise over t with batch norm's running statistics (dashed) and with new ones (solid)."""
    sets, T = plan.study.grid.preparation, plan.grid[0].training.timesteps
    read = [(one.run, or_hole(read_record, one.files[-1], SamplesRecord)) for one in plan.resampled if one.renormed]
    known = [(run, record.mean_errors) for run, record in read if record is not None and record.mean_errors]
    figure = new_figure(3.2)
    counts = " and ".join(str(count) for count in sorted({found.images for _, found in known}))
    over = f"Over {counts} held-out images and their pixels; 0 has no bias" if counts else ""
    title(figure, "Mean error of the predicted noise", over)
    place = {"left": 0.1, "right": 0.985, "bottom": 0.23, "top": 0.68, "wspace": 0.08}
    panels = figure.subplots(1, len(sets), sharex=True, sharey=True, squeeze=False, gridspec_kw=place)[0]
    for axes, name in zip(panels, sets, strict=True):
        for shade, found in [(colour(run.schedule), found) for run, found in known if run.preparation == name]:
            axes.plot(found.steps, found.running, color=shade, linestyle=LAGGING, linewidth=1.2)
            axes.plot(found.steps, found.anew, color=shade)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_title(SET_NAMES[name], fontweight="bold")
        axes.set(xlabel="t", xlim=(0, T), xticks=[T / 4, T / 2, 3 * T / 4])  # none at the ends, where panels meet
    styles = {"running statistics": LAGGING, "taken anew": "-"}
    schedule_legend(figure, plan, [Line2D([], [], color=INK, linestyle=s, label=n) for n, s in styles.items()])
    footnote(figure, plan, *(["a line a seed"] if len(plan.scale.seeds) > 1 else []), together=True)
    return figure


@styled()
def likelihood(plan):
    """Bits per dimension by schedule and set, in the bound's three terms; means over seeds, which are points."""
    grid = plan.study.grid
    cells = [(name, p) for name in grid.schedule for p in grid.preparation]
    means = {name: mean_by_cell(plan, f"{name}_bits").ravel() for name in (*TERMS, "total")}
    height = 1.55 + 0.21 * len(cells)
    figure = new_figure(height)
    title(figure, "Likelihood: a bound on bits per dimension", "Three terms; held-out images, decoded at 256 levels")
    place = {"left": 0.25, "right": 0.86, "bottom": 0.65 / height, "top": 1 - 0.85 / height}
    axes = figure.subplots(gridspec_kw=place)
    y = np.arange(len(cells)) + 0.5 * np.repeat(np.arange(len(grid.schedule)), len(grid.preparation))
    _stacked(axes, y, cells, means)
    _totals(axes, y, plan, cells, means["total"])
    _priors(axes, y, means["prior"])
    floor = decoder_floor(plan.grid[0].training)
    known = means["total"][np.isfinite(means["total"])]
    marked = {floor: f"$L_0$ of true black and white, {floor:.2f}"}
    if known.max(initial=0) > GUESSING:
        marked[GUESSING] = f"guessing, {GUESSING}"
    for bits in marked:
        axes.axvline(bits, color=INK, linewidth=0.8, linestyle=":")
    axes.set(xlabel="bits/dim", xlim=(0, 1.25 * known.max() if len(known) else 1), ylim=(y[-1] + 0.7, -0.7))
    _label_cells(figure, axes, y, cells)
    _legend_of_terms(figure, height)
    spread = "±: sd over seeds (points)" if len(plan.scale.seeds) > 1 else "± two standard errors"
    footnote(figure, plan, f"dotted: {'; '.join(marked.values())}", spread, together=True)
    return figure


def _totals(axes, y, plan, cells, totals):
    """The seeds' sums as points, with mean and spread beside the bars: over seeds, or that of a seed's images."""
    seeds, errors = seeds_by_cell(plan, "total_bits"), mean_by_cell(plan, "total_bits_se").ravel()
    for position, cell, total, error in zip(y, cells, totals, errors, strict=True):
        known = seeds.get(cell, [])
        if len(known) > 1:
            axes.plot(known, np.full(len(known), position), "o", color=INK, markersize=2.2)
        spread = np.std(known, ddof=1) if len(known) > 1 else 2 * error
        text = f"  {with_spread(total, spread)}" if known else " no result"
        axes.text(max(known, default=0), position, text, va="center", fontsize=8, path_effects=HALO)


def _priors(axes, y, priors):
    """L_T as a column of numbers at the right: on the bars it is mostly too little to be seen."""
    where = {"ha": "right", "fontsize": 8, "annotation_clip": False}
    for position, value in zip(y, priors, strict=True):
        told = in_digits(value) if value == value else "–"
        axes.annotate(told, (1.15, position), xycoords=("axes fraction", "data"), va="center", **where)
    axes.annotate("$L_T$ alone", (1.15, 1), xycoords="axes fraction", va="bottom", color=MUTED, **where)


def _stacked(axes, y, cells, means):
    shades, left = [colour(name) for name, _ in cells], np.zeros(len(cells))
    for name, (_, alpha) in TERMS.items():
        values = np.nan_to_num(means[name])
        axes.barh(y, values, left=left, height=0.78, color=shades, alpha=alpha, linewidth=0)
        left = left + values
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)
    axes.tick_params(axis="y", length=0)


def _label_cells(figure, axes, y, cells):
    axes.set_yticks(y, [SET_NAMES[p] for _, p in cells], fontsize=8)
    seen = set()
    for position, (name, _) in zip(y, cells, strict=True):
        if name not in seen:
            style = {"color": text_colour(colour(name)), "fontweight": "bold", "va": "center"}
            where = {"xycoords": ("figure fraction", "data"), "annotation_clip": False}
            axes.annotate(name, (0.012, position), **where, **style)
        seen.add(name)


def _legend_of_terms(figure, height):
    handles = [Patch(facecolor=INK, alpha=alpha, label=label) for label, alpha in TERMS.values()]
    place = {"loc": "upper left", "bbox_to_anchor": (0.24, 1 - 0.48 / height), "ncols": 3}
    figure.legend(handles=handles, frameon=False, fontsize=8, handlelength=1.2, **place)


def decoder_floor(settings) -> float:
    """L_0 in bits of a black or white pixel whose mean is right: what N(0, beta_1) keeps under half a level's step."""
    beta = settings.noise_schedule().betas[0]
    half = 1 / 255 if settings.value_range == "symmetric" else 0.5 / 255
    return float(-np.log2(norm.cdf(half / np.sqrt(beta))))
