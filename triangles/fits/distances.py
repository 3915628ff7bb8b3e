"""Signed distances of pixels from shapes: what lies off a fit is measured by them."""

import numpy as np

__all__ = ["distance_to_polygon"]


def distance_to_polygon(vertices, size):
    """Measure signed distances in px, (N, size, size), of pixel centres from convex polygons; negative inside.

    vertices: (N, corners, 2) in the unit square. Infinite where the vertices are NaN. A flat one has no inside.
    """
    corners = np.asarray(vertices, dtype=np.float64) * size
    centres = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), axis=-1)  # (size, size, 2) as (x, y)
    nearest = np.full((len(corners), size, size), np.inf)
    left = np.ones(nearest.shape, dtype=bool)
    right = left.copy()
    count = corners.shape[1]
    for i in range(count):
        a, side = corners[:, i, None, None], (corners[:, (i + 1) % count] - corners[:, i])[:, None, None]
        to = centres - a
        cross = side[..., 0] * to[..., 1] - side[..., 1] * to[..., 0]
        left &= cross > 0
        right &= cross < 0
        length = np.square(side).sum(axis=-1)
        along = np.divide((to * side).sum(axis=-1), length, out=np.zeros_like(cross), where=length > 0)
        gap = np.linalg.norm(to - along.clip(0, 1)[..., None] * side, axis=-1)
        nearest = np.fmin(nearest, gap)  # fmin: a NaN polygon stays infinitely far
    return np.where(left | right, -nearest, nearest)
