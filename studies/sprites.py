"""The paths of sampled images as compact pictures for the report: one PNG a run, images down, moments across."""

import base64
import io

import numpy as np

from studies.artefacts import Frames, first_seed, or_hole, read_frames
from studies.palette import colour

__all__ = ["as_uri", "paths", "sprite"]

IMAGES = 4  # of each run


def sprite(values: np.ndarray) -> bytes:
    """float (K, F, H, W) or (K, F, H, W, 3) -> PNG, K rows and F columns of pixels round(255 x), x cut to [0, 1]."""
    from PIL import Image

    levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    K, F, H, W = levels.shape[:4]
    sheet = np.moveaxis(levels, 1, 2).reshape(K * H, F * W, *levels.shape[4:])
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def as_uri(content: bytes, kind: str) -> str:
    """Content as a data: address, so that a page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


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
        image = None if frames is None else as_uri(sprite(_at(frames, steps)[:images]), "image/png")
        cell = {"schedule": run.schedule, "colour": colour(run.schedule), "sprite": image}
        sets.setdefault(run.preparation, []).append(cell)
    height, width = known[0].values.shape[2:4]
    return {"steps": steps, "height": height, "width": width, "images": images, "sets": sets}


def _at(frames: Frames, steps: list[int]) -> np.ndarray:
    """The frames nearest to the given time steps."""
    nearest = [int(np.abs(np.array(frames.steps) - t).argmin()) for t in steps]
    return frames.values[:, nearest]
