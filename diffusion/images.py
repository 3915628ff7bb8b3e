"""Images as networks take them, and as they come back: arrays, and contact sheets to look at. Without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diffusion.store.files import replacing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "SHOWN",
    "Samples",
    "are_black_and_white",
    "as_arrays",
    "check_images",
    "contact_sheet",
    "find_levels",
    "lowest",
    "to_network",
    "to_unit",
    "write_sheet",
]

SHOWN = 64  # images on a sheet unless told otherwise
PART = 1000  # images looked through at once
CELL, GAP = 96, 4  # pixels: a side of an enlarged image at least, and between two
GROUND = np.array([0, 114, 178], np.uint8)  # a blue of Okabe and Ito's palette: no gray level looks like it


@dataclass(frozen=True)
class Samples:
    """Generated images and, where the family has a path from noise to image, the paths of the first of them.

    images: float32 in [0, 1], (N, H, W) or (N, H, W, 3). frames: float32, the first K images at F moments,
    (K, F, H, W[, 3]), on the same scale but not clipped; None where there is no path. steps: the F time steps, from T
    down to 0.
    """

    images: np.ndarray
    frames: np.ndarray | None = None
    steps: list[int] | None = None


def check_images(images: np.ndarray, test_images: np.ndarray | None = None) -> None:
    """Refuse what `to_network` would misread.

    Raises:
        ValueError: images, or test images, are no uint8 (N, C, H, W) with C = 1 or 3, or the two differ in shape.
    """
    for name, some in (("training", images), ("test", test_images)):
        if some is not None and (some.dtype != np.uint8 or some.ndim != 4 or some.shape[1] not in (1, 3)):
            raise ValueError(
                f"{name} images must be uint8 (N, C, H, W) with C = 1 or 3, not {some.dtype} {some.shape}: "
                "`diffusion.store.files.as_images` makes them of (N, H, W) and (N, H, W, 3)"
            )
    if test_images is not None and test_images.shape[1:] != images.shape[1:]:
        raise ValueError(f"train and test images differ in shape ({images.shape[1:]} and {test_images.shape[1:]})")


def find_levels(images: np.ndarray) -> np.ndarray:
    """Tell which of the 256 gray levels occur in uint8 images of any shape: bool (256,). Memory is that of a part."""
    parts = (images[start : start + PART].ravel() for start in range(0, len(images), PART))
    return sum((np.bincount(part, minlength=256) for part in parts), np.zeros(256, np.int64)) > 0


def are_black_and_white(*parts: np.ndarray) -> bool:
    """Tell whether uint8 images of any shape have no levels but 0 and 255."""
    return not any(find_levels(images)[1:-1].any() for images in parts)


def to_network(images: "Tensor", value_range: str) -> "Tensor":
    """Map uint8 0 ... 255 to float [-1, 1] (symmetric) or [0, 1] (unit)."""
    unit = images.float() / 255
    return unit * 2 - 1 if value_range == "symmetric" else unit


def to_unit(x: "Tensor", value_range: str) -> "Tensor":
    """Map the network's range to [0, 1]; values outside the range are left outside."""
    return (x + 1) / 2 if value_range == "symmetric" else x


def lowest(value_range: str) -> float:
    """Return the value of a black pixel in the network's range; a white one is 1."""
    return -1.0 if value_range == "symmetric" else 0.0


def as_arrays(x: "Tensor") -> np.ndarray:
    """Convert (..., C, H, W) to float32 (..., H, W) for one channel, (..., H, W, 3) for three."""
    array = x.numpy().astype(np.float32)
    return np.ascontiguousarray(array[..., 0, :, :] if array.shape[-3] == 1 else np.moveaxis(array, -3, -1))


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
