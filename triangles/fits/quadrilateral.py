"""Find convex quadrilaterals in images, and describe them by eight numbers."""

import numpy as np

from triangles.fits.distances import distance_to_polygon as distance
from triangles.fits.polygons import features_of_polygons, fit_polygons

__all__ = ["FEATURES", "distance", "features", "fit"]

FEATURES = {
    "sqrt_area": ("square root of area", "sides", (0.0, 1.0)),
    "angle_1": ("smallest angle", "rad", (0.0, np.pi / 2)),
    "angle_2": ("second smallest angle", "rad", (0.0, np.pi)),
    "angle_3": ("second largest angle", "rad", (0.0, np.pi)),
    "angle_4": ("largest angle", "rad", (np.pi / 2, np.pi)),
    "perimeter": ("perimeter", "sides", (0.0, 4.0)),
    "centroid_x": ("mean of the corners, across", "sides", (0.0, 1.0)),
    "centroid_y": ("mean of the corners, down", "sides", (0.0, 1.0)),
}


def fit(images, render=None, draw_size=None):
    """Find the convex quadrilateral that overlaps each image best; see `triangles.fits.polygons.fit_polygons`."""
    return fit_polygons(images, 4, render, draw_size)


def features(vertices):
    """Compute the `FEATURES` of quadrilaterals (N, 4, 2), corners in order: float64 (N, 8); NaN for NaN vertices.

    The angles ascend.

    Raises:
        ValueError: vertices of another shape.
    """
    return features_of_polygons(vertices, 4)
