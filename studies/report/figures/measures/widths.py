"""Figure `widths`: the same cells at every scale that judges, with batch norm's running and fresh statistics."""

import numpy as np

from studies.report.entries import Entry
from studies.report.palette import INK, MUTED
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled
from studies.report.tables.across.widths import FRESH, REAL, RUNNING, find_needs, read_scales_apart

__all__ = ["ENTRY"]

# of the measures: a short name for the axis, and what values are multiplied by
ROWS = {
    "plain_iou_0.8_share": ("overlap of\n0.8 or more (%)", 100),
    "clean_share": ("clean (%)", 100),
    "ink": ("ink (px)", 1),
    "background_haze": ("haze\n(levels of 255)", 255),
    "total_bits": ("bits/dim", 1),
}
ASIDE = 0.16  # of a step between scales, from running to fresh statistics
HEAD, ROW, FOOT = 1.12, 1.28, 0.86  # inches
REAL_LINE = {"color": INK, "linewidth": 1.0, "linestyle": (0, (3, 1.5))}


@styled()
def draw(plan):
    """Draw each measure by scale, a line a model, for each data set; open marks: fresh statistics."""
    from matplotlib.lines import Line2D

    scales, columns = read_scales_apart(plan), plan.data_names
    height = HEAD + ROW * len(ROWS) + FOOT
    figure = new_figure(height)
    detail = "Filled: batch norm's running statistics. Open: taken again under the final weights."
    add_title(figure, "How small a network tells the truth", detail)
    real = Line2D([], [], label="real images", **REAL_LINE)
    place = {"left": 0.115, "right": 0.965, "bottom": FOOT / height, "top": 1 - HEAD / height}
    panels = figure.subplots(len(ROWS), len(columns), sharex=True, sharey="row", squeeze=False, gridspec_kw=place)
    for row, (measure, (words, factor)) in zip(panels, ROWS.items(), strict=True):
        for axes, data in zip(row, columns, strict=True):
            _draw_models(axes, plan, scales, data, measure, factor)
        row[0].set_ylabel(words)
        _fit_axis(row[0], scales, measure, factor)
    for axes, data in zip(panels[0], columns, strict=True):
        axes.set_title(plan.label(data), fontweight="bold")
    for axes in panels[-1]:
        axes.set_xticks(range(len(scales)), [_name_scale(one) for one in scales], fontsize=8)
        axes.set_xlim(-0.4, len(scales) - 1 + 0.4)
    add_model_legend(figure, plan, plan.model_names, [real])
    seeds = [f"{one.name}: {_count(one.seeds.values())}" for one in scales]
    add_footnote(figure, plan, "with all that is measured or committed", *seeds, seeded=False)
    return figure


def _draw_models(axes, plan, scales, data, measure, factor) -> None:
    for model in plan.model_names:
        shade = plan.colour(model)
        running, fresh = (
            np.array([factor * _read(one, (data, model, kind), measure) for one in scales]) for kind in (RUNNING, FRESH)
        )
        places = np.arange(len(scales))
        axes.plot(places, running, "o-", color=shade, markersize=4, linewidth=1.2)
        axes.plot(places + ASIDE, fresh, "o", color=shade, markerfacecolor="white", markersize=4)
        for x, before, after in zip(places, running, fresh, strict=True):
            axes.plot([x, x + ASIDE], [before, after], color=shade, linewidth=0.7)
    for x, one in enumerate(scales):
        of_scale = [values for (name, _, _), values in one.values.items() if name == data]
        if real := [values[REAL + measure] for values in of_scale if np.isfinite(values[REAL + measure])]:
            axes.plot([x - 0.3, x + 0.3], [factor * np.mean(real)] * 2, **REAL_LINE)
        if not any(np.isfinite(values[measure]) for values in of_scale):
            where = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "center"}
            axes.text(x, 0.5, "not\nmeasured", fontsize=8, color=MUTED, **where)


def _read(one, cell, measure) -> float:
    return one.values.get(cell, {}).get(measure, np.nan)


def _fit_axis(axes, scales, measure, factor) -> None:
    """Begin at 0, and leave room above; logarithmic where the highest value is far above the rest."""
    found = [factor * v for one in scales for values in one.values.values() if np.isfinite(v := values[measure])]
    if found and min(found) > 0 and max(found) > 8 * np.median(found):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.08 * max(found, default=1))


def _name_scale(one) -> str:
    first, _, last = one.widths.partition(" to ")
    name = one.name.replace(", ", ",\n")
    return f"{name}\n{one.plan.scale.recipe}\n{first} to {last}" if last else name


def _count(seeds) -> str:
    most = max(seeds, default=0)
    return f"{most} seed{'s' * (most != 1)}"


ENTRY = Entry(
    title="How small a network tells the truth",
    caption="The same cells at every scale that judges, nearest to the thesis at the right: scale, recipe and the "
    "network's widths below. Means over a scale's seeds; overlap by the one ruler, clean and haze are of samples with "
    "30 px of ink or more. A measure that a scale's committed runs lack is a hole. Table `widths` has the numbers.",
    needs=find_needs,
    make=draw,
)
