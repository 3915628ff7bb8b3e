"""Figures for claims, one function each: all contrasts on one axis, nearest training images."""

import textwrap
from dataclasses import replace

import numpy as np

from diffusion.store.files import read_images
from studies.measures import novelty
from studies.measures.measuring import read_table
from studies.measures.results import SET_NAMES, first_seed, of_samples, or_hole, read_samples
from studies.report.palette import INK, MUTED, RULE, colour
from studies.report.style import footnote, new_figure, styled, title
from studies.report.tiles import Row, as_bytes, tile_figure
from studies.verdicts.claims import contrast_told, contrasted
from studies.verdicts.judging import judged
from studies.verdicts.statistics import LEAST_SEEDS, TESTED
from triangles.fitting import binarise

__all__ = ["contrast_as_plotted", "contrasts", "in_units", "neighbours"]

NEIGHBOURS = 8
ROW, LINE = 0.38, 0.14  # inches: of a claim, and more for every further line of its contrast
WRAPPED = 44  # characters of a contrast's line
FARTHEST = 10  # smallest effects: what lies beyond is drawn there
GRAY = "#878e99"
# of a verdict's diamond: line and edge, and face; no hue, as hues are the schedules'
MARKS = {"reproduced": (INK, INK), "contradicted": (INK, "white"), "inconclusive": (GRAY, GRAY)}


