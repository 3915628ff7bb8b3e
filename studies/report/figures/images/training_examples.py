"""Figure `training-examples`: the first images of each data set, and their gray pixels."""

import numpy as np

from diffusion.store.files import read_images
from studies.measures.results import first_seed, or_hole
from studies.report.entries import Entry
from studies.report.needs import image_files
from studies.report.palette import CLEAR_GRAY, FAINT_GRAY
from studies.report.style import styled
from studies.report.tiles import Row, as_tiles, draw_tiles

__all__ = ["ENTRY", "mark_gray"]

EXAMPLES = 6
CLEARLY = 8  # levels from black and from white, as `triangles.datasets.facts` counts them


@styled()
def draw(plan):
    """Draw the first images of every set, plain and with gray pixels marked."""
    rows = [row for name, dataset in _find_sets(plan).items() for row in _make_rows(plan, name, dataset)]
    heads = [f"image {i + 1}" for i in range(max(len(row.tiles or ()) for row in rows) or 1)]
    heading = (
        "Training examples of each set, and their gray pixels",
        "Pale orange: a pixel 1 to 8 levels off black or white. Strong orange: clearly gray, more than 8.",
    )
    count = plan.runs[0].dataset.settings.count
    return draw_tiles(plan, heading, heads, rows, f"shares of all pixels of {count:,} images")


def _find_sets(plan) -> dict:
    return {run.data: run.dataset for run in first_seed(plan)}


def _make_rows(plan, name: str, dataset) -> list[Row]:
    """Return two rows of a set: its first images, and the same with gray pixels marked, if they have one channel."""
    from triangles.datasets import facts

    images = or_hole(read_images, dataset.folder / "train.npy")
    label = plan.label(name)
    if images is None:
        return [Row(label, None, hole="this data set was not made")]
    shares, chosen = facts(np.moveaxis(images, 1, -1)), as_tiles(images[:EXAMPLES])
    grays = f"{100 * shares['gray']:.1f}% gray\n{100 * shares['clearly_gray']:.1f}% clearly"
    marked = [Row("marked", [mark_gray(tile) for tile in chosen], detail=grays)] if images.shape[1] == 1 else []
    return [Row(label, chosen), *marked]


def mark_gray(image: np.ndarray) -> np.ndarray:
    """Turn uint8 (H, W) into RGB with gray pixels in two oranges: a little, and clearly, off black and white."""
    rgb = np.repeat(image[..., None], 3, axis=2)
    rgb[(image > 0) & (image < 255)] = _read_hex(FAINT_GRAY)
    rgb[(image > CLEARLY) & (image < 255 - CLEARLY)] = _read_hex(CLEAR_GRAY)
    return rgb


def _read_hex(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


ENTRY = Entry(
    title="Training examples of each set",
    caption="The first images of each set, which show the same things where they share a seed: as they are, and, "
    "of sets in gray, with every pixel that is neither black nor white marked. Pale orange: 1 to 8 of 255 levels off "
    "black or white; strong orange: clearly gray.",
    needs=lambda plan: image_files(_find_sets(plan).values(), "train"),
    make=draw,
    form="png",
)
