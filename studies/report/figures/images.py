"""Figures made of images, one function each: plan (and, for families, the set) -> Figure."""

from itertools import chain

import numpy as np

from diffusion.store.files import read_images
from studies.measures.results import (
    SET_NAMES,
    first_seed,
    noise_schedules,
    or_hole,
    read_frames,
    read_samples,
    resampled_here,
)
from studies.report.palette import CLEAR_GRAY, FAINT_GRAY, colour
from studies.report.style import DPI, footnote, in_digits, new_figure, styled, title
from studies.report.tiles import (
    BLANK,
    FOOT,
    GAP,
    HEAD,
    LABEL,
    MARGIN,
    PAGE,
    TOP,
    Row,
    as_bytes,
    cross_out,
    enlarged,
    hole,
    is_blank,
    label_row,
    paste,
    tile_figure,
    tiled,
    write,
)
from triangles.datasets import facts

__all__ = ["noising", "reverse", "samples", "starts", "training_examples"]

MOMENTS = 9  # columns of a strip
STARTS = 5  # thesis figures 6.2, 6.4 and 6.6
EXAMPLES = 6
THIN = 2  # px between the images of a panel
NOISE_SEED = 52  # of the photograph's noise: no run's result depends on it
CLEARLY = 8  # levels from black and from white, as `triangles.datasets.facts` counts them


@styled()
def noising(plan):
    """A photograph at several t under each schedule: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, the same eps."""
    photo = photograph() * 2 - 1
    eps = np.random.default_rng(NOISE_SEED).standard_normal(photo.shape)
    shares = (0, 0.1, 0.25, 0.5, 0.75, 1)
    rows = []
    for name, schedule in noise_schedules(plan).items():
        abars = np.concatenate([[1.0], schedule.abar])[[round(u * schedule.timesteps) for u in shares]]
        tiles = [as_bytes((np.sqrt(a) * photo + np.sqrt(1 - a) * eps + 1) / 2) for a in abars]
        rows.append(Row(name, tiles, colour(name), [f"ᾱ = {in_digits(a)}" for a in abars]))
    T = schedule.timesteps
    heads = [f"t = {round(u * T)}" for u in shares]
    detail = "ᾱ is the share of signal power left in the image"
    heading = "Noise added to a photograph by each schedule"
    return tile_figure(plan, heading, detail, heads, rows, f"T = {T}", seeded=False)


def photograph(side=96):
    """The cat Chelsea (scikit-image ships her; CC0), gray, float (side, side) in [0, 1]."""
    from skimage import color, data, exposure, transform

    face = color.rgb2gray(data.chelsea())[0:300, 70:370]
    return exposure.rescale_intensity(transform.resize(face, (side, side), anti_aliasing=True), out_range=(0, 1))


@styled()
def training_examples(plan):
    """The same triangles in every set, plain and with gray pixels marked."""
    sets = {run.preparation: run.dataset for run in first_seed(plan)}
    rows = [row for name, dataset in sets.items() for row in _example_rows(name, dataset)]
    heads = [f"triangle {i + 1}" for i in range(max(len(row.tiles or ()) for row in rows) or 1)]
    heading = "Training examples of each set, and their gray pixels"
    detail = "Pale orange: a pixel 1 to 8 levels off black or white. Strong orange: clearly gray, more than 8."
    return tile_figure(
        plan, heading, detail, heads, rows, f"shares of all pixels of {plan.runs[0].dataset.settings.count:,} images"
    )


def _example_rows(name, dataset):
    images = or_hole(read_images, dataset.folder / "train.npy")
    label = SET_NAMES[name].replace("low ", "low\n")
    if images is None:
        return [Row(label, None, hole="this data set was not made")]
    shares, chosen = facts(images[:, 0]), list(images[:EXAMPLES, 0])
    grays = f"{100 * shares['gray']:.1f}% gray\n{100 * shares['clearly_gray']:.1f}% clearly"
    return [Row(label, chosen), Row("marked", [marked(image) for image in chosen], detail=grays)]


def marked(image):
    """uint8 (H, W) -> RGB with gray pixels in two oranges: a little, and clearly, off black and white."""
    rgb = np.repeat(image[..., None], 3, axis=2)
    rgb[(image > 0) & (image < 255)] = _rgb_of(FAINT_GRAY)
    rgb[(image > CLEARLY) & (image < 255 - CLEARLY)] = _rgb_of(CLEAR_GRAY)
    return rgb


