"""Compute the posterior over all triangles of a canvas, edge by edge: none of their images is held, nor drawn.

`triangles.exact.edges` writes the sum of x_t over a triangle's pixels as a sum of three terms. So a weight is a product
of three factors, U(A, B) V(B, C) W(A, C), one for each edge, and only the side of B ties the three corners together.
Rows of A, B and C and the side make a panel of size^3 products. Sums of these over one corner are the weights of edges,
and the posterior mean follows from them by the same terms backwards. Each edge's term is summed once for an x_t.

Where x_t is so clear that a product may not be in the range of floats, a panel's terms are added, and only triangles
are weighed that are not negligible.
"""

from functools import cache
from math import log

import numpy as np

from triangles.exact.edges import check_drawing, write_orders
from triangles.exact.flat import draw_flat
from triangles.exact.images import LARGEST as ENUMERABLE
from triangles.exact.images import check_size, enumerate_images
from triangles.exact.posterior import Finite, Posterior
from triangles.exact.sums import Sums, Terms

__all__ = ["Every", "check_summable", "denoise", "every", "find_seconds", "log_evidence"]

LARGEST, SECONDS = 48, 30  # px, and seconds of an x_t there; setting up takes a minute, and memory stays under 2 GB


def check_summable(size):
    """Check that the posterior over all triangles can be summed at this size.

    Raises:
        ValueError: size under 2, or so large that memory does not suffice; the message says how long it would take.
    """
    check_size(size, LARGEST, SECONDS, " for one x_t", verb="sum", power=6)


def find_seconds(size):
    """Return about how many seconds of a core an x_t takes at this size, above 16 px: they grow with size^6."""
    return SECONDS * (size / LARGEST) ** 6


class Every(Posterior):
    """The distribution of all triangles of size x size pixels.

    Raises:
        ValueError: as `check_summable`.
        RuntimeError: as `check_drawing`.
    """

    def __init__(self, size):
        check_summable(size)
        check_drawing(size)
        self.size, self.shape = size, (size, size)
        self._edges, self._flat = [], []
        for height in range(size):
            first, other = write_orders(size, height)
            self._edges.append({name: Terms(first[name], other[name]) for name in first})
            images, counts = draw_flat(size, height)
            self._flat.append((_find_ends(images), np.log(counts)))

    def _weigh(self, scaled):
        """Return the mean mask (H, W) and the log of the summed weights, of x_t times the slope, (H, W)."""
        found = Sums(self._edges, scaled)
        for height, (ends, log_counts) in enumerate(self._flat):
            found.add_images(height, ends, log_counts)
        for upper in range(self.size):
            for lower in range(upper == 0, self.size - upper):
                if upper and lower:
                    found.add_panels(upper, lower, "right", "right")
                    found.add_panels(upper, lower, "left", "left")
                else:
                    found.add_panels(upper, lower, "right", "flat bottom" if upper else "flat top")
        return found.spread(), found.largest + log(found.total) - 6 * log(self.size)


def _find_ends(images):
    """Return images as the terms of their spans' ends, a sparse matrix; see `triangles.exact.edges.write_terms`."""
    from scipy.sparse import csr_array

    padded = np.pad(images.astype(np.float64), [(0, 0), (0, 0), (1, 1)])
    return csr_array((padded[:, :, :-1] - padded[:, :, 1:]).reshape(len(images), -1))


@cache
def every(size):
    """Return the distribution of all triangles at this size; it is set up once, in seconds.

    Up to 16 px it holds their images, which is two to three times as fast.

    Raises:
        ValueError: as `check_summable`.
    """
    check_summable(size)
    return Finite(*enumerate_images(size)) if size <= ENUMERABLE else Every(size)


def denoise(xt, abar, size, cores=1, progress=None):
    """Return E[x_0 | x_t] over all triangles at `size` px: float64 (N, size, size); see `Posterior.denoise`."""
    return every(size).denoise(xt, abar, cores, progress)


def log_evidence(xt, abar, size, cores=1, progress=None):
    """Return log q(x_t) over all triangles at `size` px, natural and per image, float64 (N,); see `denoise`."""
    return every(size).log_evidence(xt, abar, cores, progress)
