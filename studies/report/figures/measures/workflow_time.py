"""Figure `workflow-time`: where the time of the whole workflow goes."""

import numpy as np

from studies.measures.jobs import duration, workflow_time
from studies.report.entries import Entry
from studies.report.palette import INK, MUTED
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY", "find_needs"]

UNITS = {"s": 1, "minutes": 60, "hours": 3600}
LEAST = 2  # of a unit, for the longest bar
SHADES = {"wall": MUTED, "cpu": "#aeb5bf"}
THICK = 0.38


@styled()
def draw(plan):
    """Draw wall and CPU time by rule, added up over jobs, with their number, the longest and the largest memory."""
    from matplotlib.patches import Patch

    table = workflow_time(plan)
    longest = np.nanmax([0.0, *table.wall_s, *table.cpu_s])
    unit = next((name for name in reversed(UNITS) if longest >= LEAST * UNITS[name]), "s")
    height = 1.55 + 0.44 * len(table)
    figure = new_figure(height)
    add_title(figure, "Where the time goes", "Added up over jobs, of which several may have run at once")
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
    _write_facts(axes, table)
    handles = [Patch(facecolor=SHADES["wall"], label="wall time"), Patch(facecolor=SHADES["cpu"], label="CPU time")]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.99, 1), frameon=False, fontsize=8, ncols=2)
    timed = f"{table.timed.sum()} of {table.jobs.sum()} jobs timed"
    add_footnote(figure, plan, timed, "figures, tables and the report are not", together=True)
    return figure


def _write_facts(axes, table) -> None:
    """Write beside each rule how many jobs it had, their time, the longest, and the most memory."""
    for y, row in enumerate(table.itertuples()):
        words = f"{row.timed} of {row.jobs} jobs" if row.timed < row.jobs else f"{row.jobs} job{'s' * (row.jobs > 1)}"
        if row.timed:
            words += f": {duration(row.wall_s)}, CPU {duration(row.cpu_s)}"
            words += f"\nlongest {duration(row.longest_s)}"
            words += f", at most {row.memory_mb:,.0f} MB" if row.memory_mb == row.memory_mb else ""
        where = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8, "color": INK}
        axes.annotate(words, (1.03, y), annotation_clip=False, linespacing=1.35, **where)


def find_needs(plan) -> list:
    """Return the last files of all jobs on runs: benchmark files are no outputs to wait for, but are there by then."""
    return [one.measure_file for one in (*plan.runs, *plan.resampled)]


ENTRY = Entry(
    title="The whole workflow's time by rule",
    caption="Snakemake's own measurements of every job: wall and CPU time added up over the jobs of a rule. Jobs whose "
    "results were taken from elsewhere have none.",
    needs=find_needs,
    make=draw,
)
