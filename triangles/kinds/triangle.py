"""The thesis's pictures: a filled triangle on three independent uniform points of the unit square."""

from math import sqrt
from typing import ClassVar

from triangles import geometry
from triangles.kinds.polygons import Polygons

__all__ = ["TRIANGLE", "Triangle"]


def _binary(probability):
    """Return mean and standard deviation of what is 1 with this probability, else 0."""
    return probability, sqrt(probability * (1 - probability))


class Triangle(Polygons):
    """White triangles on black; parameters are their vertices, float64 (N, 3, 2)."""

    shape = (3, 2)
    fitter = "triangles.fits.triangle"
    anchors: ClassVar[dict] = {
        "mean area": (geometry.area, geometry.MEAN_AREA, geometry.SD_AREA),
        "mean squared area": (lambda vertices: geometry.area(vertices) ** 2, geometry.MEAN_SQUARED_AREA, None),
        "mean perimeter": (geometry.perimeter, geometry.MEAN_PERIMETER, None),
        "obtuse share": (geometry.is_obtuse, *_binary(geometry.PROBABILITY_OBTUSE)),
        "centre covered": (
            lambda vertices: geometry.contains(vertices, (0.5, 0.5)),
            *_binary(geometry.PROBABILITY_CENTRE_COVERED),
        ),
    }

    def draw(self, rng, count):
        """Draw vertices, float64 (count, 3, 2) in [0, 1)."""
        return geometry.random_vertices(count, rng)


TRIANGLE = Triangle()
