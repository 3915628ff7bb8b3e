"""Figure `families`: quality, coverage, speed and likelihood of each model, side by side."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diffusion.store.records import SamplesRecord, read_record
from studies.measures.results import find_ways, of_samples, or_hole, read_measures
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.palette import INK, MUTED, text_colour
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY"]

SPEED, BITS = "sampling_images_per_s", "total_bits"
BELOW = 0.3  # of a row, from a mean to its seeds
DECADES = 8  # of a logarithmic axis, that are named at most
COINS = "bernoulli"  # the process whose bound is of black and white
LEFT, GAP = 0.18, 0.03  # of the figure's width, for names at the least, and around the longest


@dataclass(frozen=True)
class Axis:
    """One question: its measure, its words, whether more is better; real: whether real images are measured so, too,
    as shares are; most: where the axis ends at the latest."""

    measure: str
    words: str
    better: str
    logarithmic: bool = False
    real: bool = False
    most: float = np.inf


@dataclass(frozen=True)
class Row:
    """A cell, sampled in one way: `samplings`, one a seed; the study's own way has no name."""

    data: str
    model: str
    way: str
    samplings: list


AXES = (
    Axis("clean_of_all", "clean, of\nall samples", "more", real=True),
    Axis("plain_iou_0.8_share", "rough shapes, of\nlarger samples", "more", real=True),
    Axis("coverage", "coverage of\nreal images", "more", real=True),
    Axis(SPEED, "speed: images\na second", "more", logarithmic=True),
    Axis(BITS, "likelihood:\nbound, bits/dim", "less", logarithmic=True, most=100),
)


@styled()
def draw(plan):
    """Draw a row a cell and a panel a question: the mean as a diamond above its seeds, real images as a line."""
    rows = _list_rows(plan)
    y = np.arange(len(rows)) + 0.8 * np.cumsum([0, *(a.data != b.data for a, b in pairwise(rows))])
    height = 1.95 + 0.27 * (y[-1] + 1)
    figure = new_figure(height)
    heading = "Families of models: quality, coverage, speed, likelihood"
    add_title(figure, heading, "Arrows: where better lies; points: seeds")
    panels = figure.subplots(1, len(AXES), sharey=True)
    for axes, asked in zip(panels, AXES, strict=True):
        _draw_axis(axes, plan, rows, y, asked)
    panels[0].set_yticks(y, [row.way or plan.label(row.model) for row in rows])
    for label, row in zip(panels[0].get_yticklabels(), rows, strict=True):
        label.set(color=text_colour(plan.colour(row.model)), fontweight="normal" if row.way else "bold")
    widest = max(label.get_window_extent().width for label in panels[0].get_yticklabels()) / figure.bbox.width
    place = {"left": max(LEFT, widest + GAP), "right": 0.985, "bottom": 0.95 / height, "top": 1 - 0.62 / height}
    figure.subplots_adjust(**place, wspace=0.12)
    panels[0].set_ylim(y[-1] + 0.7, -1.1)
    for data in dict.fromkeys(row.data for row in rows):
        first = next(at for at, row in zip(y, rows, strict=True) if row.data == data)
        panels[0].text(-0.02, first - 0.75, plan.label(data), transform=panels[0].get_yaxis_transform(), ha="right",
                       va="center", fontsize=8.5, color=INK)  # fmt: skip
    facts = [
        "bars: 95% intervals",
        "dashed: real images",
        *(["hollow: of 256 levels"] if any(_counts_levels(row) for row in rows) else []),
        "–: none, or too few larger samples",
        *(f"▸: beyond {asked.most:g}" for asked in AXES if _goes_beyond(rows, asked)),
    ]
    add_footnote(figure, plan, *facts, together=True)
    return figure


def _goes_beyond(rows: list[Row], asked: Axis) -> bool:
    return any(value > asked.most for row in rows for value in _find_values(row, asked))


def _counts_levels(row: Row) -> bool:
    """Whether images are decoded to 256 levels after noise of many levels, however few levels they have themselves."""
    run = getattr(row.samplings[0], "run", row.samplings[0])
    return getattr(run.training, "process", COINS) != COINS


def _list_rows(plan) -> list[Row]:
    """List a row a cell, and below it one for each other way of sampling its model from noise."""
    cells = [(data, model) for data in plan.data_names for model in plan.model_names if (data, model) in plan.cells]
    return [Row(*cell, way, samplings) for cell in cells for way, samplings in find_ways(plan, *cell).items()]


