"""Figures for claims, one function each: all contrasts on one axis, nearest training images."""

import textwrap

import numpy as np

from diffusion.files import read_images
from studies import novelty
from studies.artefacts import SET_NAMES, first_seed, or_hole, read_samples
from studies.claims import contrast_told, contrasted
from studies.figures import footnote, new_figure, styled, title
from studies.judging import judged
from studies.measuring import read_table
from studies.mosaic import Row, as_bytes, tile_figure
from studies.palette import INK, MUTED, RULE, colour, text_colour
from studies.statistics import TESTED
from triangles.fitting import binarise

__all__ = ["contrasts", "in_units", "neighbours"]

NEIGHBOURS = 8
ROW = 0.36  # inches
FARTHEST = 10  # smallest effects: what lies beyond is drawn there
SHADES = {"reproduced": "#009e73", "contradicted": "#d55e00"}


@styled()
def contrasts(plan):
    """Every tested claim on one axis: its effect in units of the smallest that matters, by seed and with interval."""
    shown = [one for one in judged(plan) if one.claim.kind in TESTED]
    height = 1.64 + ROW * len(shown)
    figure = new_figure(height)
    detail = "In units of the smallest effect that matters, differences positive as claimed; gray: smaller than that"
    title(figure, "The claims' contrasts", detail)
    place = {"left": 0.4, "right": 0.84, "bottom": 0.66 / height, "top": 1 - 0.72 / height}
    axes = figure.subplots(gridspec_kw=place)
    axes.axvspan(-1, 1, color=RULE, alpha=0.6, linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.7)
    ends = [_effect(axes, y, one) for y, one in enumerate(shown)]
    axes.set(ylim=(len(shown) - 0.4, -0.6), yticks=[], xlabel="effect over the smallest that matters")
    axes.set_xlim(max(-FARTHEST, min([-1.5, *ends])) - 0.4, min(FARTHEST, max([1.5, *ends])) + 0.4)
    axes.spines.left.set_visible(False)
    for y, one in enumerate(shown):
        _words(figure, axes, y, one)
    footnote(figure, plan, "points: seeds; bars: 95% intervals, which decide nothing", together=True)
    return figure


def _effect(axes, y, one):
    """One claim's seeds, mean and interval; the value that lies farthest out."""
    if one.a is None:
        return 0.0
    points = in_units(one.claim, one.a if one.claim.kind == "never" else contrasted(one.claim, one.a, one.b))
    estimate, *interval = in_units(one.claim, [one.evidence.estimate, one.evidence.low, one.evidence.high])
    shade = SHADES.get(one.outcome, INK)
    axes.plot(np.clip(points, -FARTHEST, FARTHEST), np.full(len(points), y + 0.17), "o", color=MUTED, markersize=3)
    if np.isfinite(interval).all():
        axes.plot(np.clip(interval, -FARTHEST, FARTHEST), [y - 0.17] * 2, color=shade, linewidth=2.2)
    if np.isfinite(interval).all() or len(points) > 1:
        axes.plot(np.clip(estimate, -FARTHEST, FARTHEST), y - 0.17, "D", color=shade, markersize=4.5)
    return max(points, key=abs)


def in_units(claim, values) -> np.ndarray:
    """Contrasts over the smallest that matters, positive as claimed; of ratios the logarithms."""
    values = np.asarray(values, np.float64)
    if claim.kind == "equivalence":
        with np.errstate(divide="ignore"):
            return np.log(values) / np.log(claim.smallest)
    return values / claim.smallest * (-1 if claim.kind == "difference" and claim.direction == "below" else 1)


def _words(figure, axes, y, one):
    """The claim and its contrast at the left, the outcome at the right."""
    where = {"xycoords": ("figure fraction", "data"), "annotation_clip": False}
    what = textwrap.shorten(contrast_told(one.claim), 46, placeholder=" …")
    axes.annotate(one.claim.id, (0.012, y - 0.04), fontweight="bold", va="bottom", **where)
    axes.annotate(what, (0.012, y), fontsize=8, color=MUTED, va="top", **where)
    shade = text_colour(SHADES.get(one.outcome, MUTED))
    axes.annotate(one.outcome, (0.988, y), fontsize=8, color=shade, fontweight="bold", ha="right", va="center", **where)


@styled()
def neighbours(plan):
    """The samples that are closest to a training image, for their distance to the next, above that image."""
    runs = [run for run in first_seed(plan) if run.preparation == plan.study.grid.preparation[-1]]
    rows = [row for run in runs for row in _neighbour_rows(run)]
    count = min([NEIGHBOURS, *(len(row.tiles) for row in rows if row.tiles)])
    rows = [Row(r.label, r.tiles and r.tiles[:count], r.colour, r.notes[:count], r.detail) for r in rows]
    name = SET_NAMES[runs[0].preparation]
    heading = f"New triangles? Samples and their nearest training images, {name} set"
    detail = "Of each cell the samples that look most like copies, the most suspicious first; px: pixels that differ"
    heads = [f"{i + 1}" for i in range(count)]
    return tile_figure(plan, heading, detail, heads, rows, "ink compared, above one half")


def _neighbour_rows(run):
    """Two rows: samples in the order of their distance to the nearest over that to the second, and those nearest."""
    samples, table = or_hole(read_samples, run), or_hole(read_table, run.folder / "per-image.npz")
    train = or_hole(read_images, run.dataset.folder / "train.npy")
    if samples is None or table is None or train is None or "nearest" not in table:
        return [Row(run.schedule, None, colour(run.schedule))]
    ratio = np.where(table.ink > 0, novelty.distance_ratio(table.nearest, table.second_nearest), np.inf)
    chosen = np.argsort(ratio, kind="stable")[:NEIGHBOURS]
    nearest = [train[nearest_index(samples[i], train[:, 0]), 0] for i in chosen]
    notes = [f"{table.nearest[i]:.0f} px" for i in chosen]
    return [
        Row(run.schedule, [as_bytes(samples[i]) for i in chosen], colour(run.schedule)),
        Row("nearest", nearest, notes=notes),
    ]


def nearest_index(image, train) -> int:
    """The training image that differs from `image` in the fewest pixels, as ink or no ink."""
    return int((binarise(image[None]) ^ binarise(train)).sum(axis=(1, 2)).argmin())
