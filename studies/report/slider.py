"""The paths of sampled images as compact pictures for the report: one a run, images down, moments across."""

import numpy as np

from studies.measures.results import Frames, first_seed, or_hole, read_frames
from studies.report.embedding import lossless
from studies.report.palette import colour

__all__ = ["paths", "sprite"]

IMAGES = 4  # of each run
EXACT = 0.25  # share of the moments, the last ones, with all 256 levels
COARSE = 17  # levels of 255: the step of the others, whose noise hides it and would take most of the page


def sprite(values: np.ndarray):
    """float (K, F, H, W) or (K, F, H, W, 3) -> a Pillow image, K rows and F columns of pixels, x cut to [0, 1].

    The last quarter of the moments are round(255 x); the others are rounded to 16 levels, black and white among them.
    """
    from PIL import Image

    levels = np.clip(values, 0, 1) * 255
    K, F, H, W = levels.shape[:4]
    noisy = F - max(1, round(EXACT * F))
    levels[:, :noisy] = np.rint(levels[:, :noisy] / COARSE) * COARSE
    sheet = np.moveaxis(levels, 1, 2).reshape(K * H, F * W, *levels.shape[4:])
    return Image.fromarray(np.rint(sheet).astype(np.uint8))


def paths(plan) -> dict | None:
    """What the report's slider shows: the first images of every cell at the same moments; None if nothing was sampled.

    steps: T down to 0; height, width, images: of a sprite's parts; sets: set -> a list of schedule, colour, sprite (a
    data: address, None for a missing cell).
    """
    runs = first_seed(plan)
    found = {run.name: or_hole(read_frames, run) for run in runs}
    known = [frames for frames in found.values() if frames is not None]
    if not known:
        return None
    steps, images = known[0].steps, min(IMAGES, *(len(frames.values) for frames in known))
    sets = {}
    for run in runs:
        frames = found[run.name]
        image = None if frames is None else lossless(sprite(_at(frames, steps)[:images]))
        cell = {"schedule": run.schedule, "colour": colour(run.schedule), "sprite": image}
        sets.setdefault(run.preparation, []).append(cell)
    height, width = known[0].values.shape[2:4]
    return {"steps": steps, "height": height, "width": width, "images": images, "sets": sets}


def _at(frames: Frames, steps: list[int]) -> np.ndarray:
    """The frames nearest to the given time steps."""
    nearest = [int(np.abs(np.array(frames.steps) - t).argmin()) for t in steps]
    return frames.values[:, nearest]
