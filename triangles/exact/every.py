"""Compute the posterior over all triangles of a canvas, edge by edge: none of their images is held, nor drawn.

`triangles.exact.edges` writes the sum of x_t over a triangle's pixels as a sum of three terms. So a weight is a product
of three factors, U(A, B) V(B, C) W(A, C), one for each edge, and only the side of B ties the three corners together.
Rows of A, B and C and the side make a panel of size^3 products. Sums of these over one corner are the weights of edges,
and the posterior mean follows from them by the same terms backwards. Each edge's term is summed once for an x_t.

Where x_t is so clear that a product may not be in the range of floats, a panel's terms are added, and only triangles
are weighed that are not negligible.
"""

from functools import cache, cached_property
from math import exp, log

import numpy as np

from triangles.exact.edges import LONG, SIDES, write_terms
from triangles.exact.flat import draw_flat
from triangles.exact.images import LARGEST as ENUMERABLE
from triangles.exact.images import check_size, enumerate_images
from triangles.exact.posterior import Finite, Posterior

__all__ = ["Every", "check_summable", "denoise", "every", "log_evidence"]

LARGEST, SECONDS, SET_UP = 48, 45, 60  # px, seconds of an x_t and of setting up there; 2 GB are not exceeded
AT_ONCE = 2**15  # triangles in a panel: they stay in the cache
REACH = 600.0  # of the logs of a panel's products from their middle and from the largest weight so far
NEGLIGIBLE = 60.0  # below the largest log weight: 10^10 of such weights are under 1e-15 of the sum
RAISED = 50.0  # by which a log weight may exceed what weights are relative to


def check_summable(size):
    """Check that the posterior over all triangles can be summed at this size.

    Raises:
        ValueError: size under 2, or so large that memory does not suffice; the message says how long it would take.
    """
    check_size(size, LARGEST, SECONDS, " for one x_t", verb="sum", power=6)


class Every(Posterior):
    """The distribution of all triangles of size x size pixels.

    Raises:
        ValueError: as `check_summable`.
    """

    def __init__(self, size):
        check_summable(size)
        self.size, self.shape = size, (size, size)
        self._edges, self._flat = [], []
        for height in range(size):
            above, below = (write_terms(size, height, from_above) for from_above in (True, False))
            first = {name: below[name] if name in LONG.values() else above[name] for name in above}
            other = {name: above[name] if name in LONG.values() else below[name] for name in above}
            self._edges.append({name: _Terms(first[name], other[name]) for name in above})
            images, counts = draw_flat(size, height)
            self._flat.append((_find_ends(images), np.log(counts)))

    def _weigh(self, scaled):
        """Return the mean mask (H, W) and the log of the summed weights, of x_t times the slope, (H, W)."""
        found = _Sums(self._edges, scaled)
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


class _Terms:
    """Terms of all edges of a name and height: of the first three orders of the corners, and how the others differ.

    place: (edges,), where each edge stands among those that differ; one more stands for all that do not.
    """

    def __init__(self, first, other):
        self.matrix, change = first, (other - first).tocsr()
        change.eliminate_zeros()
        self.differs = np.diff(change.indptr) > 0
        self.change = change[np.flatnonzero(self.differs)]
        self.place = np.where(self.differs, np.cumsum(self.differs) - 1, self.differs.sum())


class _Edges:
    """The sums of x_t by edges, (S, n, n) for S rows that their upper ends lie in, and the weights of these edges."""

    def __init__(self, terms, windows, size):
        shape = windows.shape[1], size, size
        self.terms, self.size = terms, size
        self.sums = np.ascontiguousarray((terms.matrix @ windows).T).reshape(shape)
        self.changes = np.concatenate([terms.change @ windows, np.zeros((1, windows.shape[1]))]).T
        low, high = self.sums.min(axis=(1, 2)), self.sums.max(axis=(1, 2))
        self.middle, self.reach = (low + high) / 2, (high - low) / 2
        near = np.clip(self.sums - self.middle[:, None, None], -REACH, REACH)
        self.factors = np.exp(near, out=near)
        self.weights, self.of_changes = np.zeros(shape), np.zeros_like(self.changes)

    def scale(self, factor):
        """Multiply all weights."""
        self.weights *= factor
        self.of_changes *= factor

    def spread(self):
        """Return the weights of the places in the windows, (places, S)."""
        weights = self.weights.reshape(len(self.weights), -1).T
        return self.terms.matrix.T @ weights + self.terms.change.T @ self.of_changes[:, :-1].T


