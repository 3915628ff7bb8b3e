"""Figure `frontier`: quality against network calls, a line for each sampler."""

from dataclasses import dataclass

import numpy as np

from diffusion.processes import PROCESSES
from diffusion.samplers import SAMPLERS
from diffusion.samplers.choosing import choose_sampler, count_calls
from studies.measures.results import find_ways, of_samples, read_measures
from studies.planning.study import OF_SAMPLERS
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.palette import INK, MUTED, text_colour
from studies.report.rows import capable, fitted_data, left_out, unfitted
from studies.report.style import add_footnote, add_legend, add_title, new_figure, styled

__all__ = ["ENTRY", "Point", "count_network_calls", "find_points", "rate_interval"]

MEASURE = "clean_share"
ABLE = "distance"  # what a kind of picture must have for the measure, see `fitted_data`
COLUMNS, HEIGHT, TOP, FOOT = 3, 2.35, 0.96, 0.72  # panels in a row; inches of a row, and above and below the panels
SHADES = (
    INK,
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#882255",
    "#999933",
)  # of samplers
MARKS = "osD^vPX"
FAR = 1.6  # times the samples' highest: real images' value beyond it is written and no line
APART = 1.03  # factor between the places of samplers of as many calls, so that none hides another
REAL_LINE = {"color": INK, "linewidth": 1.0, "linestyle": (0, (3, 1.5))}
Z = 1.959964  # of a normal law: 95% lie within so many standard deviations


@dataclass(frozen=True)
class Point:
    """A sampling of a cell: network calls an image, the measure's mean over seeds, and its interval, NaN if unknown."""

    sampler: str
    options: tuple[str, ...]
    calls: int
    value: float
    low: float
    high: float


def count_network_calls(training, sampling) -> int:
    """Return how often the network is asked for one image, corrections counted."""
    own = {name: getattr(sampling, name) for name in OF_SAMPLERS}
    sampler = choose_sampler(sampling.sampler, PROCESSES[training.process], **own)
    return count_calls(sampler, sampling.steps or training.timesteps)


def find_points(plan, data: str, model: str, measure: str = MEASURE) -> list[Point]:
    """Return what is measured of each sampling of a cell, fewest calls first; what is not measured is left out."""
    points = []
    for samplings in find_ways(plan, data, model).values():
        found = [row for one in samplings if (row := _read(one, measure)) is not None]
        if not found:
            continue
        sampling, training = samplings[0].sampling, getattr(samplings[0], "run", samplings[0]).training
        given = [f"{name} {getattr(sampling, name)}" for name in OF_SAMPLERS if getattr(sampling, name) is not None]
        options = (*given, *(["clipped"] if sampling.clip else []))
        interval = _find_interval(np.array([value for value, _ in found]), found[0][1])
        mean = float(np.mean([value for value, _ in found]))
        points.append(Point(sampling.sampler, options, count_network_calls(training, sampling), mean, *interval))
    return sorted(points, key=lambda one: one.calls)


def _read(one, measure: str) -> tuple[float, int] | None:
    """Return a measure of a sampling, and the images it rests on; None where there is none."""
    frame = of_samples(read_measures, one, one)
    found = None if frame is None else frame[frame.measure == measure].dropna(subset=["value"])
    return None if found is None or not len(found) else (float(found.value.iloc[0]), int(found.n.iloc[0]))


def _find_interval(values: np.ndarray, images: int) -> tuple[float, float]:
    """Return a 95% interval: of the mean over seeds, or of one seed's share over its images."""
    from studies.verdicts.seeds import t_interval

    return t_interval(values) if len(values) > 1 else rate_interval(values[0], images)


