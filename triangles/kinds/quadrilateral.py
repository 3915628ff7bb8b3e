"""A control for what measures triangles: filled convex quadrilaterals on four independent uniform points."""

from typing import ClassVar

import numpy as np

from triangles import geometry
from triangles.kinds.polygons import Polygons

__all__ = ["MEAN_AREA", "QUADRILATERAL", "Quadrilateral"]

# The hull of four uniform points of the square has twice a triangle's mean area, 11/72 (Buchta 1984). One of them lies
# in the others' triangle with probability 4 E[A] = 11/36; such fours add 4 E[A^2] = 1/24 to that mean. So the 25/36 in
# convex position have a mean area of (11/72 - 1/24) / (25/36).
MEAN_AREA = 4 / 25
BATCH = 1024  # fours of points drawn at a time, whatever the count: a longer draw begins with the shorter


class Quadrilateral(Polygons):
    """White convex quadrilaterals on black; parameters are their corners in order, float64 (N, 4, 2)."""

    shape = (4, 2)
    fitter = "triangles.fits.quadrilateral"
    anchors: ClassVar[dict] = {
        "mean area": (geometry.polygon_area, MEAN_AREA, None),
        "mean corner, across": (lambda vertices: vertices[..., 0].mean(axis=-1), 0.5, None),
        "mean corner, down": (lambda vertices: vertices[..., 1].mean(axis=-1), 0.5, None),
    }

    def draw(self, rng, count):
        """Draw corners, float64 (count, 4, 2) in [0, 1), in order; fours that are not convex are left out.

        Raises:
            ValueError: count below 1.
        """
        if count < 1:
            raise ValueError(f"count is {count}, but at least 1 quadrilateral is needed: give a larger count")
        drawn, have = [], 0
        while have < count:
            corners = _in_order(rng.random((BATCH, 4, 2)))
            drawn.append(corners[geometry.is_convex(corners)])
            have += len(drawn[-1])
        return np.concatenate(drawn)[:count]


def _in_order(corners):
    """Put points (N, 4, 2) in their order around their mean."""
    way = corners - corners.mean(axis=1, keepdims=True)
    order = np.argsort(np.arctan2(way[..., 1], way[..., 0]), axis=1)
    return np.take_along_axis(corners, order[..., None], axis=1)


QUADRILATERAL = Quadrilateral()
