"""Sum the weights of all triangles by their edges, for one x_t: panel by panel of triangles whose rows are the same."""

from math import exp, log

import numpy as np

from triangles.exact.edges import LONG
from triangles.exact.panels import Panel

__all__ = ["Sums", "Terms"]

AT_ONCE = 2**15  # triangles in a panel: they stay in the cache
REACH = 600.0  # of the logs of a panel's products from their middle and from the largest weight so far
NEGLIGIBLE = 60.0  # below the largest log weight: 10^10 of such weights are under 1e-15 of the sum
RAISED = 50.0  # by which a log weight may exceed what weights are relative to


class Terms:
    """Terms of all edges of a name and height: of the first three orders of the corners, and how the others differ.

    place: (edges,), where each edge stands among those that differ; one more stands for all that do not.
    """

    def __init__(self, first, other):
        self.matrix, change = first, (other - first).tocsr()
        change.eliminate_zeros()
        self.differs = np.diff(change.indptr) > 0
        self.change = change[np.flatnonzero(self.differs)]
        self.place = np.where(self.differs, np.cumsum(self.differs) - 1, self.differs.sum())


class Edges:
    """The sums of x_t by edges, (S, n, n) for S rows that their upper ends lie in, and the weights of these edges.

    factors: exp of the sums less their middle, (S,). changes: how sums change in the other orders, (S, edges that do).
    """

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


class Sums:
    """The sums over triangles of their weights, relative to exp(largest), and of what they add to each pixel."""

    def __init__(self, edges, scaled):
        self.size, self.largest, self.total = len(scaled), -np.inf, 0.0
        before = np.pad(np.cumsum(scaled, axis=1), [(0, 0), (1, 0)])
        self._white = np.zeros_like(before)
        self._room = np.empty((max(1, AT_ONCE // self.size**3), *[self.size] * 3))
        self._windows = [self._window(before, height) for height in range(self.size)]
        pairs = zip(edges, self._windows, strict=True)
        self._edges = [{name: Edges(one, seen, self.size) for name, one in terms.items()} for terms, seen in pairs]

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
        panel = Panel(self._edges, (upper, lower), side, LONG[long])
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