@styled()
def contrasts(plan):
    """Every tested claim on one axis: its effect in units of the smallest that matters, by seed and with interval."""
    shown = [one for one in judged(plan) if one.claim.kind in TESTED]
    told = [textwrap.wrap(_contrast_shown(one), WRAPPED) for one in shown]
    ends = np.cumsum([ROW + LINE * (len(lines) - 1) for lines in told])
    height = 1.76 + ends[-1]
    figure = new_figure(height)
    detail = (
        "In units of the smallest effect that matters (gray: less than it), differences positive as claimed.\n"
        "Dashed: half of it, from which on a difference may count as reproduced, below it as contradicted."
    )
    title(figure, "The claims' contrasts", detail)
    place = {"left": 0.4, "right": 0.84, "bottom": 0.66 / height, "top": 1 - 0.9 / height}
    axes = figure.subplots(gridspec_kw=place)
    axes.axvspan(-1, 1, color=RULE, alpha=0.6, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.axvline(0.5, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
    middles = ends - ROW / 2 - LINE / 2 * np.array([len(lines) - 1 for lines in told])
    far = np.concatenate([_effect(axes, y, one) for y, one in zip(middles, shown, strict=True)])
    axes.set(ylim=(ends[-1] + 0.05, -0.05), yticks=[], xlabel="effect over the smallest that matters")
    axes.set_xlim(max(-FARTHEST, far.min(initial=-1.5)) - 0.4, min(FARTHEST, far.max(initial=1.5)) + 0.4)
    axes.spines.left.set_visible(False)
    for y, one, lines in zip(middles, shown, told, strict=True):
        _words(figure, axes, y, one, lines)
    tested = any(one.a is not None and len(one.a) > 1 for one in shown)
    facts = ["points: seeds; bars: 95% intervals, of rates exact bounds; p: Holm's"] if tested else ["points: seeds"]
    footnote(figure, plan, *facts, together=True)
    return figure


def _effect(axes, y, one):
    """One claim's seeds, mean and interval about y, in inches; what values are shown."""
    if one.a is None:
        return np.zeros(0)
    points = in_units(one.claim, one.a if one.claim.kind == "never" else contrasted(one.claim, one.a, one.b))
    estimate, *interval = in_units(one.claim, [one.evidence.estimate, one.evidence.low, one.evidence.high])
    shade, face = MARKS[one.outcome]
    axes.plot(np.clip(points, -FARTHEST, FARTHEST), np.full(len(points), y + 0.065), "o", color=MUTED, markersize=2.6)
    if np.isfinite(interval).all():
        axes.plot(np.clip(interval, -FARTHEST, FARTHEST), [y - 0.065] * 2, color=shade, linewidth=2.2)
    if np.isfinite(interval).all() or len(points) > 1:
        style = {"color": shade, "markerfacecolor": face, "markersize": 5, "markeredgewidth": 1.1}
        axes.plot(np.clip(estimate, -FARTHEST, FARTHEST), y - 0.065, "D", **style)
    return np.array([*points, *(value for value in interval if np.isfinite(value))])


def contrast_as_plotted(claim) -> str:
    """The contrast in words, its sides exchanged where a claim of "below" is drawn as positive."""
    plus, minus = claim.contrast.plus, claim.contrast.minus
    if claim.kind != "difference" or claim.direction == "above":
        return contrast_told(claim)
    if not minus:
        whole = claim.contrast.model_copy(update={"level": None})
        return f"{claim.contrast.level:g} − {contrast_told(claim.model_copy(update={'contrast': whole}))}"
    exchanged = claim.contrast.model_copy(update={"plus": minus, "minus": plus})
    return contrast_told(claim.model_copy(update={"contrast": exchanged}))


def _contrast_shown(one) -> str:
    """The contrast in words; of several comparisons that which is plotted, the one that decides."""
    told = contrast_as_plotted(one.claim)
    return f"{told}; shown: {one.against}" if one.against else told


def in_units(claim, values) -> np.ndarray:
    """Contrasts over the smallest that matters, positive as claimed; of ratios the logarithms."""
    values = np.asarray(values, np.float64)
    if claim.kind == "equivalence":
        with np.errstate(divide="ignore"):
            return np.log(values) / np.log(claim.smallest)
    return values / claim.smallest * (-1 if claim.kind == "difference" and claim.direction == "below" else 1)


def _words(figure, axes, y, one, lines):
    """The claim and its contrast at the left; at the right the outcome, with Holm's p where there are data."""
    where = {"xycoords": ("figure fraction", "data"), "annotation_clip": False}
    top = y - LINE * len(lines) / 2
    small = {"fontsize": 8, "color": MUTED, "va": "top"}
    axes.annotate(one.claim.id, (0.012, top + 0.03), fontweight="bold", va="bottom", **where)
    axes.annotate("\n".join(lines), (0.012, top + 0.05), linespacing=1.15, **small, **where)
    decided = {"color": INK, "fontweight": "bold"} if one.outcome != "inconclusive" else {"color": MUTED}
    axes.annotate(one.outcome, (0.988, y), fontsize=8, ha="right", va="bottom", **decided, **where)
    axes.annotate(_p_told(one), (0.988, y + 0.01), ha="right", **small, **where)


def _p_told(one) -> str:
    if one.a is None:
        return "cells missing"
    if len(one.a) < LEAST_SEEDS[one.claim.kind]:
        return "one seed" if len(one.a) == 1 else f"{len(one.a)} seeds"
    return "p < 0.001" if one.p_holm < 0.001 else f"p = {one.p_holm:.2g}"


@styled()
def neighbours(plan):
    """The samples that are closest to a training image, for their distance to the next, above that image."""
    runs = [run for run in first_seed(plan) if run.preparation == plan.study.grid.preparation[-1]]
    rows = [row for rows in (_held_out_rows(runs[0]), *map(_neighbour_rows, runs)) for row in rows]
    count = min([NEIGHBOURS, *(len(row.tiles) for row in rows if row.tiles)])
    rows = [replace(row, tiles=row.tiles and row.tiles[:count], notes=row.notes[:count]) for row in rows]
    name = SET_NAMES[runs[0].preparation]
    heading = f"New triangles? Samples and their nearest training images, {name} set"
    detail = "Those most like copies, the most suspicious first. Below: pixels that differ; nearest over second nearest"
    heads = [f"{i + 1}" for i in range(count)]
    return tile_figure(plan, heading, detail, heads, rows, "ink compared, above one half; distances are Euclidean")


def _neighbour_rows(run):
    """Two rows of a run: the samples most like copies, and the training images nearest to them."""
    samples, table = or_hole(read_samples, run), of_samples(read_table, run, run.folder / "per-image.npz", "ink")
    tiles = None if samples is None else np.stack([as_bytes(sample) for sample in samples])
    return _pairs(run.schedule, colour(run.schedule), tiles, table, run.dataset)


def _held_out_rows(run):
    """The same of as many held-out real images as the run has samples: what chance alone brings about."""
    dataset, count = run.dataset, run.sampling.count
    images, table = or_hole(read_images, dataset.folder / "test.npy"), or_hole(read_table, dataset.real_file, "ink")
    tiles = None if images is None else images[:count, 0]
    return _pairs("real", None, tiles, None if table is None else table[:count], dataset)


def _pairs(label, shade, tiles, table, dataset):
    """Two rows: images in the order of their distance to the nearest over that to the second, and those nearest."""
    train = or_hole(read_images, dataset.folder / "train.npy")
    if tiles is None or table is None or train is None or "nearest" not in table:
        return [Row(label, None, shade)]
    ratio = np.where(table.ink > 0, novelty.distance_ratio(table.nearest, table.second_nearest), np.inf)
    chosen = np.argsort(ratio, kind="stable")[:NEIGHBOURS]
    nearest = [train[nearest_index(tiles[i], train[:, 0]), 0] for i in chosen]
    notes = [f"{table.nearest[i]:.0f} px · {ratio[i]:.2f}" for i in chosen]
    return [Row(label, [tiles[i] for i in chosen], shade), Row("nearest", nearest, notes=notes)]


def nearest_index(image, train) -> int:
    """The training image that differs from `image` in the fewest pixels, as ink or no ink."""
    return int((binarise(image[None]) ^ binarise(train)).sum(axis=(1, 2)).argmin())
