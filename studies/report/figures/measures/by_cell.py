"""Draw one measure cell by cell, beside the distributions that it sums up: what `overlap` and `noise` share."""

from dataclasses import dataclass

import numpy as np

from studies.measures.results import seeds_by_cell
from studies.report.figures.measures.per_image import ENOUGH, read_cell, read_real
from studies.report.palette import INK, readable_on, text_colour
from studies.report.rows import find_rows, fitted_data, unfitted
from studies.report.style import add_footnote, add_title, break_label, new_figure

__all__ = ["Question", "average_by_cell", "draw_by_cell"]

LEVELS = 0, 1, 3, 10, 30, 100  # of 255, on an axis that is logarithmic from 1 on
REAL_LINE = {"color": INK, "linewidth": 1.0, "linestyle": (0, (3, 1.5))}
ABOVE, BELOW, PANEL = 0.91, 0.76, 2.28  # inches: title, axis labels and footnote, and what lies between them
LINE = 0.135  # a line of a label
EDGE = 0.012  # of the figure's width, left of which nothing is written


@dataclass(frozen=True)
class Question:
    """What a figure by cell asks.

    heading: the title; right: of the distributions, which way is better. measure: in the heat map; column: of each
    image; axis: its label; limits: of its axis, up to nearly the highest value if None. scale: what values are
    multiplied by; norm: scaled values -> [0, 1], the depth of the heat map's blue; levels: whether the axis is one of
    gray levels, logarithmic from 1 on; able: what its data's kind must have, see `fitted_data`; digits: of means, after
    the point.
    """

    heading: str
    right: str
    measure: str
    column: str
    axis: str
    norm: object
    limits: tuple[float, float] | None = None
    scale: float = 1
    levels: bool = False
    able: str = "fitter"
    digits: int = 2


def draw_by_cell(plan, asked: Question):
    """Draw a heat map of means over seeds, and for each data the distribution under each model."""
    from matplotlib.lines import Line2D

    from studies.registries import describe

    columns = fitted_data(plan, asked.able)
    panel = _find_height(plan)
    height = ABOVE + panel + BELOW
    figure = new_figure(height)
    left = f"Left: {describe(asked.measure).words}{', in levels of 255' if asked.levels else ''}."
    add_title(figure, asked.heading, f"{left}\nRight: {asked.right}.")
    place = {"left": 0.115, "right": 0.975, "bottom": BELOW / height, "top": 1 - ABOVE / height, "wspace": 0.1}
    ratios = [1.15, 0.12] + [1] * len(columns)  # the second one is room for the numbers beside the third
    panels = figure.subplots(1, len(ratios), gridspec_kw=place | {"width_ratios": ratios})
    panels[1].axis("off")
    _draw_heat_map(panels[0], plan, columns, asked)
    _make_room_for_labels(panels[0])
    limits = asked.limits or (-0.05, asked.scale * _find_highest(plan, columns, asked.column))
    for i, (axes, data) in enumerate(zip(panels[2:], columns, strict=True)):
        _draw_distributions(axes, plan, data, asked)
        axes.set(xlim=limits, ylim=(0, 1), xlabel=asked.axis, ylabel="")
        axes.set_title(plan.label(data), fontweight="bold")
        axes.tick_params(labelleft=i == 0)
        box = axes.get_position()
        axes.set_position([box.x0, box.y1 - PANEL / height, box.width, PANEL / height])
    handles = [Line2D([], [], label="held-out real images", **REAL_LINE)]
    figure.legend(handles=handles, loc="lower right", bbox_to_anchor=(0.99, 0), frameon=False, fontsize=8)
    facts = [f"{ENOUGH}; in brackets: left out", *unfitted(plan, columns)]
    add_footnote(figure, plan, *facts, together=True)
    return figure


def _find_height(plan) -> float:
    """Return the heat map's height in inches, with room for the longest label and for two numbers in each row."""
    rows = find_rows(plan)
    lines = max(break_label(plan.label(name)).count("\n") + 1 for name in rows)
    return max(PANEL, LINE * (max(lines, 2) + 0.2) * (len(rows) + 1))