class _Sums:
    """The sums over triangles of their weights, relative to exp(largest), and of what they add to each pixel."""

    def __init__(self, edges, scaled):
        self.size, self.largest, self.total = len(scaled), -np.inf, 0.0
        self._before = np.zeros((self.size, self.size + 1))
        np.cumsum(scaled, axis=1, out=self._before[:, 1:])
        self._white = np.zeros_like(self._before)
        self._room = np.empty((max(1, AT_ONCE // self.size**3), *[self.size] * 3))
        self._windows = [self._window(self._before, height) for height in range(self.size)]
        pairs = zip(edges, self._windows, strict=True)
        self._edges = [{name: _Edges(one, seen, self.size) for name, one in terms.items()} for terms, seen in pairs]

    def _window(self, rows, height):
        """Return `height` + 1 rows from each row on, (places, S)."""
        wide = self.size + 1
        seen = np.lib.stride_tricks.sliding_window_view(rows.ravel(), (height + 1) * wide)[::wide]
        return np.ascontiguousarray(seen.T)

    def add_images(self, height, ends, log_counts):
        """Add images that touch the top row, and all their shifts downwards."""
        logs = ends @ self._windows[height] + log_counts[:, None]
        self._raise(logs.max())
        weights = np.exp(logs - self.largest)
        self.total += weights.sum()
        self._spread(height, ends.T @ weights)

    def add_panels(self, upper, lower, side, long):
        """Add all triangles whose edges span so many rows and whose B lies on this side."""
        panel = _Panel(self._edges, (upper, lower), side, LONG[long])
        step = len(self._room)
        starts = np.arange(0, len(panel.middle), step)
        highest, reach = (np.maximum.reduceat(a, starts).tolist() for a in (panel.middle + panel.reach, panel.reach))
        for start, high, far in zip(starts.tolist(), highest, reach, strict=True):
            if high > self.largest - NEGLIGIBLE:
                panel.look(slice(start, min(start + step, len(panel.middle))))
                near = far < REACH and high < self.largest + REACH
                self._multiply(panel) if near else self._add(panel)

    def _multiply(self, panel):
        of_edges, of_changes = panel.multiply(self.largest, self._room)
        total = float(of_edges[0].sum())
        self.total += total
        panel.keep(of_edges, of_changes)
        self._raise(self.largest + log(total) if total > 0 else -np.inf)

    def _add(self, panel):
        logs, of_changes = panel.add()
        top = float(logs.max())
        if top > self.largest - NEGLIGIBLE:
            self._raise(top)
            chosen = np.flatnonzero(logs > self.largest - NEGLIGIBLE)
            weights = np.exp(logs.ravel()[chosen] - self.largest)
            self.total += weights.sum()
            panel.keep(panel.collect(chosen, weights), np.exp(of_changes - self.largest))

    def _raise(self, top):
        """Make weights relative to a larger one, if there is a much larger one."""
        if top > self.largest + RAISED:
            factor = exp(self.largest - top)
            self.largest, self.total = float(top), self.total * factor
            self._white *= factor
            for edges in self._edges:
                for one in edges.values():
                    one.scale(factor)

    def _spread(self, height, weights):
        wide, flat = self.size + 1, self._white.ravel()
        for row, column in enumerate(weights.T):
            flat[row * wide : (row + height + 1) * wide] += column

    def spread(self):
        """Return the mean mask, (size, size)."""
        for height, edges in enumerate(self._edges):
            self._spread(height, sum(one.spread() for one in edges.values()))
        return self._white[:, ::-1].cumsum(axis=1)[:, -2::-1] / self.total


class _Panel:
    """Triangles whose corners' rows lie so far apart, B on one side: axes are the row of A and columns of A, B, C."""

    def __init__(self, edges, heights, side, long):
        upper, lower = heights
        self.drop, self.size = upper, edges[0]["upper right"].size
        size = self.size
        self.edges = edges[upper][SIDES[side][0]], edges[lower][SIDES[side][1]], edges[upper + lower][long]
        x = np.arange(self.size)
        line, own = (lower * x[:, None] + upper * x)[:, None], ((upper + lower) * x)[:, None]
        self.inside = own > line if side == "right" else own < line
        a, b, c = (one.terms.differs.reshape(self.size, self.size) for one in self.edges)
        self.odd = np.flatnonzero((a[:, :, None] | b | c[:, None]) & self.inside)
        self.places = [one.terms.place[at] for one, at in zip(self.edges, self._edges_of(self.odd), strict=True)]
        self.mask = self.inside.astype(np.float64)
        rows = (slice(start, start + size - upper - lower) for start in (0, upper, 0))
        seen = list(zip(self.edges, rows, self.places, strict=True))
        self.middle = log(6) + sum(one.middle[at] for one, at, _ in seen)
        self.change = sum(one.changes[at][:, places] for one, at, places in seen)
        self.reach = sum(one.reach[at] for one, at, _ in seen) + np.abs(self.change).max(axis=1, initial=0.0)

    @cached_property
    def grown(self):
        """Return exp of how triangles change, (rows, odd)."""
        return np.exp(self.change)

    @cached_property
    def outside(self):
        """Return the log of how many orders of the corners there are, (n, n, n): six, or none."""
        return np.where(self.inside, log(6), -np.inf)

    def _edges_of(self, triangles):
        """Return which edges AB, BC and AC triangles have, by their places in a panel of one row."""
        above, c = np.divmod(triangles, self.size)
        a, b = np.divmod(above, self.size)
        return above, b * self.size + c, a * self.size + c

    def look(self, rows):
        """Look at triangles whose A lies in these rows."""
        self.rows = rows, slice(rows.start + self.drop, rows.stop + self.drop), rows

    def multiply(self, largest, room):
        """Return the weights of edges AB, BC and AC, (S, n, n) each, and those of triangles that change, (S, odd).

        They are relative to exp(largest). room: for the products, (S or more, n, n, n).
        """
        upper, lower, long = (one.factors[at] for one, at in zip(self.edges, self.rows, strict=True))
        upper = upper * np.exp(self.middle[self.rows[0]] - largest)[:, None, None]
        products = np.multiply(lower[:, None], long[:, :, None], out=room[: len(upper)])
        products *= self.mask
        of_changes = None
        if len(self.odd):
            flat, grown = products.reshape(len(products), -1), self.grown[self.rows[0]]
            half = flat[:, self.odd] / 2
            flat[:, self.odd] = half * (1 + grown)
            of_changes = half * grown * upper.reshape(len(upper), -1)[:, self.odd // self.size]
        of_upper = (products.reshape(-1, self.size) @ np.ones(self.size)).reshape(upper.shape) * upper
        of_lower = (upper.transpose(0, 2, 1)[:, :, None] @ products.transpose(0, 2, 1, 3))[:, :, 0]
        return (of_upper, of_lower, (upper[:, :, None] @ products)[:, :, 0]), of_changes

    def add(self):
        """Return the log weights of triangles, (S, n, n, n), and those of triangles that change, (S, odd)."""
        upper, lower, long = (one.sums[at] for one, at in zip(self.edges, self.rows, strict=True))
        logs = lower[:, None] + long[:, :, None]
        logs += upper[..., None]
        logs += self.outside
        flat, change = logs.reshape(len(logs), -1), self.change[self.rows[0]]
        half = flat[:, self.odd] - log(2)
        flat[:, self.odd] = np.logaddexp(half, half + change)
        return logs, half + change

    def collect(self, chosen, weights):
        """Return the weights of edges AB, BC and AC, (S, n, n) each, of triangles by their place in the panel."""
        row, triangles = np.divmod(chosen, self.size**3)
        count = self.rows[0].stop - self.rows[0].start
        each = ((row * self.size**2 + edges) for edges in self._edges_of(triangles))
        shape = count, self.size, self.size
        return [np.bincount(at, weights, count * self.size**2).reshape(shape) for at in each]

    def keep(self, of_edges, of_changes):
        """Add to the weights of edges AB, BC and AC."""
        for one, at, places, weights in zip(self.edges, self.rows, self.places, of_edges, strict=True):
            one.weights[at] += weights
            if len(self.odd):
                np.add.at(one.of_changes[at], (slice(None), places), of_changes)


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


def denoise(xt, abar, size):
    """Return E[x_0 | x_t] over all triangles at `size` px: float64 (N, size, size) in [-1, 1]."""
    return every(size).denoise(xt, abar)


def log_evidence(xt, abar, size):
    """Return log q(x_t) over all triangles at `size` px, natural and per image, float64 (N,)."""
    return every(size).log_evidence(xt, abar)
