"""Figures of measures, one function each: plan -> Figure."""

import numpy as np
import seaborn
from matplotlib import colormaps
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from studies.measures.images import SMALL
from studies.measures.measuring import read_table, seeds_by_cell
from studies.measures.results import SET_NAMES, SHORT_NAMES, of_samples, or_hole
from studies.report.palette import INK, RULE, colour, readable_on, text_colour
from studies.report.style import footnote, new_figure, schedule_legend, styled, title

__all__ = ["mean_by_cell", "noise", "overlap", "population"]

FEATURES = {  # label, and the ends that the geometry sets: the largest triangle is half of the image
    "sqrt_area": ("square root of area", (0, np.sqrt(0.5))),
    "angle_1": ("smallest angle", (0, 60)),
    "angle_3": ("largest angle", (60, 180)),
    "perimeter": ("perimeter", (0, 2 + np.sqrt(2))),
}
ENOUGH = f"samples with {SMALL} px of ink or more"
DENSITY_NEEDS = 10  # samples below which a density shows nothing
LEVELS = 0, 1, 3, 10, 30, 100  # of 255, on an axis that is logarithmic from 1 on
SHARES = Normalize(0, 1.6)  # of a heat map's blue: none so dark that dark numbers could not be read
GRAY_LEVELS = SymLogNorm(linthresh=1, vmin=0, vmax=100, base=10)  # the same in all reports, to be compared


@styled()
def overlap(plan):
    """Overlap with the best-fit triangle, by one ruler for all sets: good ones by cell, and the distribution."""
    heading = "Is it a triangle? Overlap of samples with their best-fit triangle"
    detail = "Left: share of overlaps of 0.8 or more. Right: share up to each overlap; further right is better"
    return _by_cell(plan, heading, detail, "plain_iou_0.8_share", "plain_iou", "overlap", (0.3, 1.01))


@styled()
def noise(plan):
    """Gray around the triangle: mean by cell, and the distribution."""
    heading = "How noisy? Gray more than 2 px off the triangle and any ink"
    detail = "RMS in levels of 255, logarithmic from 1 on. Left: mean by cell. Right: share up to each; left is better"
    return _by_cell(plan, heading, detail, "background_haze", "background_haze", "haze (levels)", None, scale=255)


def _by_cell(plan, heading, detail, measure, column, label, limits, scale=1):
    rows, sets = plan.study.grid.schedule, plan.study.grid.preparation
    figure = new_figure(3.8)
    title(figure, heading, detail)
    place = {"left": 0.115, "right": 0.975, "bottom": 0.2, "top": 0.8, "wspace": 0.1}
    ratios = [1.15, 0.12] + [1] * len(sets)  # the second one is room for the numbers beside the third
    panels = figure.subplots(1, len(ratios), gridspec_kw=place | {"width_ratios": ratios})
    panels[1].axis("off")
    norm = SHARES if scale == 1 else GRAY_LEVELS
    _heat_map(panels[0], scale * _with_real(plan, measure), _with_real(plan, "small_share"), rows, sets, norm)
    limits = limits or (-0.05, scale * _highest(plan, column))  # so that a line at 0 is seen beside the axis
    for i, (axes, name) in enumerate(zip(panels[2:], sets, strict=True)):
        _distributions(axes, plan, name, column, scale)
        if scale == 1:
            axes.locator_params(axis="x", nbins=3)
        else:  # most cells lie within a level or two, the worst far off
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xticks(LEVELS, map(str, LEVELS))
            axes.tick_params(axis="x", which="minor", length=0)
        axes.set(xlim=limits, ylim=(0, 1), xlabel=label, ylabel="")
        axes.set_title(SET_NAMES[name], fontweight="bold")
        axes.tick_params(labelleft=i == 0)
    handles = [Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (3, 1.5)), label="held-out real images")]
    figure.legend(handles=handles, loc="lower right", bbox_to_anchor=(0.99, 0), frameon=False, fontsize=8)
    footnote(figure, plan, f"{ENOUGH}; in brackets: left out", together=True)
    return figure


def mean_by_cell(plan, measure):
    """(schedules, sets): the mean over the seeds that are there; NaN where there is none."""
    grid, values = plan.study.grid, seeds_by_cell(plan, measure)
    means = {key: np.mean(known) for key, known in values.items() if known}
    return np.array([[means.get((s, p), np.nan) for p in grid.preparation] for s in grid.schedule])


def _with_real(plan, measure):
    """The means by cell, and below them those of the held-out real images, the same for every schedule."""
    real = mean_by_cell(plan, f"real_{measure}")
    known = np.isfinite(real)
    means = np.divide(
        np.where(known, real, 0).sum(0), known.sum(0), where=known.any(0), out=np.full(len(real[0]), np.nan)
    )
    return np.vstack([mean_by_cell(plan, measure), means])