def _draw_axis(axes, plan, rows, y, asked: Axis) -> None:
    from matplotlib.ticker import LogLocator

    for at, row in zip(y, rows, strict=True):
        model, known = row.model, _find_values(row, asked)
        if not known:
            axes.text(0.5, at, "–", transform=axes.get_yaxis_transform(), ha="center", va="center", color=MUTED)
            continue
        if len(known) > 1:
            axes.plot(_interval(known, asked), [at] * 2, color=plan.colour(model), linewidth=1.5)
            _mark(axes, known, at + BELOW, asked, marker="o", color=plan.colour(model), markersize=1.8)
        if len(known) < (there := _count_seeds(row)):
            near = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "fontsize": 6.5}
            axes.annotate(f"{len(known)} of {there}", (min(_middle(known, asked), asked.most), at), color=MUTED, **near)
        inside = "white" if asked.measure == BITS and _counts_levels(row) else plan.colour(model)
        edge = plan.colour(model) if inside == "white" else "white"
        style = {"color": inside, "markersize": 5, "markeredgecolor": edge}
        _mark(axes, [_middle(known, asked)], at, asked, marker="D", **style)
    if asked.real:
        _mark_real(axes, plan, rows, y, asked)
    arrow = "→" if asked.better == "more" else "←"
    axes.set_xlabel(f"{asked.words} {arrow}")
    if asked.logarithmic:
        axes.set_xscale("log")
        _hold_to_points(axes, [min(value, asked.most) for row in rows for value in _find_values(row, asked)])
        axes.xaxis.set_major_locator(LogLocator(numticks=DECADES))
        axes.xaxis.set_minor_formatter("")  # of less than a decade the labels would collide
    elif asked.real:
        axes.set(xlim=(-0.06, 1.06), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    axes.tick_params(left=False)


def _mark(axes, values, at: float, asked: Axis, marker: str, markersize: float, **style) -> None:
    """Mark values in a row's height, those beyond the axis at its end by a larger arrow."""
    near = [value for value in values if value <= asked.most]
    axes.plot(near, [at] * len(near), marker, markersize=markersize, **style)
    if len(near) < len(values):
        axes.plot(asked.most, at, ">", markersize=markersize + 1.5, **style)


def _hold_to_points(axes, points: list[float]) -> None:
    """End a logarithmic axis a little beyond its points, where an interval over seeds may go on for many decades."""
    if points:
        room = (max(points) / min(points)) ** 0.06 * 1.2
        axes.set_xlim(min(points) / room, max(points) * room)


def _middle(known, asked: Axis) -> float:
    """Return the mean over seeds, of a logarithmic axis that of the logarithms."""
    return np.exp(np.mean(np.log(known))) if asked.logarithmic else np.mean(known)


def _interval(known, asked: Axis) -> tuple[float, float]:
    """Return Student's 95% interval of that mean."""
    from studies.verdicts.seeds import t_interval

    return tuple(np.exp(t_interval(np.log(known)))) if asked.logarithmic else t_interval(known)


def _find_values(row: Row, asked: Axis) -> list[float]:
    """Return the values of the seeds that are there."""
    if asked.measure == SPEED:
        records = [or_hole(read_record, one.samples_file.with_suffix(".json"), SamplesRecord) for one in row.samplings]
        return [1 / record.seconds_per_image for record in records if record is not None]
    return _measured(row, asked.measure)


def _measured(row: Row, measure: str) -> list[float]:
    return [x for frame in _frames(row) for x in frame.value[frame.measure == measure].dropna()]


def _count_seeds(row: Row) -> int:
    """Count the seeds that are measured at all: of some a measure may be missing, as of too few larger samples."""
    return len(_frames(row))


def _frames(row: Row) -> list:
    found = (of_samples(read_measures, one, one) for one in row.samplings)
    return [frame for frame in found if frame is not None]


def _mark_real(axes, plan, rows, y, asked: Axis) -> None:
    """Draw the real images' value across the rows of each data set."""
    for data in dict.fromkeys(row.data for row in rows):
        places = [at for at, row in zip(y, rows, strict=True) if row.data == data]
        known = [value for row in rows if row.data == data for value in _measured(row, f"real_{asked.measure}")]
        if known:
            axes.plot([np.mean(known)] * 2, [places[0] - 0.4, places[-1] + 0.4], "--", color=MUTED, linewidth=1)


def find_needs(plan) -> list:
    """Return the measures of every row, and the records that say how fast it was sampled."""
    return measure_files(one for row in _list_rows(plan) for one in row.samplings)


ENTRY = Entry(
    title="Families of models",
    caption="Quality (clean samples, of all; rough shapes, which overlap their best-fit triangle by 0.8 or more, of "
    "larger samples), coverage of the real population, images drawn a second and the bound of the likelihood, a row a "
    "cell, and one for each other way of sampling its model. Each point is a seed; bars are 95% intervals of the mean; "
    "dashed lines are held-out real images. A family without a likelihood has none here. Coverage goes by the best-fit "
    "triangle of larger samples, whatever their shape; where some seeds have too few of them, a number says how many "
    "have enough. A hollow bound is of images decoded to 256 levels after noise, which costs bits even where they are "
    "black and white: compare it with none of black and white.",
    needs=find_needs,
    make=draw,
)