def rate_interval(share: float, images: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share of so many images."""
    middle = (share + Z**2 / (2 * images)) / (1 + Z**2 / images)
    half = Z * np.sqrt(share * (1 - share) / images + (Z / (2 * images)) ** 2) / (1 + Z**2 / images)
    return middle - half, middle + half


@styled()
def draw(plan):
    """Draw a panel for each cell: the measure over network calls, a line for each sampler, and real images' value."""
    from studies.registries import describe

    cells = find_cells(plan)
    points = {cell: find_points(plan, *cell) for cell in cells}
    looks = _choose_looks(points)
    rows = -(-len(cells) // COLUMNS)
    columns = min(len(cells), COLUMNS)
    height = TOP + FOOT + HEIGHT * rows + 0.6 * (rows - 1)
    figure = new_figure(height)
    add_title(figure, "Quality against network calls", f"{describe(MEASURE).words}; upper left is better")
    place = {"left": 0.09, "right": 0.975, "bottom": FOOT / height, "top": 1 - TOP / height}
    grid = {"wspace": 0.08, "hspace": 0.6 / HEIGHT}
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True, gridspec_kw=place | grid)
    top = max((one.high for found in points.values() for one in found), default=1)
    lines = []
    for axes, cell in zip(panels.flat, cells, strict=False):
        _draw_panel(axes, plan, cell, points[cell], looks)
        lines += _mark_real(axes, plan, cell, top)
    for axes in panels.flat[len(cells) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("network calls an image")
    _scale_axes(panels, [one.calls for found in points.values() for one in found])
    add_legend(figure, [*_make_handles(looks), *lines[:1]])
    seeds = len(plan.scale.seeds) > 1
    bars = "bars: 95% intervals of the mean over seeds" if seeds else "bars: 95% intervals over images, of one seed"
    facts = [bars, *_tell_missing(plan, points), *left_out(plan, {model for _, model in cells}, "a path")]
    add_footnote(figure, plan, *facts, *unfitted(plan, {data for data, _ in cells}), together=True)
    return figure


def _choose_looks(points) -> dict[tuple, tuple[str, str]]:
    """Return colour and mark of each sampler with its options, {(sampler, options): ...}, in the registry's order."""
    order = list(SAMPLERS)
    known = {(one.sampler, one.options) for found in points.values() for one in found}
    known = sorted(known, key=lambda key: (order.index(key[0]), key[1]))
    return {key: (SHADES[i % len(SHADES)], MARKS[i % len(MARKS)]) for i, key in enumerate(known)}


def _draw_panel(axes, plan, cell, points, looks) -> None:
    data, model = cell
    for i, (key, (shade, mark)) in enumerate(looks.items()):
        line = [one for one in points if (one.sampler, one.options) == key]
        if line:
            x = APART ** (i - (len(looks) - 1) / 2) * np.array([one.calls for one in line])
            y = np.array([one.value for one in line])
            ends = np.abs(np.array([(one.low, one.high) for one in line]).T - y)
            axes.errorbar(x, y, ends, color=shade, marker=mark, markersize=4, linewidth=1.4, elinewidth=0.8, zorder=3)
    if not points:
        axes.text(0.5, 0.5, "no result", transform=axes.transAxes, ha="center", color=MUTED)
    title = f"{plan.label(model)}, {plan.label(data)}"
    axes.set_title(title, loc="left", fontweight="bold", color=text_colour(plan.colour(model)))


def _mark_real(axes, plan, cell, top: float) -> list:
    """Draw a line at the real images' value; or write it where it lies so far up that samples would be squeezed.

    Return the line, if there is one.
    """
    own = [row for run in find_ways(plan, *cell)[""] if (row := _read(run, f"real_{MEASURE}"))]
    real = float(np.mean([value for value, _ in own])) if own else np.nan
    if real <= FAR * top:
        return [axes.axhline(real, label="held-out real images", **REAL_LINE)]
    if own:
        words = f"held-out real images: {real:.1%} ↑"
        axes.text(0.98, 0.98, words, transform=axes.transAxes, ha="right", va="top", fontsize=8)
    return []


def _scale_axes(panels, calls) -> None:
    """Count calls on a logarithmic axis with round numbers, and shares in percent."""
    from matplotlib.ticker import NullLocator, PercentFormatter

    calls = calls or [10, 1000]
    low, high = 0.8 * min(calls), 1.25 * max(calls)
    axes = panels[0, 0]
    top = 1.12 * max(axes.dataLim.y1 for axes in panels.flat)
    axes.set(xscale="log", xlim=(low, high), ylim=(-0.02 * top, top) if np.isfinite(top) else (0, 1))
    ticks = [base * 10**power for power in range(6) for base in (1, 2, 5)]
    for one in panels.flat:
        one.xaxis.set_minor_locator(NullLocator())
        one.set_xticks([tick for tick in ticks if low <= tick <= high], minor=False)
        one.xaxis.set_major_formatter("{x:,.0f}")
        one.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _make_handles(looks) -> list:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=shade, marker=mark, markersize=4, linewidth=1.4, label=", ".join((sampler, *options)))
        for (sampler, options), (shade, mark) in looks.items()
    ]


def _tell_missing(plan, points) -> list[str]:
    """Return a fact for the footnote: how many samplings are not measured yet; nothing if all are."""
    missing = sum(len(find_ways(plan, *cell)) - len(found) for cell, found in points.items())
    return [f"not measured: {missing} sampling{'s' * (missing > 1)}"] if missing else []


def find_cells(plan) -> list[tuple[str, str]]:
    """Return the cells whose models undo a process by a path of steps, and whose pictures are measured."""
    able = {run.model for run in capable(plan.grid, "frames") if hasattr(run.training, "process")}
    fitted = fitted_data(plan, ABLE)
    return [(data, model) for data, model in plan.cells if model in able and data in fitted]


def find_needs(plan) -> list:
    """Return the measures of every sampling that the figure has a point for.

    Raises:
        ValueError: no cell is sampled in another way from noise.
    """
    ways = [find_ways(plan, *cell) for cell in find_cells(plan)]
    if not any(len(one) > 1 for one in ways):
        raise ValueError(f"frontier: study {plan.study_name} draws no measured cell from noise in more ways than one")
    return measure_files([one for names in ways for samplings in names.values() for one in samplings])


ENTRY = Entry(
    title="Quality against network calls",
    caption="The share of clean pictures of every sampling that starts from pure noise, over the network calls that "
    "one image takes: its steps, and the Langevin corrections between them. A line is a sampler with its options. Bars "
    "are 95% intervals: Student's over seeds, or of one seed Wilson's over its images. Dashed, or written where it "
    "lies far above: the share of held-out real images.",
    needs=find_needs,
    make=draw,
)
