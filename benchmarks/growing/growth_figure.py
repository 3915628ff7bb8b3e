"""Growth as a picture: CPU time and memory over what grows, both logarithmic, with the fitted power laws."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.growing.growth import LEAST_MB, fits
from studies.report.palette import INK, MUTED
from studies.report.style import add_title, new_figure, styled

CLOCKS = {"cpu_seconds": "CPU time, seconds", "seconds": "wall time, seconds"}
MARKS = {"o": "●", "s": "□", "D": "◆", "^": "△"}  # every other one open, so that equal values are seen
GRAY = "#7d8590"
LOOKS = ((INK, "-"), (GRAY, "-"), (INK, (0, (4, 2))), (GRAY, (0, (4, 2))))  # no hue: those are the schedules'
ENDS = (0.68, 0.965)  # where the two columns of exponents end, in shares of the width


@styled()
def draw(growth, table, facts: str):
    """Draw a `Growth` and the table that its `run` made; `facts` says when and where."""
    table = table.assign(extra_mb=table["peak_mb"] - table["base_mb"])
    laws = fits(table, growth.clock).set_index("series")
    below = 0.85 + 0.19 * len(laws)
    height = 2.7 + below
    figure = new_figure(height)
    fitted = "; lines are power laws fitted to all points" if laws["time_se"].notna().any() else ""
    add_title(figure, growth.title, f"Both axes logarithmic{fitted}")
    place = {"left": 0.085, "right": 0.965, "bottom": (below + 0.2) / height, "top": 1 - 0.8 / height, "wspace": 0.2}
    panels = (("time", growth.clock, CLOCKS[growth.clock]), ("memory", "extra_mb", growth.memory))
    for axes, (law, column, label) in zip(figure.subplots(1, 2, gridspec_kw=place), panels, strict=True):
        shown = table if law == "time" else table[table["extra_mb"] >= LEAST_MB]
        for i, name in enumerate(laws.index):
            _series(axes, shown[shown["series"] == name], column, laws.loc[name, [law, f"{law}_se"]], i)
        _axes(axes, table["x"], shown[column], growth.axis, label)
    _exponents(figure, laws, below - 0.42, height)
    figure.text(0.012, 0.08 / height, facts, fontsize=8, color=MUTED, va="bottom")
    return figure


def _series(axes, points, column, law, i) -> None:
    """A series' points, and its power law where there are points enough for an error of the exponent."""
    shade, dashes = LOOKS[i]
    style = (
        {"color": shade, "markersize": 4}
        if i % 2 == 0
        else {"color": shade, "markersize": 6, "markerfacecolor": "none"}
    )
    axes.plot(points["x"], points[column], list(MARKS)[i], zorder=3, **style)
    if np.isfinite(law).all() and len(points):
        x, y = np.log(points["x"].to_numpy(float)), np.log(points[column].to_numpy(float))
        line = np.exp(y.mean() + law.iloc[0] * (x - x.mean()))
        axes.plot(points["x"], line, color=shade, linestyle=dashes, linewidth=1.2)


def _axes(axes, xs, ys, axis, label) -> None:
    axes.set(xscale="log", yscale="log", xlabel=axis)
    axes.set_title(label, loc="left")
    for one, values in ((axes.xaxis, xs), (axes.yaxis, ys)):
        wide = max(values) > 30 * min(values)
        one.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5), numticks=12))
        one.set_minor_locator(NullLocator())
        if max(values) < 4 * min(values):  # what hardly grows should look like it
            one.axes.set_ylim(min(values) / 3, max(values) * 3)
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    if len(sides := sorted(set(xs))) < 6 and max(sides) < 1000 * min(sides):
        axes.set_xticks(sides)


def _exponents(figure, laws, top, height) -> None:
    """The lines' names and exponents, a row each, from `top` inches above the lower edge."""
    small = {"fontsize": 8, "color": MUTED, "va": "center"}
    figure.text(0.012, top / height, "exponents ± standard errors (of the last step)", **small)
    for x, head in zip(ENDS, ("time", "memory"), strict=True):
        figure.text(x, top / height, head, ha="right", **small)
    for i, (name, law) in enumerate(laws.iterrows()):
        y = (top - 0.19 * (i + 1)) / height
        figure.text(0.012, y, list(MARKS.values())[i], fontsize=8, color=LOOKS[i][0], va="center")
        figure.text(0.034, y, name, color=INK, va="center")
        for x, key in zip(ENDS, ("time", "memory"), strict=True):
            figure.text(x, y, _words(law, key), color=INK, ha="right", va="center")


def _words(law, key) -> str:
    value, error, last = (law[f"{key}{part}"] for part in ("", "_se", "_end"))
    if not np.isfinite(value):
        return "too small to fit"
    return f"{value:.2f} ± {error:.2f} ({last:.2f})" if np.isfinite(error) else "too few points to fit"
