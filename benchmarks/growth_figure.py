"""Growth as a picture: CPU time and memory over what grows, both logarithmic, with the fitted power laws."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.growth import LEAST_MB, fits
from studies.figures import new_figure, styled, title
from studies.palette import COLOURS, MUTED, text_colour

CLOCKS = {"cpu_seconds": "CPU time, seconds", "seconds": "wall time, seconds"}
MARKS = {"o": "●", "s": "■", "D": "◆", "^": "▲"}


@styled()
def draw(growth, table, facts: str):
    """A figure of a `Growth` and the table that `benchmarks.growth.run` made of it; `facts` says when and where."""
    table = table.assign(extra_mb=table["peak_mb"] - table["base_mb"])
    names, laws = list(dict.fromkeys(table["series"])), fits(table, growth.clock).set_index("series")
    below = 0.55 + 0.19 * len(names)
    height = 2.9 + below
    figure = new_figure(height)
    title(figure, growth.title, "Lines: power laws fitted to all points; below: their exponents with standard errors")
    place = {"left": 0.085, "right": 0.985, "bottom": (below + 0.3) / height, "top": 1 - 0.8 / height, "wspace": 0.2}
    panels = (("time", growth.clock, CLOCKS[growth.clock]), ("memory", "extra_mb", growth.memory))
    for axes, (law, column, label) in zip(figure.subplots(1, 2, gridspec_kw=place), panels, strict=True):
        shown = table if law == "time" else table[table["extra_mb"] >= LEAST_MB]
        for i, name in enumerate(names):
            _series(axes, shown[shown["series"] == name], column, laws.loc[name, law], i)
            _words(figure, axes, i, (below - 0.32 - 0.19 * i) / height, name, laws.loc[name], law)
        _axes(axes, table["x"], shown[column], growth.axis, label)
    figure.text(0.012, 0.08 / height, facts, fontsize=8, color=MUTED, va="bottom")
    return figure


def _series(axes, points, column, exponent, i) -> None:
    shade = list(COLOURS.values())[i]
    axes.plot(points["x"], points[column], list(MARKS)[i], color=shade, markersize=4, zorder=3)
    if np.isfinite(exponent) and len(points):
        x, y = np.log(points["x"].to_numpy(float)), np.log(points[column].to_numpy(float))
        axes.plot(points["x"], np.exp(y.mean() + exponent * (x - x.mean())), color=shade, linewidth=1.2)


def _axes(axes, xs, ys, axis, label) -> None:
    axes.set(xscale="log", yscale="log", xlabel=axis)
    axes.set_title(label, loc="left")
    for one, values in ((axes.xaxis, xs), (axes.yaxis, ys)):
        wide = max(values) > 30 * min(values)
        one.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5), numticks=12))
        one.set_minor_locator(NullLocator())
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    if len(sides := sorted(set(xs))) < 6 and max(sides) < 1000 * min(sides):
        axes.set_xticks(sides)


def _words(figure, axes, i, y, name, law, key) -> None:
    box, shade = axes.get_position(), text_colour(list(COLOURS.values())[i])
    value, error = law[key], law[f"{key}_se"]
    spread = f" ± {error:.2f}" if np.isfinite(error) else ""
    exponent = f"{value:.2f}{spread}" if np.isfinite(value) else "too small to fit"
    figure.text(box.x0, y, list(MARKS.values())[i], fontsize=8, color=shade, va="center")
    figure.text(box.x0 + 0.022, y, name, fontsize=8.5, color=shade, va="center")
    figure.text(box.x1, y, exponent, fontsize=8.5, color=shade, va="center", ha="right")