def _rgb_of(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


@styled()
def reverse(plan, preparation):
    """The first image of every schedule on its way from t = T to 0."""
    runs = [run for run in first_seed(plan) if run.preparation == preparation]
    frames = [or_hole(read_frames, run) for run in runs]
    steps = next((f.steps for f in frames if f is not None), [])
    shown = moments(steps)
    rows = [
        Row(run.schedule, None if f is None else [as_bytes(f.values[0, i]) for i in shown], colour(run.schedule))
        for run, f in zip(runs, frames, strict=True)
    ]
    heads = [f"t = {steps[i]}" for i in shown] or [""]
    heading = f"The reverse process, trained on the {SET_NAMES[preparation]} set"
    return tile_figure(plan, heading, "One image for each schedule, from the same starting noise", heads, rows, "n = 1")


def moments(steps):
    """Indices of at most `MOMENTS` of the descending time steps, closer together towards the end; first and last in."""
    if not steps:
        return []
    wanted = steps[0] * np.linspace(1, 0, MOMENTS) ** 1.5
    return sorted({int(np.abs(np.array(steps) - t).argmin()) for t in wanted})


@styled()
def starts(plan, preparation):
    """What each schedule makes of the same five starting noises."""
    runs = [run for run in first_seed(plan) if run.preparation == preparation]
    finals = [or_hole(read_samples, run) for run in runs]
    noises = next((f.values[:, 0] for f in (or_hole(read_frames, run) for run in runs) if f is not None), None)
    count = min([STARTS, *(len(one) for one in (*finals, noises) if one is not None)])
    rows = [Row("starting\nnoise", None if noises is None else [as_bytes(x) for x in noises[:count]])]
    rows += [
        Row(run.schedule, None if f is None else [as_bytes(x) for x in f[:count]], colour(run.schedule))
        for run, f in zip(runs, finals, strict=True)
    ]
    heading = f"What five starting noises become, trained on the {SET_NAMES[preparation]} set"
    detail = "Each column starts from the noise at its top"
    return tile_figure(plan, heading, detail, [f"start {i + 1}" for i in range(count)], rows, f"n = {count}")


@styled()
def samples(plan, columns=6, lines=4):
    """The first images of every cell under as many held-out real ones: schedules down, sets across."""
    runs = first_seed(plan)
    schedules, sets = plan.study.grid.schedule, plan.study.grid.preparation
    lines = min(lines, -(-runs[0].sampling.count // columns))
    wide = (PAGE - LABEL - MARGIN - (len(sets) - 1) * 2 * GAP) // len(sets)
    side = (wide + THIN) // columns - THIN
    tall = lines * (side + THIN) - THIN
    figure = new_figure((TOP + HEAD + (1 + len(schedules)) * (tall + 2 * GAP) + FOOT) / DPI)
    title(figure, "Samples of every cell", "The same place in two panels of samples is the same starting noise")
    panels = {(run.schedule, run.preparation): _sampled(run) for run in runs}
    panels |= {(REAL, run.preparation): _held_out(run.dataset) for run in runs}
    for i, name in enumerate(sets):
        left = LABEL + i * (wide + 2 * GAP)
        write(figure, SET_NAMES[name], left + wide / 2, TOP + HEAD - 10, ha="center", va="bottom", fontweight="bold")
        for j, row in enumerate((REAL, *schedules)):
            corner = left, TOP + HEAD + j * (tall + 2 * GAP)
            _panel(figure, panels[row, name], corner, (wide, tall), columns, lines)
    for j, row in enumerate((REAL, *schedules)):
        shade, detail = (None, "held-out") if row == REAL else (colour(row), "")
        label_row(figure, row, shade, detail, TOP + HEAD + j * (tall + 2 * GAP), tall)
    shown = [tiles[: columns * lines] for tiles in panels.values() if tiles is not None]
    blank = [BLANK] if any(map(is_blank, chain(*shown))) else []
    footnote(figure, plan, f"the first {max(map(len, shown), default=0)} images each, not selected", *blank)
    return figure


REAL = "real"


def _sampled(run):
    images = or_hole(read_samples, run)
    return None if images is None else [as_bytes(image) for image in images]


def _held_out(dataset):
    images = or_hole(read_images, dataset.folder / "test.npy")
    return None if images is None else list(images[:, 0])


@styled()
def other_samples(plan, count=9):
    """The cells of one set that are sampled in other ways as well: the same starting noise, way under way."""
    name, ways = plan.study.grid.preparation[-1], resampled_here(plan)
    runs = list({one.run.name: one.run for one in ways}.values())
    shown = [pair for run in runs for pair in [(run, OWN), *((one, one.name) for one in ways if one.run is run)]]
    images = [or_hole(read_samples, one) for one, _ in shown]
    count = min([count, *(len(one) for one in images if one is not None)])
    rows = [_way(one, label, image, count) for (one, label), image in zip(shown, images, strict=True)]
    detail = ["Each column starts from one noise"]
    if any(one.noised for one in ways):
        detail.append("noised: added to the image at its top, not taken alone")
        real = or_hole(read_images, runs[0].dataset.folder / "test.npy")
        tiles = None if real is None else list(real[:count, 0])
        rows.insert(0, Row("held-out", tiles, detail="noised to\nstart from"))
    if any(one.renormed for one in ways):
        detail.append("renormed: with fresh statistics of batch norm")
    heads, heading = [f"{i + 1}" for i in range(count)], f"The same models sampled in other ways, {SET_NAMES[name]} set"
    return tile_figure(plan, heading, "; ".join(detail), heads, rows)


OWN = "from N(0, I)"


def _way(one, label, images, count):
    """A row of samples: under the schedule's own name for the study's way, else under that of the way."""
    tiles = None if images is None else [as_bytes(x) for x in images[:count]]
    if label == OWN:
        return Row(one.schedule, tiles, colour(one.schedule), detail=label)
    part = f"\nat ᾱ = {in_digits(one.from_abar)}" if one.from_abar else ""
    return Row(label, tiles, colour(one.run.schedule), detail=one.run.schedule + part)


def _panel(figure, tiles, corner, size, columns, lines):
    """A panel of uint8 images at a corner, blank ones crossed out."""
    if tiles is None:
        hole(figure, *corner, *size, "no result: this run\ndiverged or was not made")
        return
    side, tiles = (size[0] + THIN) // columns - THIN, tiles[: columns * lines]
    sheet = tiled([enlarged(tile, side) for tile in tiles], columns, THIN)
    shrink = min(1, size[0] / sheet.shape[1], size[1] / sheet.shape[0])
    width = round(shrink * sheet.shape[1])
    paste(figure, sheet, *corner, width, round(shrink * sheet.shape[0]))
    pitch = (width + THIN) / min(columns, len(tiles))
    for i in [i for i, tile in enumerate(tiles) if is_blank(tile)]:
        cross_out(figure, corner[0] + i % columns * pitch, corner[1] + i // columns * pitch, pitch - THIN)
