"""Weigh triangles whose corners lie in the same rows, B on one side of the long edge: all of them are one array."""

from functools import cached_property
from math import log

import numpy as np

from triangles.exact.edges import SIDES

__all__ = ["Panel"]


class Panel:
    """Triangles whose corners' rows lie so far apart, B on one side: axes are the row of A and columns of A, B, C.

    Args:
        edges: the sums of x_t by edges, {name: `triangles.exact.sums.Edges`} by height.
        heights: from the row of A to that of B, and from there to that of C. side: of B. long: the name of AC.

    odd: (odd,), triangles of which three orders of the corners give another image. change: (rows, odd), how much more
    that image's log weight is. middle, reach: (rows,), within which log weights lie.
    """

    def __init__(self, edges, heights, side, long):
        upper, lower = heights
        self.drop, self.size = upper, edges[0]["upper right"].size
        self.edges = edges[upper][SIDES[side][0]], edges[lower][SIDES[side][1]], edges[upper + lower][long]
        x = np.arange(self.size)
        line, own = (lower * x[:, None] + upper * x)[:, None], ((upper + lower) * x)[:, None]
        self.inside = own > line if side == "right" else own < line
        a, b, c = (one.terms.differs.reshape(self.size, self.size) for one in self.edges)
        self.odd = np.flatnonzero((a[:, :, None] | b | c[:, None]) & self.inside)
        self.places = [one.terms.place[at] for one, at in zip(self.edges, self._edges_of(self.odd), strict=True)]
        self.mask = self.inside.astype(np.float64)
        rows = (slice(start, start + self.size - upper - lower) for start in (0, upper, 0))
        seen = list(zip(self.edges, rows, self.places, strict=True))
        self.middle = log(6) + sum(one.middle[at] for one, at, _ in seen)
        self.change = sum(one.changes[at][:, places] for one, at, places in seen)
        self.reach = sum(one.reach[at] for one, at, _ in seen) + np.abs(self.change).max(axis=1, initial=0.0)

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
            flat, grown = products.reshape(len(products), -1), np.exp(self.change[self.rows[0]])
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
