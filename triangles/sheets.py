"""Contact sheets: images enlarged without smoothing, so that each gray pixel can be seen."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["contact_sheet", "save_sheet"]

SEPARATOR = (0, 114, 178)  # a blue from Okabe and Ito's palette: no gray level looks like it
HIGHLIGHT = np.array([230, 159, 0])  # the orange of the same palette
GAP = 2  # pixels between images
CELL = 128  # pixels a side that an enlarged image has at least


def contact_sheet(images, columns=None, highlight=False):
    """uint8 (height, width, 3) with uint8 images (N, H, W) row by row, `columns` wide (default: nearly square).

    `highlight` paints what is neither 0 nor 255 orange, since the eye misses a gray of 10 on black.
    """
    if len(images) < 1:
        raise ValueError("there is no image for a contact sheet; ask for at least 1")
    columns = columns or int(np.ceil(np.sqrt(len(images) * 1.6)))
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    scale = -(-CELL // max(images.shape[1:]))
    high, wide = (scale * side + GAP for side in images.shape[1:])
    sheet = np.full((rows * high + GAP, columns * wide + GAP, 3), SEPARATOR, np.uint8)
    pixels = _highlighted(images) if highlight else images[..., None].repeat(3, axis=3)
    for i, image in enumerate(pixels):
        top, left = GAP + i // columns * high, GAP + i % columns * wide
        large = image.repeat(scale, axis=0).repeat(scale, axis=1)
        sheet[top : top + high - GAP, left : left + wide - GAP] = large
    return sheet


def _highlighted(images):
    """uint8 (N, H, W, 3): gray pixels from dark to full orange, 0 and 255 as they are."""
    levels = np.arange(256)[:, None]
    palette = np.where((levels > 0) & (levels < 255), (0.35 + 0.65 * levels / 255) * HIGHLIGHT, levels)
    return palette.astype(np.uint8)[images]


def save_sheet(path, sheet):
    """Write a sheet as PNG under a temporary name and rename it; OSError names `path`, whatever call failed."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        Image.fromarray(sheet).save(partial, "png")
        os.replace(partial, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)