def _heat_map(axes, values, left_out, rows, columns, norm):
    """Numbers on blue, the larger the darker, over the shares left out."""
    axes.imshow(np.ma.masked_invalid(values), cmap="Blues", norm=norm, aspect="auto")
    for (j, i), value in np.ndenumerate(values):
        shade = readable_on(colormaps["Blues"](norm(value))[:3]) if value == value else INK
        text = f"{value:.2f}" if value == value else "–"
        text += f"\n({100 * left_out[j, i]:.0f}%)" if left_out[j, i] == left_out[j, i] else ""
        axes.text(i, j, text, linespacing=1.1, ha="center", va="center", color=shade, fontsize=8)
    axes.set_xticks(range(len(columns)), [SHORT_NAMES[name] for name in columns])
    axes.set_yticks(range(len(rows) + 1), [*rows, "real"])
    for label, name in zip(axes.get_yticklabels(), rows, strict=False):
        label.set(color=text_colour(colour(name)), fontweight="bold")
    axes.axhline(len(rows) - 0.5, color="white", linewidth=2.5)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _large(table):
    return table[table.ink >= SMALL]


def _tables(plan, preparation, schedule, column):
    """The per-image tables of a cell's samples, all seeds that are there; `column` is looked for in them."""
    runs = [run for run in plan.grid if (run.preparation, run.schedule) == (preparation, schedule)]
    tables = [of_samples(read_table, run, run.folder / "per-image.npz", "ink", column) for run in runs]
    return [_large(table) for table in tables if table is not None]


def _real(plan, preparation, column):
    sets = {run.dataset.name: run.dataset for run in plan.grid if run.preparation == preparation}
    tables = [or_hole(read_table, dataset.real_file, "ink", column) for dataset in sets.values()]
    return [_large(table) for table in tables if table is not None]


def _column(tables, name):
    values = np.concatenate([np.zeros(0), *(table[name].to_numpy(np.float64) for table in tables)])
    return np.sort(values[np.isfinite(values)])


def _highest(plan, column):
    """Where an axis may end: nearly all values of every cell, and of the real images of every set."""
    grid = plan.study.grid
    shown = [_column(_tables(plan, p, s, column), column) for p in grid.preparation for s in grid.schedule]
    shown += [_column(_real(plan, p, column), column) for p in grid.preparation]
    ends = [np.quantile(values, 0.98) for values in shown if len(values)]
    return max([*ends, 1e-3]) * 1.05


def _distributions(axes, plan, preparation, column, scale):
    """Empirical distribution functions, one a schedule, and the real one."""
    for schedule in plan.study.grid.schedule:
        values = scale * _column(_tables(plan, preparation, schedule, column), column)
        if len(values):
            seaborn.ecdfplot(x=values, ax=axes, color=colour(schedule))
    real = scale * _column(_real(plan, preparation, column), column)
    if len(real):
        seaborn.ecdfplot(x=real, ax=axes, color=INK, linewidth=1.0, linestyle=(0, (3, 1.5)))


@styled()
def population(plan):
    """Densities of geometry features of the samples over those of the real images: features down, sets across."""
    sets = plan.study.grid.preparation
    height = 1.5 + 1.15 * len(FEATURES)
    figure = new_figure(height)
    title(figure, "The right population? Features of the fitted triangles", "Densities; gray: held-out real images")
    place = {"left": 0.145, "right": 0.985, "bottom": 0.55 / height, "top": 1 - 0.95 / height, "hspace": 0.42}
    panels = figure.subplots(len(FEATURES), len(sets), squeeze=False, gridspec_kw=place | {"wspace": 0.08})
    for (feature, (label, limits)), line in zip(FEATURES.items(), panels, strict=True):
        for axes, name in zip(line, sets, strict=True):
            _densities(axes, plan, name, feature, limits)
        highest = max(axes.get_ylim()[1] for axes in line)
        for axes in line:
            axes.set(ylim=(0, highest), yticks=[])
        words = label.replace(" of ", "\nof ").replace(" angle", "\nangle")
        line[0].set_ylabel(words, rotation=0, ha="right", va="center")
    for axes, name in zip(panels[0], sets, strict=True):
        axes.set_title(SET_NAMES[name], fontweight="bold")
    schedule_legend(figure, plan, [Patch(facecolor=RULE, label="real")])
    footnote(figure, plan, "lengths in sides of the image, angles in degrees", ENOUGH, together=True)
    return figure


def _densities(axes, plan, preparation, feature, limits):
    x = np.linspace(*limits, 200)
    unit = 180 / np.pi if feature.startswith("angle") else 1
    real = _density(unit * _column(_real(plan, preparation, feature), feature), x)
    if real is not None:
        axes.fill_between(x, real, color=RULE, linewidth=0)
    for schedule in plan.study.grid.schedule:
        density = _density(unit * _column(_tables(plan, preparation, schedule, feature), feature), x)
        if density is not None:
            axes.plot(x, density, color=colour(schedule), linewidth=1.3)
    axes.set(xlim=limits)
    axes.locator_params(axis="x", nbins=4, steps=(1, 2, 3, 5, 10))
    axes.xaxis.get_major_locator().set_params(prune="upper")
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)


def _density(values, x):
    """A Gaussian kernel density (Scott's rule) mirrored at the range's ends, so that nothing leaks out; or None."""
    from scipy.stats import gaussian_kde

    if len(values) < DENSITY_NEEDS or np.ptp(values) == 0:
        return None
    kernel = gaussian_kde(values)
    return kernel(x) + kernel(2 * x[0] - x) + kernel(2 * x[-1] - x)
