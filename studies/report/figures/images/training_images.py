"""Figure `training-images`: where the gray of training images comes from, by draw size, format and filter."""

import numpy as np

from studies.report.entries import Entry
from studies.report.palette import INK, MUTED
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY"]

SHOWN = {  # column -> (what the axis says, what values are multiplied by)
    "haze": ("haze (levels of 255)", 255),
    "edge_gray": ("gray px per px of edge", 1),
    "area_bias": ("area too large (% of image)", 100),
}
MARKS = {"": "o", "nearest": "s", "box": "D", "bilinear": "^", "bicubic": "v", "lanczos": "P"}
OTHER = "X"  # of a filter that a plugin adds
SPREAD = 0.12
HEIGHT = 4.6


@styled()
def draw(plan):
    """Draw a panel for each measure and draw size: a format a row, a mark a filter."""
    from studies.report.tables.training_images import make

    table = make()
    sizes, formats = list(dict.fromkeys(table.draw_size)), list(dict.fromkeys(table.format))
    figure = new_figure(HEIGHT)
    detail = "The same triangles prepared in every way, as 32 px images. Rows: the file they pass through."
    add_title(figure, "Where does the gray of training images come from?", detail)
    place = {
        "left": 0.1,
        "right": 0.985,
        "bottom": 0.95 / HEIGHT,
        "top": 1 - 0.7 / HEIGHT,
        "wspace": 0.1,
        "hspace": 0.5,
    }
    panels = figure.subplots(len(sizes), len(SHOWN), sharex="col", sharey=True, gridspec_kw=place)
    for line, size in zip(panels, sizes, strict=True):
        for axes, (column, (words, times)) in zip(line, SHOWN.items(), strict=True):
            _draw_panel(axes, table[table.draw_size == size], formats, column, times)
            axes.set_title(f"drawn at {size} px", fontsize=8, color=MUTED, loc="left", pad=2)
            if size == sizes[-1]:
                axes.set_xlabel(words)
    _add_legend(figure, table)
    add_footnote(figure, plan, "200 triangles", "nothing is trained", seeded=False)
    return figure


def _draw_panel(axes, table, formats, column, times) -> None:
    filters = list(dict.fromkeys(table["filter"]))
    for i, name in enumerate(filters):
        rows = table[table["filter"] == name]
        y = [formats.index(one) + SPREAD * (i - (len(filters) - 1) / 2) for one in rows.format]
        axes.plot(times * rows[column], y, MARKS.get(name, OTHER), color=INK, markersize=3, alpha=0.75)
    axes.axvline(0, color=MUTED, linewidth=0.6)
    axes.set(yticks=np.arange(len(formats)), yticklabels=formats, ylim=(len(formats) - 0.5, -0.5))


def _add_legend(figure, table) -> None:
    from matplotlib.lines import Line2D

    names = dict.fromkeys(table["filter"])
    style = {"linestyle": "", "color": INK, "markersize": 4}
    handles = [Line2D([], [], marker=MARKS.get(one, OTHER), label=one or "not resized", **style) for one in names]
    place = {"loc": "lower left", "bbox_to_anchor": (0, 0.24 / HEIGHT), "ncols": len(handles), "frameon": False}
    figure.legend(handles=handles, fontsize=8, handlelength=1, columnspacing=1.2, **place)


ENTRY = Entry(
    title="Where the gray comes from",
    caption="Haze far from the edges, gray on the edges, and how much too large the triangles come out, by the size "
    "they are drawn at, the file they pass through, and the filter that resizes them to 32 px. Nothing is trained. "
    "Table `training-images` has the numbers.",
    needs=lambda plan: [],
    make=draw,
)
