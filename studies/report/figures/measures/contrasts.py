"""Figure `contrasts`: every tested claim on one axis."""

import textwrap

import numpy as np

from studies.planning.claim import SIZES
from studies.report.entries import Entry
from studies.report.needs import judged_files
from studies.report.palette import INK, MUTED, RULE
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY", "scale_effects", "tell_as_plotted"]

ROW, LINE = 0.38, 0.14  # inches: of a claim, and more for every further line of its contrast
WRAPPED = 44  # characters of a contrast's line
FARTHEST = 10  # smallest effects: what lies beyond is drawn there
GRAY = "#878e99"
# of a verdict's diamond: line and edge, and face; no hue, as hues are the models'
MARKS = {
    "reproduced": (INK, INK),
    "contradicted": (INK, "white"),
    "smaller than matters": (INK, RULE),
    "inconclusive": (GRAY, GRAY),
    "not asked": (GRAY, GRAY),
}


@styled()
def draw(plan):
    """Draw every tested claim on one axis: its effect over the smallest that matters, by seed and with interval."""
    from studies.verdicts.judging import judge_stages

    plan, judged = judge_stages(plan)[0]  # seeds that confirm are not drawn with those that explored
    shown = [one for one in judged if one.claim.kind in SIZES]
    told = [textwrap.wrap(_tell_shown(plan, one), WRAPPED) for one in shown]
    ends = np.cumsum([ROW + LINE * (len(lines) - 1) for lines in told])
    height = 1.76 + ends[-1]
    figure = new_figure(height)
    detail = (
        "In units of the smallest effect that matters (gray: less than it), differences positive as claimed.\n"
        "Dashed: half of it, from which on a difference may count as reproduced, below it as contradicted."
    )
    add_title(figure, "The claims' contrasts", detail)
    place = {"left": 0.4, "right": 0.78, "bottom": 0.66 / height, "top": 1 - 0.9 / height}
    axes = figure.subplots(gridspec_kw=place)
    axes.axvspan(-1, 1, color=RULE, alpha=0.6, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.axvline(0.5, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
    middles = ends - ROW / 2 - LINE / 2 * np.array([len(lines) - 1 for lines in told])
    far = np.concatenate([_draw_effect(axes, y, one) for y, one in zip(middles, shown, strict=True)])
    axes.set(ylim=(ends[-1] + 0.05, -0.05), yticks=[], xlabel="effect over the smallest that matters")
    axes.set_xlim(max(-FARTHEST, far.min(initial=-1.5)) - 0.4, min(FARTHEST, far.max(initial=1.5)) + 0.4)
    axes.spines.left.set_visible(False)
    for y, one, lines in zip(middles, shown, told, strict=True):
        _write_words(axes, y, one, lines)
    tested = any(one.a is not None and len(one.a) > 1 for one in shown)
    facts = ["points: seeds; bars: 95% intervals, of rates exact bounds; p: Holm's"] if tested else ["points: seeds"]
    add_footnote(figure, plan, *facts, together=True)
    return figure


def _draw_effect(axes, y, one) -> np.ndarray:
    """Draw one claim's seeds, mean and interval about y, in inches; return the values shown."""
    from studies.verdicts.claims import contrast

    if one.a is None:
        return np.zeros(0)
    points = scale_effects(one.claim, one.a if one.claim.kind == "never" else contrast(one.claim, one.a, one.b))
    estimate, *interval = scale_effects(one.claim, [one.evidence.estimate, one.evidence.low, one.evidence.high])
    shade, face = MARKS[one.outcome]
    axes.plot(np.clip(points, -FARTHEST, FARTHEST), np.full(len(points), y + 0.065), "o", color=MUTED, markersize=2.6)
    if np.isfinite(interval).all():
        axes.plot(np.clip(interval, -FARTHEST, FARTHEST), [y - 0.065] * 2, color=shade, linewidth=2.2)
    if np.isfinite(interval).all() or len(points) > 1:
        style = {"color": shade, "markerfacecolor": face, "markersize": 5, "markeredgewidth": 1.1}
        axes.plot(np.clip(estimate, -FARTHEST, FARTHEST), y - 0.065, "D", **style)
    return np.array([*points, *(value for value in interval if np.isfinite(value))])


def tell_as_plotted(plan, claim) -> str:
    """Return the contrast in words, its sides exchanged where a claim of "below" is drawn as positive."""
    from studies.verdicts.claims import tell_contrast

    plus, minus = claim.contrast.plus, claim.contrast.minus
    if claim.kind != "difference" or claim.direction == "above":
        return tell_contrast(plan, claim)
    if not minus:
        whole = claim.contrast.model_copy(update={"level": None})
        return f"{claim.contrast.level:g} − {tell_contrast(plan, claim.model_copy(update={'contrast': whole}))}"
    exchanged = claim.contrast.model_copy(update={"plus": minus, "minus": plus})
    return tell_contrast(plan, claim.model_copy(update={"contrast": exchanged}))


def _tell_shown(plan, one) -> str:
    """Return the contrast in words; of several comparisons that which is plotted, the one that decides."""
    told = tell_as_plotted(plan, one.claim)
    return f"{told}; shown: {one.against}" if one.against else told


def scale_effects(claim, values) -> np.ndarray:
    """Divide contrasts by the smallest that matters, positive as claimed; of ratios the logarithms."""
    values = np.asarray(values, np.float64)
    if claim.kind == "equivalence":
        with np.errstate(divide="ignore"):
            return np.log(values) / np.log(claim.smallest)
    return values / claim.smallest * (-1 if claim.kind == "difference" and claim.direction == "below" else 1)


def _write_words(axes, y, one, lines) -> None:
    """Write claim and contrast at the left; at the right the outcome, with Holm's p where there are data."""
    from studies.verdicts.statistics import DECIDED, name_outcome

    where = {"xycoords": ("figure fraction", "data"), "annotation_clip": False}
    top = y - LINE * len(lines) / 2
    small = {"fontsize": 8, "color": MUTED, "va": "top"}
    axes.annotate(one.claim.id, (0.012, top + 0.03), fontweight="bold", va="bottom", **where)
    axes.annotate("\n".join(lines), (0.012, top + 0.05), linespacing=1.15, **small, **where)
    decided = {"color": INK, "fontweight": "bold"} if one.outcome in DECIDED else {"color": MUTED}
    outcome = name_outcome(one.outcome, 0 if one.a is None else len(one.a))
    told = f"{outcome}*" if one.fragile else outcome
    axes.annotate(told, (0.988, y), fontsize=8, ha="right", va="bottom", **decided, **where)
    axes.annotate(_tell_p(one), (0.988, y + 0.01), ha="right", **small, **where)


def _tell_p(one) -> str:
    from studies.verdicts.statistics import LEAST_SEEDS, NOT_ASKED

    if one.outcome == NOT_ASKED:
        return f"of recipe {one.claim.recipe}" if one.claim.recipe else "times not compared"
    if one.a is None:
        return "cells missing"
    if len(one.a) < LEAST_SEEDS[one.claim.kind]:
        return "one seed" if len(one.a) == 1 else f"{len(one.a)} seeds"
    return "p < 0.001" if one.p_holm < 0.001 else f"p = {one.p_holm:.2g}"


def find_needs(plan) -> list:
    """Return what claims are judged by.

    Raises:
        ValueError: no claim of the study is tested.
    """
    if not any(claim.kind in SIZES for claim in plan.study.claims):
        raise ValueError(f"contrasts: study {plan.study_name} has no claim that is tested")
    return judged_files(plan)


ENTRY = Entry(
    title="The claims' contrasts",
    caption="Each claim that is tested, in units of the smallest effect that matters to it: a difference is reproduced "
    "if it is surely above 0 and estimated at a half or more, contradicted if it is surely below 1 and estimated under "
    "a half (dashed), and smaller than matters if it is surely both; sameness and rarity hold inside the gray. "
    "Filled diamonds: reproduced; open: contradicted; pale: smaller than matters; gray: inconclusive, which is a hint "
    "where there is one seed. A star: any one seed left out would change it. What lies beyond 10 is drawn there. p is "
    "Holm's, over all tested claims.",
    needs=find_needs,
    make=draw,
)