def average_by_cell(plan, measure: str, columns=None) -> np.ndarray:
    """Return means over the seeds that are there, (rows, data) by `find_rows`; NaN where there is none.

    columns: data, all of the grid's if left out.
    """
    means = {cell: np.mean(known) for cell, known in seeds_by_cell(plan, measure).items() if known}
    columns = plan.data_names if columns is None else columns
    return np.array(
        [[means.get((row.get(data), data), np.nan) for data in columns] for row in find_rows(plan).values()]
    )


def _add_real(plan, measure: str, columns) -> np.ndarray:
    """Return the means by cell, and below them those of the held-out real images, the same for every model."""
    real = average_by_cell(plan, f"real_{measure}", columns)
    known = np.isfinite(real)
    total, count = np.where(known, real, 0).sum(0), known.sum(0)
    means = np.divide(total, count, where=count > 0, out=np.full(len(columns), np.nan))
    return np.vstack([average_by_cell(plan, measure, columns), means])


def _draw_heat_map(axes, plan, columns, asked: Question) -> None:
    """Write numbers on blue, the larger the darker, over the shares left out."""
    from matplotlib import colormaps

    values, left_out = asked.scale * _add_real(plan, asked.measure, columns), _add_real(plan, "small_share", columns)
    cells = find_rows(plan)
    rows = list(cells)
    axes.imshow(np.ma.masked_invalid(values), cmap="Blues", norm=asked.norm, aspect="auto")
    for (j, i), value in np.ndenumerate(values):
        if j == len(rows) or columns[i] in cells[rows[j]]:
            shade = readable_on(colormaps["Blues"](asked.norm(value))[:3]) if value == value else INK
            text = _tell(value, left_out[j, i], asked.digits)
            axes.text(i, j, text, linespacing=1.1, ha="center", va="center", color=shade, fontsize=8)
    axes.set_xticks(range(len(columns)), [break_label(plan.label(name)) for name in columns])
    axes.set_yticks(range(len(rows) + 1), [*(break_label(plan.label(name)) for name in rows), "real"])
    for label, name in zip(axes.get_yticklabels(), rows, strict=False):
        label.set(color=text_colour(plan.colour(name)), fontweight="bold")
    axes.axhline(len(rows) - 0.5, color="white", linewidth=2.5)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _make_room_for_labels(axes) -> None:
    """Narrow the heat map from the left where the rows' names would begin outside the figure."""
    begin = min(label.get_window_extent().x0 for label in axes.get_yticklabels()) / axes.figure.bbox.width
    if begin < EDGE:
        box = axes.get_position()
        axes.set_position([box.x0 + EDGE - begin, box.y0, box.width - EDGE + begin, box.height])


def _tell(value: float, left_out: float, digits: int) -> str:
    text = f"{value:.{digits}f}" if value == value else "–"
    return f"{text}\n({100 * left_out:.0f}%)" if left_out == left_out else text


def _find_highest(plan, columns, column: str) -> float:
    """Return where an axis may end: nearly all values of every cell, and of the real images of every set."""
    shown = [read_cell(plan, data, model, column) for data, model in plan.cells if data in columns]
    shown += [read_real(plan, data, column) for data in columns]
    ends = [np.quantile(values, 0.98) for values in shown if len(values)]
    return max([*ends, 1e-3]) * 1.05


def _draw_distributions(axes, plan, data: str, asked: Question) -> None:
    """Draw empirical distribution functions, one a model, and the real one."""
    import seaborn
    from matplotlib.ticker import MaxNLocator

    for model in plan.model_names:
        values = asked.scale * read_cell(plan, data, model, asked.column)
        if len(values):
            seaborn.ecdfplot(x=values, ax=axes, color=plan.colour(model))
    real = asked.scale * read_real(plan, data, asked.column)
    if len(real):
        seaborn.ecdfplot(x=real, ax=axes, **REAL_LINE)
    if asked.levels:  # most cells lie within a level or two, the worst far off
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks(LEVELS, map(str, LEVELS))
        axes.tick_params(axis="x", which="minor", length=0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3, prune="upper"))  # the next panel begins there
