"""Draw random triangles in the unit square and compute their area, perimeter and angles, with the exact anchors.

Vertices are float64 (..., 3, 2): any leading axes, the last one is (x, y).
"""

from math import asinh, pi, sqrt

import numpy as np

__all__ = [
    "MEAN_AREA",
    "MEAN_PERIMETER",
    "MEAN_SQUARED_AREA",
    "PROBABILITY_CENTRE_COVERED",
    "PROBABILITY_OBTUSE",
    "SD_AREA",
    "angles",
    "area",
    "contains",
    "is_convex",
    "is_obtuse",
    "perimeter",
    "polygon_area",
    "random_vertices",
    "side_lengths",
]

# Exact anchors for three independent uniform points in the unit square.
MEAN_AREA = 11 / 144  # E[A]; Sylvester's four-point problem for a square
MEAN_SQUARED_AREA = 1 / 96  # E[A^2]: A = |(p1-p0) x (p2-p0)| / 2 and var(x) = var(y) = 1/12, so 6 (1/12)^2 / 4
SD_AREA = sqrt(95) / 144  # sqrt(1/96 - (11/144)^2)
PROBABILITY_OBTUSE = 97 / 150 + pi / 40  # Langford 1969, "The probability that a random triangle is obtuse"
MEAN_DISTANCE = (2 + sqrt(2) + 5 * asinh(1)) / 15  # mean distance of two uniform points, 0.5214054
MEAN_PERIMETER = 3 * MEAN_DISTANCE  # a perimeter is three such distances: 1.5642
PROBABILITY_CENTRE_COVERED = 1 / 4  # Wendel 1962: directions symmetric about the centre, 1 - (1 + 2) / 2^2


def random_vertices(count, rng):
    """Draw triangles with three independent uniform vertices: float64 (count, 3, 2) in [0, 1).

    Raises:
        ValueError: count below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}, but at least 1 triangle is needed: give a larger count")
    return rng.random((count, 3, 2))


def area(vertices):
    """Return areas (...,) in units of the square's area."""
    a, b = np.moveaxis(vertices[..., 1:, :] - vertices[..., :1, :], -2, 0)
    return np.abs(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]) / 2


def side_lengths(vertices):
    """Return the sides' lengths (..., corners); of a triangle side i is opposite to vertex i."""
    return np.linalg.norm(np.roll(vertices, -1, axis=-2) - np.roll(vertices, -2, axis=-2), axis=-1)


def perimeter(vertices):
    """Return perimeters (...,) in units of the square's side."""
    return side_lengths(vertices).sum(axis=-1)


def angles(vertices):
    """Return the angles (..., corners) of convex polygons in radians, ascending; of a triangle they sum to pi.

    arctan2 of cross and dot product, since an arccos loses half the digits on slivers. A triangle with two
    equal vertices has no angles there and gives zeros for them.
    """
    u = np.roll(vertices, -1, axis=-2) - vertices
    v = np.roll(vertices, 1, axis=-2) - vertices
    cross = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return np.sort(np.arctan2(np.abs(cross), (u * v).sum(axis=-1)), axis=-1)


def is_obtuse(vertices):
    """Tell whether the largest angle exceeds a right angle, bool (...,)."""
    return angles(vertices)[..., -1] > pi / 2


def contains(vertices, point):
    """Tell whether the closed triangle covers `point` (x, y), bool (...,)."""
    u = vertices - np.asarray(point, dtype=np.float64)
    v = np.roll(u, -1, axis=-2)
    side = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return (side >= 0).all(axis=-1) | (side <= 0).all(axis=-1)


def polygon_area(vertices):
    """Return areas (...,) of simple polygons (..., corners, 2) in units of the square's area."""
    if vertices.shape[-2] == 3:
        return area(vertices)
    x, y = vertices[..., 0], vertices[..., 1]
    return np.abs((x * np.roll(y, -1, axis=-1) - np.roll(x, -1, axis=-1) * y).sum(axis=-1)) / 2


def is_convex(vertices):
    """Tell whether polygons (..., corners, 2) turn one way at all corners, or not at all, bool (...,)."""
    side = np.roll(vertices, -1, axis=-2) - vertices
    after = np.roll(side, -1, axis=-2)
    turn = side[..., 0] * after[..., 1] - side[..., 1] * after[..., 0]
    return (turn >= 0).all(axis=-1) | (turn <= 0).all(axis=-1)
