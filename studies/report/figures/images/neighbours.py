"""Figure `neighbours`: the samples most like copies, above the training images nearest to them."""

from dataclasses import replace

import numpy as np

from diffusion.store.files import read_images
from studies.measures.results import first_seed, of_samples, or_hole, read_samples, read_table
from studies.report.entries import Entry
from studies.report.needs import image_files, per_image_files, sample_files
from studies.report.style import styled
from studies.report.tiles import HALF, Row, as_bytes, as_tiles, draw_tiles

__all__ = ["ENTRY", "find_nearest", "pair_up"]

MOST = 8  # pairs in a row


@styled()
def draw(plan):
    """Draw the samples closest to a training image, for their distance to the next, above that image."""
    runs = _find_runs(plan)
    rows = [row for rows in (_pair_real(runs[0]), *(_pair_samples(plan, run) for run in runs)) for row in rows]
    count = min([MOST, *(len(row.tiles) for row in rows if row.tiles)])
    rows = [replace(row, tiles=row.tiles and row.tiles[:count], notes=row.notes[:count]) for row in rows]
    heading = (
        f"New? Samples and their nearest training images, {plan.label(runs[0].data)} set",
        "Those most like copies, the most suspicious first. Below: pixels that differ; nearest over second nearest",
    )
    heads = [f"{i + 1}" for i in range(count)]
    return draw_tiles(plan, heading, heads, rows, "ink compared, above one half; distances are Euclidean")


def _find_runs(plan) -> list:
    return [run for run in first_seed(plan) if run.data == plan.data_names[-1]]


def _pair_samples(plan, run) -> list[Row]:
    """Return two rows of a run: the samples most like copies, and the training images nearest to them."""
    samples, table = or_hole(read_samples, run), of_samples(read_table, run, run.folder / "per-image.npz", "ink")
    tiles = None if samples is None else [as_bytes(sample) for sample in samples]
    return pair_up(Row(plan.label(run.model), tiles, plan.colour(run.model)), table, run.dataset)


def _pair_real(run) -> list[Row]:
    """Return rows of as many held-out real images as the run has samples: what chance brings about."""
    dataset, count = run.dataset, run.sampling.count
    images, table = or_hole(read_images, dataset.folder / "test.npy"), or_hole(read_table, dataset.real_file, "ink")
    tiles = None if images is None else as_tiles(images[:count])
    return pair_up(Row("real", tiles), None if table is None else table[:count], dataset)


def pair_up(row: Row, table, dataset) -> list[Row]:
    """Return two rows: tiles by their distance to the nearest over that to the second, and the images nearest to them.

    row: all the tiles; table: a line each, with ink, nearest and second_nearest, or None.
    """
    from studies.measures.rulers.novelty import distance_ratio

    train = or_hole(read_images, dataset.folder / "train.npy")
    if row.tiles is None or table is None or train is None or "nearest" not in table:
        return [replace(row, tiles=None)]
    train = as_tiles(train)
    ratio = np.where(table.ink > 0, distance_ratio(table.nearest, table.second_nearest), np.inf)
    chosen = np.argsort(ratio, kind="stable")[:MOST]
    nearest = [train[find_nearest(row.tiles[i], np.stack(train))] for i in chosen]
    notes = [f"{table.nearest[i]:.0f} px · {ratio[i]:.2f}" for i in chosen]
    return [replace(row, tiles=[row.tiles[i] for i in chosen]), Row("nearest", nearest, notes=notes)]


def find_nearest(image: np.ndarray, train: np.ndarray) -> int:
    """Return the index of the image that differs from another in the fewest values, as ink or no ink; all uint8."""
    differing = (image[None] > HALF) ^ (train > HALF)
    return int(differing.reshape(len(train), -1).sum(axis=1).argmin())


def find_needs(plan) -> list:
    """Return samples, their measures one by one, and the images of the last set."""
    runs = _find_runs(plan)
    return [*sample_files(runs), *per_image_files(runs), *image_files([run.dataset for run in runs], "train", "test")]


ENTRY = Entry(
    title="Nearest training images",
    caption="In each cell of one set, the samples most like copies, above the training image nearest to each: the "
    "pixels in which the two differ, and the Euclidean distance between them over that to the second nearest training "
    "image. Under a third a sample counts as memorised. The first rows show as many held-out real images, "
    "drawn apart from the training set: what matches there is chance.",
    needs=find_needs,
    make=draw,
    form="png",
)
