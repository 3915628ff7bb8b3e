"""Figure and table `perfect`: how many samples are triangles of the set, by start, sampler and number of steps."""

from studies.perfect.ways import STARTS, find_needs, read_ways
from studies.report.entries import Entry
from studies.report.palette import INK
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY", "TABLE"]

MARKS = ("o", "s", "^", "D", "v", "P")
REAL_LINE = {"color": INK, "linewidth": 1.0, "linestyle": (0, (3, 1.5))}
LINES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)))


# of a measure: words for the axis, factor
ROWS = {"member_share": ("triangles of the set (%)", 100), "ink": ("ink (px)", 1)}


@styled()
def draw(plan):
    """Draw the share of samples that are triangles of the set, and their ink, over the steps, a column a start."""
    ways = read_ways(plan)
    marks = {
        name: (MARKS[i % len(MARKS)], LINES[i % len(LINES)])
        for i, name in enumerate(dict.fromkeys(way.sampler for way in ways))
    }
    figure = new_figure(5.2)
    detail = "A triangle in every pixel; below, the mean ink. By start, number of steps and sampler"
    add_title(figure, "Samples that are triangles of the set, and how large they are", detail)
    models = [name for name in plan.model_names if any(way.model == name for way in ways)]
    place = {"left": 0.085, "right": 0.985, "bottom": 0.19, "top": 0.80, "wspace": 0.07, "hspace": 0.12}
    panels = figure.subplots(len(ROWS), len(STARTS), sharex=True, sharey="row", gridspec_kw=place)
    add_model_legend(figure, plan, models, [_line("real images", **REAL_LINE)] if _real_ink(ways) else [])
    for row, (measure, (words, factor)) in zip(panels, ROWS.items(), strict=True):
        for axes, start in zip(row, STARTS, strict=True):
            _draw_panel(axes, plan, [way for way in ways if way.start == start], marks, measure, factor)
        row[0].set_ylabel(words)
    _finish(panels, ways)
    handles = [
        _line(name, marker=mark, linestyle=line, color=INK, markersize=4) for name, (mark, line) in marks.items()
    ]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.075, 0.045), ncols=6, frameon=False, fontsize=8)
    counts = sorted({way.n for way in ways})
    add_footnote(
        figure,
        plan,
        *[f"{' to '.join(map(str, counts[:1] + counts[1:][-1:]))} samples each"] * bool(counts),
        together=True,
    )
    return figure


def _line(label: str, **style):
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style)


def _real_ink(ways) -> float:
    found = [way.values["real_ink"] for way in ways if way.values["real_ink"] > 0]
    return found[0] if found else 0.0


def _finish(panels, ways) -> None:
    """Set ticks and limits, and draw the ink of real images."""
    steps = sorted({way.steps for way in ways})
    for axes, words in zip(panels[0], STARTS.values(), strict=True):
        axes.set_title(words, fontweight="bold", fontsize=9)
        axes.set_ylim(-4, 105)
    for axes in panels[-1]:
        axes.set_xscale("log")
        axes.set_xticks(steps, [str(one) for one in steps])
        axes.minorticks_off()
        axes.set_xlabel("steps")
        axes.set_ylim(bottom=0)
        if _real_ink(ways):
            axes.axhline(_real_ink(ways), **REAL_LINE)


def _draw_panel(axes, plan, ways, marks, measure: str, factor: float) -> None:
    for model in dict.fromkeys(way.model for way in ways):
        for sampler, (mark, line) in marks.items():
            ours = [way for way in ways if (way.model, way.sampler) == (model, sampler)]
            points = sorted((way.steps, factor * way.values[measure]) for way in ours)
            if points:
                style = {"color": plan.colour(model), "markersize": 4.5, "linewidth": 1.3, "alpha": 0.85}
                axes.plot(*zip(*points, strict=True), marker=mark, linestyle=line, **style)


def make_table(plan):
    """Return a row for each way of sampling: shares, overlap and ink beside that of real images."""
    import pandas as pd

    columns = {"model": "model", "start": "start", "sampler": "sampler", "steps": "steps", "n": "n"}
    rows = [{name: getattr(way, source) for name, source in columns.items()} | way.values for way in read_ways(plan)]
    found = pd.DataFrame(rows).round(3)
    order = {name: i for i, name in enumerate(plan.model_names)} | {name: i for i, name in enumerate(STARTS)}
    keys = ["model", "start", "sampler", "steps"]
    return found.sort_values(keys, key=lambda c: c.map(order) if c.name in keys[:2] else c, ignore_index=True)


ENTRY = Entry(
    title="With a perfect model",
    caption="The share of samples that are a triangle which drawing makes, in every pixel: three corners were "
    "found that draw it. A perfect model knows E[x_0 | x_t] exactly, so what it lacks is due to the start, the "
    "sampler and the number of steps, and nothing to learning. The true x_T: held-out images noised to the last step.",
    needs=find_needs,
    make=draw,
)
TABLE = Entry(
    title="With a perfect model",
    caption="Samples that are a triangle of the set in every pixel (`member_share`), those whose ink is one "
    "(`member_ink_share`), the median overlap with the best-fit triangle, and the mean ink in px; means over seeds.",
    needs=find_needs,
    make=make_table,
)
