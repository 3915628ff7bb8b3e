"""Figure `scales`: every tested claim at each scale that judges, on one axis, and what holds as a whole."""

import numpy as np

from studies.planning.claim import SIZES
from studies.report.entries import Entry
from studies.report.figures.measures.contrasts import FARTHEST, scale_effects
from studies.report.palette import INK, MUTED, RULE
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY"]

ROW, HEAD, LINE, FOOT = 0.42, 0.86, 0.18, 0.62  # inches: of a claim, above the first, of a scale there, below the last
MARKS = "o", "s", "D", "^", "v"  # of scales, nearest to the thesis first; the colours are the models'
SPREAD = 0.22  # of a row, between two scales


@styled()
def draw(plan):
    """Draw each claim's effect at every scale over the smallest that matters; open marks: fewer seeds than decide."""
    from studies.report.tables.across.scales import judge_all
    from studies.verdicts.scales import combine

    columns = judge_all(plan)
    rows = list(zip(combine(columns), zip(*(one.judged for one in columns), strict=True), strict=True))
    rows = [(whole, judged) for whole, judged in rows if whole.claim.kind in SIZES]
    head = HEAD + LINE * len(columns)
    height = head + FOOT + ROW * len(rows)
    figure = new_figure(height)
    detail = (
        "In units of the smallest effect that matters (gray: less than it), differences positive as claimed.\n"
        "Bars: 95% intervals over seeds. Open marks: one seed or two, a hint."
    )
    add_title(figure, "The claims by scale", detail)
    axes = figure.subplots(gridspec_kw={"left": 0.2, "right": 0.78, "bottom": FOOT / height, "top": 1 - head / height})
    axes.axvspan(-1, 1, color=RULE, alpha=0.6, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.axvline(0.5, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
    for i, (whole, judged) in enumerate(rows):
        for j, (column, one) in enumerate(zip(columns, judged, strict=True)):
            _draw_effect(axes, i + SPREAD * (j - (len(columns) - 1) / 2), MARKS[j % len(MARKS)], column, one)
        _write_words(axes, i, whole)
    low, high = axes.get_xlim()
    axes.set(xlim=(max(low, -FARTHEST - 0.4), min(high, FARTHEST + 0.4)), ylim=(len(rows) - 0.5, -0.5), yticks=[])
    axes.set_xlabel("effect over the smallest that matters")
    axes.spines.left.set_visible(False)
    _add_legend(figure, columns, height)
    add_footnote(figure, plan, "with all that is measured or committed", together=True)
    return figure


def _draw_effect(axes, y, mark, column, one) -> None:
    if one.a is None:
        return
    found = one.evidence
    effect, low, high = np.clip(scale_effects(one.claim, [found.estimate, found.low, found.high]), -FARTHEST, FARTHEST)
    decides = column.decides(one)
    if decides:
        axes.plot([low, high], [y, y], color=INK, linewidth=1.4)
    axes.plot(effect, y, mark, color=INK, markerfacecolor=INK if decides else "white", markersize=4.2)


def _write_words(axes, y, whole) -> None:
    from studies.verdicts.statistics import DECIDED

    where = {"xycoords": ("figure fraction", "data"), "annotation_clip": False}
    axes.annotate(whole.claim.id, (0.012, y), fontweight="bold", va="center", **where)
    style = {"color": INK, "fontweight": "bold"} if whole.outcome in DECIDED else {"color": MUTED}
    axes.annotate(whole.outcome, (0.988, y), fontsize=8, ha="right", va="center", **style, **where)


def _add_legend(figure, columns, height) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=MARKS[j % len(MARKS)], color=INK, markersize=4.2, label=_name(column))
        for j, column in enumerate(columns)
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (0, 1 - 0.72 / height), "ncols": 1, "frameon": False}
    figure.legend(handles=handles, fontsize=8, handlelength=1, columnspacing=1.3, **place)


def _name(column) -> str:
    return f"{column.name}: recipe {column.plan.scale.recipe}, widths {column.widths or 'of its models'}"


def find_needs(plan) -> list:
    """Return what claims are judged by, at every scale.

    Raises:
        ValueError: no claim of the study is tested.
    """
    from studies.report.tables.across.scales import find_evidence

    if not any(claim.kind in SIZES for claim in plan.study.claims):
        raise ValueError(f"scales: study {plan.study_name} has no claim that is tested")
    return find_evidence(plan)


ENTRY = Entry(
    title="The claims by scale",
    caption="Each tested claim at every scale that judges, nearest to the thesis first, in units of the smallest "
    "effect that matters to it. At the right what holds as a whole: what the scales with three seeds or more agree on, "
    "unless a nearer one leans the other way. Recipes are never pooled. What lies beyond 10 is drawn there.",
    needs=find_needs,
    make=draw,
)
