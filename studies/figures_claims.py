"""Figures for claims, one function each: contrasts as paired points with intervals, nearest training images."""

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
from studies.palette import INK, MUTED, RULE, colour
from triangles.fitting import binarise

__all__ = ["contrasts", "neighbours"]

NEIGHBOURS = 8
ROW = 0.74  # inches
SHADES = {"reproduced": "#009e73", "contradicted": "#d55e00"}


@styled()
def contrasts(plan):
    """Every tested claim: its two sides paired by seed, and their contrast with interval and smallest effect."""
    shown = [one for one in judged(plan) if one.claim.kind in ("difference", "equivalence", "never")]
    height = 1.35 + ROW * max(len(shown), 1)
    figure = new_figure(height)
    detail = "a and b: both sides, a line a seed. Right: a against b, mean and 95% interval; gray: too small to matter"
    title(figure, "The claims' contrasts", detail)
    place = {"left": 0.36, "right": 0.87, "bottom": 0.5 / height, "top": 1 - 0.72 / height, "hspace": 0.85}
    panels = figure.subplots(max(len(shown), 1), 2, squeeze=False, gridspec_kw=place | {"width_ratios": [1, 3.2]})
    for (left, right), one in zip(panels, shown, strict=False):
        _pairs(left, one)
        _contrast(right, one)
        _words(figure, right, one)
    if not shown:
        for axes in panels[0]:
            axes.axis("off")
    footnote(figure, plan, "bootstrap intervals, which decide nothing", together=True)
    return figure


def _pairs(axes, one):
    """What is compared on the left, what it is compared with on the right, joined by seed."""
    axes.set_xticks([0, 1], ["a", "b"], fontsize=8)
    axes.grid(visible=False)
    axes.set_xlim(-0.4, 1.4)
    axes.tick_params(axis="x", length=0, pad=1)
    if one.a is None:
        axes.set_yticks([])
        return
    for a, b in zip(one.a, one.b, strict=True):
        axes.plot([0, 1], [a, b], color=MUTED, linewidth=0.8, marker="o", markersize=3)
    axes.locator_params(axis="y", nbins=2)


def _contrast(axes, one):
    """The contrast seed by seed, its mean and interval, and the zone of effects too small to matter."""
    claim, evidence = one.claim, one.evidence
    neutral = 1.0 if claim.kind == "equivalence" else 0.0
    low, high = _zone(claim)
    axes.axvspan(low, high, color=RULE, alpha=0.6, linewidth=0)
    axes.axvline(neutral, color=INK, linewidth=0.7)
    axes.set(yticks=[], ylim=(-1, 1))
    axes.spines.left.set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="x", pad=1)
    ends = [low, high, neutral]
    if one.a is not None:
        points = one.a if claim.kind == "never" else contrasted(claim, one.a, one.b)
        axes.plot(points, np.full(len(points), -0.45), "o", color=MUTED, markersize=3, alpha=0.8)
        interval = [v for v in (evidence.low, evidence.high) if np.isfinite(v)]
        shade = SHADES.get(one.outcome, INK)
        axes.plot(interval, [0.3] * len(interval), color=shade, linewidth=2.2, solid_capstyle="butt")
        axes.plot(evidence.estimate, 0.3, "D", color=shade, markersize=4.5)
        ends += [*points, *interval, evidence.estimate]
    margin = 0.06 * (max(ends) - min(ends)) or 1.0
    axes.set_xlim(min(ends) - margin, max(ends) + margin)


def _zone(claim):
    if claim.kind == "equivalence":
        return 1 / claim.smallest, claim.smallest
    if claim.kind == "never" or claim.direction == "above":
        return 0.0, claim.smallest
    return -claim.smallest, 0.0


def _words(figure, axes, one):
    """The claim and its measure at the left, the outcome at the right."""
    box = axes.get_position()
    middle = (box.y0 + box.y1) / 2
    name = textwrap.shorten(one.claim.id, 34)
    what = textwrap.wrap(f"{one.claim.measure.replace('_', ' ')}: {contrast_told(one.claim)}", 34, max_lines=2)
    figure.text(0.012, middle + 0.012, name, fontweight="bold", va="bottom")
    figure.text(0.012, middle + 0.009, "\n".join(what), fontsize=8, color=MUTED, va="top")
    shade = SHADES.get(one.outcome, MUTED)
    figure.text(0.985, middle, one.outcome, fontsize=8, color=shade, fontweight="bold", ha="right", va="center")


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
