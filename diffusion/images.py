"""Images as networks take them, and as they come back."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

__all__ = ["Samples", "as_arrays", "check_images", "lowest", "to_network", "to_unit"]


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


def to_network(images: Tensor, value_range: str) -> Tensor:
    """Map uint8 0 ... 255 to float [-1, 1] (symmetric) or [0, 1] (unit)."""
    unit = images.float() / 255
    return unit * 2 - 1 if value_range == "symmetric" else unit


def to_unit(x: Tensor, value_range: str) -> Tensor:
    """Map the network's range to [0, 1]; values outside the range are left outside."""
    return (x + 1) / 2 if value_range == "symmetric" else x


def lowest(value_range: str) -> float:
    """Return the value of a black pixel in the network's range; a white one is 1."""
    return -1.0 if value_range == "symmetric" else 0.0


def as_arrays(x: Tensor) -> np.ndarray:
    """Convert (..., C, H, W) to float32 (..., H, W) for one channel, (..., H, W, 3) for three."""
    array = x.numpy().astype(np.float32)
    return np.ascontiguousarray(array[..., 0, :, :] if array.shape[-3] == 1 else np.moveaxis(array, -3, -1))
