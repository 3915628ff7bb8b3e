"""Write the sum of x over a drawn triangle's pixels as a sum of three terms, one for each edge.

Sort the corners of a triangle with area from the top: A, B, C. AC is the long edge, AB the upper and BC the lower one,
and B lies to its right or left. Each row is a span of pixels. Where x is summed along rows first, a span's sum is a
difference of two numbers, one for its right end and one for its left.

Pillow computes each edge's x in single precision and rounds it, so between corners each end hangs on one edge. In a row
of corners it joins the span to the next row's, where both edges leave a flat corner to the same side: the span
reaches to just before the edge that is nearer to the vertical. Which of the two that is follows from the side of B, so
this too is a term of one edge. Where an edge is drawn from matters: in half of the six orders of the corners Pillow
starts AB and BC from above and AC from below, in the other half the other way round. Few edges differ by that.
"""

import numpy as np

__all__ = ["LONG", "SIDES", "write_terms"]

SIDES = {"right": ("upper right", "lower right"), "left": ("upper left", "lower left")}  # of B: names of AB and BC
LONG = {"right": "long, left of B", "left": "long, right of B", "flat top": "flat top", "flat bottom": "flat bottom"}


def write_terms(size, height, from_above):
    """Return the terms of all edges that span `height` rows and one: {name: sparse matrix}.

    A row is an edge, its upper end's column times `size` plus its lower end's. A column is a place in x, summed along
    rows from a blank: the row below the upper end times `size` + 1, plus how many pixels are summed.
    """
    top, bottom = (np.broadcast_to(end, (size, size)) for end in np.ogrid[:size, :size])
    if height == 0:  # of a flat top or bottom there is only the end of the row at B
        found = {"lower right": [(0, top + 1, 1)], "lower left": [(0, top, -1)]}
        return {name: _matrix(found.get(name, []), size, 0) for name in (*SIDES["right"], *SIDES["left"])}
    x = _cross(size, height, from_above)
    right = [(row, _last(x[..., row]) + 1, 1) for row in range(1, height)]
    left = [(row, _first(x[..., row]), -1) for row in range(1, height)]
    (top_left, top_right), (low_left, low_right) = _join(top, x[..., 1]), _join(bottom, x[..., height - 1])
    upper_corner, lower_corner = (
        [(0, top_right + 1, 1), (0, top, -1)],
        [(height, low_right + 1, 1), (height, bottom, -1)],
    )
    found = {
        "upper right": [*right, (0, top, 1), (0, top_left, -1)],
        "lower right": [*right, (0, top + 1, 1), (height, bottom, 1), (height, low_left, -1)],
        "upper left": [*left, (0, top_right + 1, 1), (0, top + 1, -1)],
        "lower left": [*left, (0, top, -1), (height, low_right + 1, 1), (height, bottom + 1, -1)],
        LONG["right"]: [*left, *upper_corner, *lower_corner],
        LONG["flat top"]: [*left, (0, top, -1), *lower_corner],
        LONG["flat bottom"]: [*left, *upper_corner, (height, bottom, -1)],
        LONG["left"]: [*right, (0, top + 1, 1), (0, top_left, -1), (height, bottom + 1, 1), (height, low_left, -1)],
    }
    return {name: _matrix(terms, size, height) for name, terms in found.items()}


def _cross(size, height, from_above):
    """Return where each edge crosses each of its rows, float32 (size, size, height + 1), as Pillow computes it."""
    top, bottom, row = (part.astype(np.float32) for part in np.ogrid[:size, :size, : height + 1])
    slope = (bottom - top) / np.float32(height)
    return row * slope + top if from_above else (row - np.float32(height)) * slope + bottom


def _first(x):
    return np.floor(x + np.float32(0.5)).astype(np.int64)


def _last(x):
    return np.ceil(x - np.float32(0.5)).astype(np.int64)


def _join(corner, nearby):
    """Return the first and the last pixel of a corner's row; nearby: the edge's x in the row beside it."""
    pixel, one = _first(nearby), np.float32(1)
    first = np.where(corner > nearby + one, pixel + 1, corner)
    return first, np.where(corner < nearby - one, pixel - 1, corner)


def _matrix(terms, size, height):
    """Return terms (row, columns (size, size), sign) as a sparse matrix (edges, places)."""
    from scipy.sparse import csr_array

    edges = np.tile(np.arange(size**2), len(terms))
    places = [(row * (size + 1) + columns).ravel() for row, columns, _ in terms]
    signs = np.repeat([float(sign) for _, _, sign in terms], size**2)
    shape = size**2, (height + 1) * (size + 1)
    matrix = csr_array((signs, (edges, np.concatenate([np.zeros(0, np.int64), *places]))), shape)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix
