"""Resize gray images of mostly constant 8 x 8 blocks: Pillow's filtered resizing as two exact matrix products.

Pillow turns each filter weight into an integer of 22 fractional bits, sums weight x pixel in integers, rounds
and clips to 8 bits, first along rows, then along columns. All those sums stay below 2^53, so float64 matrix
products give the same integers, and a block of one constant value needs one multiplication instead of 64.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np

__all__ = ["WEIGHTED", "resample_blocks", "weights"]

FRACTION = 2.0**22


def _bicubic(x, a=-0.5):
    """Weigh distances x >= 0 by Keys's cubic with Pillow's a = -1/2.

    Keys 1981, "Cubic convolution interpolation for digital image processing".
    """
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


# name: (half width at scale 1, weight of a distance >= 0)
WEIGHTED = {
    "box": (0.5, lambda x: np.where(x <= 0.5, 1.0, 0.0)),
    "bilinear": (1.0, lambda x: np.maximum(0.0, 1 - x)),
    "bicubic": (2.0, _bicubic),
    "lanczos": (3.0, lambda x: np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)),
}


@lru_cache(maxsize=8)
def weights(source, target, resample):
    """Return Pillow's integer weights as float64 (target, source); a row sums to about 2^22."""
    half_width, kernel = WEIGHTED[resample]
    scale = source / target
    stretch = max(scale, 1.0)
    matrix = np.zeros((target, source))
    for row in range(target):
        centre = (row + 0.5) * scale
        first = max(0, int(centre - half_width * stretch + 0.5))
        last = min(source, int(centre + half_width * stretch + 0.5))
        w = kernel(np.abs((np.arange(first, last) - centre + 0.5) * (1 / stretch)))
        w /= np.add.accumulate(w)[-1]  # summed one by one, as Pillow does: the last bit counts
        matrix[row, first:last] = np.trunc(w * FRACTION + np.copysign(0.5, w))
    return matrix


def _rounded(sums):
    """Round fixed-point sums to whole gray levels 0..255, in place, as Pillow's clip8 does."""
    sums += FRACTION / 2
    sums /= FRACTION
    np.floor(sums, out=sums)
    return np.clip(sums, 0, 255, out=sums)


def resample_blocks(blocks, source, target, resample):
    """Resize `Blocks` of N images of source x source px by one of `WEIGHTED`: uint8 (N, target, target)."""
    count, rows, columns = blocks.level.shape
    w = np.zeros((target, columns * 8))
    w[:, :source] = weights(source, target, resample)
    across = w.reshape(target, columns, 8)
    flat = blocks.level.reshape(-1, columns).astype(np.float64) @ across.sum(axis=2).T
    sums = np.repeat(flat.reshape(count, rows, 1, target), 8, axis=2)  # (N, rows, 8, target)
    _add_mixed(sums, blocks, across)
    wide = _rounded(sums).reshape(count, rows * 8, target)  # rows done, columns still source high
    return _rounded(np.matmul(w, wide)).astype(np.uint8)


def _add_mixed(sums, blocks, across):
    """Add the blocks that hold an edge, by block column, as each reaches a few target pixels only."""
    order = np.argsort(blocks.column, kind="stable")
    ends = np.searchsorted(blocks.column[order], np.arange(across.shape[1] + 1)).tolist()
    image, row, pixels = blocks.image[order], blocks.row[order], blocks.pixels[order].astype(np.float64)
    for column, (first, last) in enumerate(pairwise(ends)):
        if first < last:
            reached = np.flatnonzero(across[:, column].any(axis=1))
            here = slice(reached[0], reached[-1] + 1)
            part = pixels[first:last].reshape(-1, 8) @ across[here, column].T  # (8 n, reached)
            sums[image[first:last], row[first:last], :, here] += part.reshape(last - first, 8, -1)
