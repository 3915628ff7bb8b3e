"""Lay samples out on a contact sheet, so that a person sees what was drawn."""

from pathlib import Path

import numpy as np

from diffusion.store.files import replacing

__all__ = ["SHOWN", "contact_sheet", "write_sheet"]

SHOWN = 64  # images on a sheet unless told otherwise
CELL, GAP = 96, 4  # pixels: a side of an enlarged image at least, and between two
GROUND = np.array([0, 114, 178], np.uint8)  # a blue of Okabe and Ito's palette: no gray level looks like it


def contact_sheet(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Lay out images row by row, each pixel enlarged to a square: uint8 (height, width, 3).

    images: float in [0, 1], (N, H, W) or (N, H, W, 3), N at least 1; columns: images a row, None for nearly a square.
    """
    columns = min(columns or int(np.ceil(np.sqrt(1.6 * len(images)))), len(images))
    rows, scale = -(-len(images) // columns), -(-CELL // max(images.shape[1:3]))
    levels = np.round(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)
    colours = levels if levels.ndim == 4 else levels[..., None].repeat(3, axis=3)
    large = colours.repeat(scale, axis=1).repeat(scale, axis=2)
    high, wide = (side + GAP for side in large.shape[1:3])
    sheet = np.full((rows * high + GAP, columns * wide + GAP, 3), GROUND)
    for i, image in enumerate(large):
        top, left = GAP + i // columns * high, GAP + i % columns * wide
        sheet[top : top + high - GAP, left : left + wide - GAP] = image
    return sheet


def write_sheet(path: Path, images: np.ndarray, columns: int | None = None) -> None:
    """Write a contact sheet of images as PNG.

    Raises:
        ValueError: no image to show, or no images.
        OSError: it cannot be written.
    """
    from PIL import Image

    if images.ndim not in (3, 4) or 0 in images.shape or (images.ndim == 4 and images.shape[3] != 3):
        raise ValueError(
            f"a contact sheet shows images (N, H, W) or (N, H, W, 3), not an array of shape {images.shape}"
        )
    with replacing(path) as partial:
        Image.fromarray(contact_sheet(images, columns)).save(partial, format="png")
