"""Find triangles in images, and describe them by seven numbers."""

import numpy as np

from triangles.fits.distances import distance_to_polygon as distance
from triangles.fits.polygons import features_of_polygons, fit_polygons

__all__ = ["FEATURES", "distance", "features", "fit"]

# name -> (words for people, unit, range that the geometry sets). The largest triangle is half of the square.
FEATURES = {
    "sqrt_area": ("square root of area", "sides", (0.0, np.sqrt(0.5))),
    "angle_1": ("smallest angle", "rad", (0.0, np.pi / 3)),
    "angle_2": ("middle angle", "rad", (0.0, np.pi / 2)),
    "angle_3": ("largest angle", "rad", (np.pi / 3, np.pi)),
    "perimeter": ("perimeter", "sides", (0.0, 2 + np.sqrt(2))),
    "centroid_x": ("centroid, across", "sides", (0.0, 1.0)),
    "centroid_y": ("centroid, down", "sides", (0.0, 1.0)),
}


def fit(images, render=None, draw_size=None):
    """Find the triangle that overlaps each image best; see `triangles.fits.polygons.fit_polygons`."""
    return fit_polygons(images, 3, render, draw_size)


def features(vertices):
    """Compute the `FEATURES` of triangles (N, 3, 2): float64 (N, 7), a column each in their order.

    The angles ascend. Rows of NaN vertices (blank images) are NaN.

    Raises:
        ValueError: vertices of another shape.
    """
    return features_of_polygons(vertices, 3)
