"""Images as networks take them, and as they come back."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

__all__ = ["Samples", "as_arrays", "lowest", "to_network", "to_unit"]


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
