"""Table `data`: what the images of each data set are like."""

from math import nan

import numpy as np

from diffusion.store.files import read_images
from diffusion.store.records import Record, Seconds, read_record
from studies.measures.results import or_hole
from studies.report.entries import Entry
from studies.report.needs import image_files

__all__ = ["ENTRY", "make"]

FACTS = ("images", "gray", "clearly_gray", "mid_gray", "covered", "empty")


class DatasetRecord(Record):
    """dataset.json, as far as the table shows it."""

    seconds: dict[str, Seconds]


def make(plan):
    """Return facts of the images of each set, a row for each of its two parts; see `triangles.datasets.facts`."""
    import pandas as pd

    return pd.DataFrame([_find_facts(dataset, part) for dataset in plan.datasets for part in ("train", "test")])


def _find_facts(dataset, part: str) -> dict:
    from triangles.datasets import facts

    settings = dataset.settings
    images = or_hole(read_images, dataset.folder / f"{part}.npy")
    record = or_hole(read_record, dataset.folder / "dataset.json", DatasetRecord)
    return {
        "data": dataset.data,
        "seed": settings.seed,
        "part": part,
        "format": settings.format,
        "draw_px": settings.draw_size,
        "px": settings.size,
        **(dict.fromkeys(FACTS, nan) if images is None else facts(np.moveaxis(images, 1, -1))),
        "set_made_in_s": nan if record is None else sum(record.seconds.values()),
    }


ENTRY = Entry(
    title="Data sets",
    caption="Shares are of all pixels: gray is neither 0 nor 255, clearly gray more than 8 levels from both, "
    "covered the mean value. Empty images have no pixel above 127.",
    needs=lambda plan: image_files(plan.datasets, "train", "test"),
    make=make,
)
