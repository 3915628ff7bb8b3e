"""Draw the triangles without area of a small canvas: their corners lie on one line, and Pillow decides their pixels."""

from itertools import permutations

import numpy as np

from triangles.exact.images import hash_images
from triangles.kinds.polygons import draw_many

__all__ = ["draw_flat"]


def draw_flat(size, height):
    """Draw triangles without area whose rows reach from 0 to `height`: bool (M, height + 1, size), each image once.

    Return them with float64 (M,), how many ordered triples of pixels give each.
    """
    corners, times = _list_rows(size) if height == 0 else _list_lines(size, height)
    images = draw_many((corners + 0.5) / size, size)[:, : height + 1] > 0
    keys = hash_images(np.packbits(images.reshape(len(images), -1), axis=1))
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return images[first], np.bincount(which.ravel(), times)


def _list_rows(size):
    """Return all ordered triples of one row: (n, 3, 2), and how often each comes: (n,)."""
    x = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.stack([x, np.zeros_like(x)], axis=-1), np.ones(len(x))


def _list_lines(size, height):
    """Do as `_list_rows` does, for triples whose ends lie `height` rows apart: the third is on the line between."""
    top, bottom, step = np.indices((size, size, height + 1)).reshape(3, -1)
    between = top + (bottom - top) * step // height
    whole = (bottom - top) * step % height == 0
    ends = [(top, np.zeros_like(step)), (between, step), (bottom, np.full_like(step, height))]
    three = np.stack([np.stack(end, axis=1) for end in ends], axis=1)[whole]
    once = np.where(step % height == 0, 0.5, 1.0)[whole]  # of two equal corners each order is listed twice
    orders = list(permutations(range(3)))
    return np.concatenate([three[:, order] for order in orders]), np.tile(once, len(orders))
