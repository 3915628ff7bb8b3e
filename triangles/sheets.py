"""Lay images out on contact sheets, enlarged without smoothing, so that each gray pixel can be seen."""

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
    """Lay out images row by row: uint8 (height, width, 3).

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        columns: images a row; None makes a nearly square sheet.
        highlight: paint pixels that are neither 0 nor 255 orange, since the eye misses a gray of 10 on black.

    Raises:
        ValueError: no images.
    """
    if len(images) < 1:
        raise ValueError("there is no image for a contact sheet: ask for at least 1")
    columns = columns or int(np.ceil(np.sqrt(len(images) * 1.6)))
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    scale = -(-CELL // max(images.shape[1:3]))
    high, wide = (scale * side + GAP for side in images.shape[1:3])
    sheet = np.full((rows * high + GAP, columns * wide + GAP, 3), SEPARATOR, np.uint8)
    colours = images if images.ndim == 4 else images[..., None].repeat(3, axis=3)
    pixels = _highlighted(colours) if highlight else colours
    for i, image in enumerate(pixels):
        top, left = GAP + i // columns * high, GAP + i % columns * wide
        large = image.repeat(scale, axis=0).repeat(scale, axis=1)
        sheet[top : top + high - GAP, left : left + wide - GAP] = large
    return sheet


def _highlighted(images):
    """Paint pixels (N, H, W, 3) with a value between 0 and 255 from dark to full orange; leave all others."""
    between = ((images > 0) & (images < 255)).any(axis=3, keepdims=True)
    orange = (0.35 + 0.65 * images.mean(axis=3, keepdims=True) / 255) * HIGHLIGHT
    return np.where(between, orange, images).astype(np.uint8)


def check_place(path):
    """Refuse a place for a sheet where something else is, or that names no PNG file.

    Raises:
        ValueError: saying which, and what to do.
    """
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{path}: a sheet is a PNG file: give --out a name that ends in .png")
    known = os.path.lexists(path) and not Path(path).is_symlink() and Path(path).is_file()
    if os.path.lexists(path) and not (known and Path(path).read_bytes().startswith(b"\x89PNG")):
        raise ValueError(f"{path} is there and is no PNG file, so it is not replaced: give another --out")


def save_sheet(path, sheet):
    """Write a sheet as PNG under a temporary name and rename it.

    Raises:
        OSError: it cannot be written; the error names `path`, whatever call failed.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as file:  # new, so that no link is followed
            Image.fromarray(sheet).save(file, "png")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)
