"""A control for what measures triangles: filled ellipses that lie in the unit square."""

from math import pi, sqrt
from typing import ClassVar

import numpy as np

from triangles.kinds.kind import Kind

__all__ = ["ELLIPSE", "Ellipse", "half_extents", "inside"]

SHORTEST, LONGEST = 0.08, 0.4  # semi-axes; uniform between
MEAN_AXIS = (SHORTEST + LONGEST) / 2
MEAN_SQUARED_AXIS = (SHORTEST**2 + SHORTEST * LONGEST + LONGEST**2) / 3
MEAN_AREA = pi * MEAN_AXIS**2  # the two semi-axes are independent
MEAN_SQUARED_AREA = (pi * MEAN_SQUARED_AXIS) ** 2


class Ellipse(Kind):
    """White ellipses on black; parameters (N, 5): centre x, y, semi-axes a, b in sides, angle of a in half turns."""

    parameters = "ellipses"
    shape = (5,)
    fitter = "triangles.fits.ellipse"
    anchors: ClassVar[dict] = {
        "mean area": (lambda one: pi * one[:, 2] * one[:, 3], MEAN_AREA, sqrt(MEAN_SQUARED_AREA - MEAN_AREA**2)),
        "mean squared area": (lambda one: (pi * one[:, 2] * one[:, 3]) ** 2, MEAN_SQUARED_AREA, None),
        "mean centre, across": (lambda one: one[:, 0], 0.5, None),
        "mean centre, down": (lambda one: one[:, 1], 0.5, None),
        "mean angle": (lambda one: one[:, 4], 0.5, 1 / sqrt(12)),
    }

    def draw(self, rng, count):
        """Draw semi-axes and angle, and the centre so that the ellipse lies in the square: float64 (count, 5)."""
        u = rng.random((count, 5))
        axes, turn = SHORTEST + (LONGEST - SHORTEST) * u[:, 2:4], u[:, 4:]
        room = half_extents(np.hstack([u[:, :2], axes, turn]))
        return np.hstack([room + (1 - 2 * room) * u[:, :2], axes, turn])

    def paint(self, one, size):
        """Paint one ellipse: pixels whose centres lie in it are 255; uint8 (size, size)."""
        image = np.zeros((size, size), np.uint8)
        reach, centre = half_extents(one[None])[0] * size, np.asarray(one[:2]) * size
        left, top = np.floor(centre - reach).astype(int).clip(0, size)
        right, bottom = (np.ceil(centre + reach).astype(int) + 1).clip(0, size)
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        image[top:bottom, left:right][inside(one, x / size, y / size)] = 255
        return image


def half_extents(ellipses):
    """Return how far ellipses (N, 5) reach from their centres along x and y, in sides: (N, 2)."""
    a, b, turn = ellipses[:, 2], ellipses[:, 3], pi * ellipses[:, 4]
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([np.hypot(a * cos, b * sin), np.hypot(a * sin, b * cos)], axis=1)


def inside(one, x, y):
    """Tell which points lie in an ellipse (5,): bool like x and y, in the unit square."""
    cos, sin = np.cos(pi * one[4]), np.sin(pi * one[4])
    dx, dy = x - one[0], y - one[1]
    return ((dx * cos + dy * sin) / one[2]) ** 2 + ((dy * cos - dx * sin) / one[3]) ** 2 <= 1


ELLIPSE = Ellipse()
