"""Pack the paths of sampled images into compact pictures for the page: one a run, images down, moments across."""

import numpy as np

from studies.measures.results import Frames, first_seed, or_hole, read_frames
from studies.report.html.embedding import encode_image
from studies.report.needs import sample_files
from studies.report.rows import capable

__all__ = ["list_inputs", "make_paths", "make_sprite"]

IMAGES = 4  # of each run
EXACT = 0.25  # share of the moments, the last ones, with all 256 levels
COARSE = 17  # levels of 255: the step of the others, whose noise hides it and would take most of the page


def make_sprite(values: np.ndarray):
    """Put float (K, F, H, W) or (K, F, H, W, 3) into a Pillow image, K rows and F columns, x cut to [0, 1].

    The last quarter of the moments are round(255 x); the others are rounded to 16 levels, black and white among them.
    """
    from PIL import Image

    levels = np.clip(values, 0, 1) * 255
    K, F, H, W = levels.shape[:4]
    noisy = F - max(1, round(EXACT * F))
    levels[:, :noisy] = np.rint(levels[:, :noisy] / COARSE) * COARSE
    sheet = np.moveaxis(levels, 1, 2).reshape(K * H, F * W, *levels.shape[4:])
    return Image.fromarray(np.rint(sheet).astype(np.uint8))


def make_paths(plan) -> dict | None:
    """Return what the report's slider shows: the first images of every cell at the same moments.

    None if nothing was sampled. steps: T down to 0; height, width, images: of a sprite's parts; models: what has a row,
    by name, with label and colour; sets: a list of name, label, and cells: model -> sprite, a data: address, or None
    for a missing result. A model whose family has no path has no row.
    """
    runs = capable(first_seed(plan), "frames")
    found = {run.name: or_hole(read_frames, run) for run in runs}
    known = [frames for frames in found.values() if frames is not None]
    if not known:
        return None
    steps, images = known[0].steps, min(IMAGES, *(len(frames.values) for frames in known))
    height, width = known[0].values.shape[2:4]
    cells: dict[str, dict] = {}
    for run in runs:
        frames = found[run.name]
        image = None if frames is None else encode_image(make_sprite(_choose_frames(frames, steps)[:images]))
        cells.setdefault(run.data, {})[run.model] = image
    models = [name for name in plan.model_names if any(name in one for one in cells.values())]
    return {
        "steps": steps,
        "height": height,
        "width": width,
        "images": images,
        "models": [{"name": name, "label": plan.label(name), "colour": plan.colour(name)} for name in models],
        "sets": [{"name": name, "label": plan.label(name), "cells": one} for name, one in cells.items()],
    }


def _choose_frames(frames: Frames, steps: list[int]) -> np.ndarray:
    """Return the frames nearest to the given time steps."""
    nearest = [int(np.abs(np.array(frames.steps) - t).argmin()) for t in steps]
    return frames.values[:, nearest]


def list_inputs(plan) -> list:
    """List the files that the slider is made from."""
    return sample_files(capable(first_seed(plan), "frames"), frames=True)
