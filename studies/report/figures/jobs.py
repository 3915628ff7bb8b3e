"""Where the time of the whole workflow goes, one function a figure: plan -> Figure."""

import numpy as np
from matplotlib.patches import Patch

from studies.measures.jobs import duration, workflow_time
from studies.report.palette import INK, MUTED
from studies.report.style import footnote, new_figure, styled, title

__all__ = ["workflow"]

UNITS = {"s": 1, "minutes": 60, "hours": 3600}
LEAST = 2  # of a unit, for the longest bar
SHADES = {"wall": MUTED, "cpu": "#aeb5bf"}
THICK = 0.38


@styled()
def workflow(plan):
    """Wall and CPU time by rule, added up over jobs, with their number, the longest and the largest memory."""
    table = workflow_time(plan)
    longest = np.nanmax([0.0, *table.wall_s, *table.cpu_s])
    unit = next((name for name in reversed(UNITS) if longest >= LEAST * UNITS[name]), "s")
    height = 1.55 + 0.44 * len(table)
    figure = new_figure(height)
    title(figure, "Where the time goes", "Added up over jobs, of which several may have run at once")
    place = {"left": 0.14, "right": 0.66, "bottom": 0.67 / height, "top": 1 - 0.62 / height}
    axes = figure.subplots(gridspec_kw=place)
    for name, shift in (("wall", -THICK / 2), ("cpu", THICK / 2)):
        seconds = table[f"{name}_s"].fillna(0) / UNITS[unit]
        axes.barh(np.arange(len(table)) + shift, seconds, height=THICK, color=SHADES[name])
    axes.set_yticks(range(len(table)), table.rule.str.replace("-", " "))
    axes.set(xlabel=unit, xlim=(0, 1.04 * longest / UNITS[unit] or 1), ylim=(len(table) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)
    axes.tick_params(axis="y", length=0)
    _facts(axes, table)
    handles = [Patch(facecolor=SHADES["wall"], label="wall time"), Patch(facecolor=SHADES["cpu"], label="CPU time")]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.99, 1), frameon=False, fontsize=8, ncols=2)
    timed = f"{table.timed.sum()} of {table.jobs.sum()} jobs timed"
    footnote(figure, plan, timed, "figures, tables and the report are not", together=True)
    return figure


def _facts(axes, table):
    """Beside each rule: how many jobs, their time, the longest, and the most memory."""
    for y, row in enumerate(table.itertuples()):
        words = f"{row.timed} of {row.jobs} jobs" if row.timed < row.jobs else f"{row.jobs} job{'s' * (row.jobs > 1)}"
        if row.timed:
            words += f": {duration(row.wall_s)}, CPU {duration(row.cpu_s)}"
            words += f"\nlongest {duration(row.longest_s)}"
            words += f", at most {row.memory_mb:,.0f} MB" if row.memory_mb == row.memory_mb else ""
        where = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8, "color": INK}
        axes.annotate(words, (1.03, y), annotation_clip=False, linespacing=1.35, **where)
