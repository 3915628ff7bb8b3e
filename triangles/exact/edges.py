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

from triangles.kinds.polygons import draw_many

__all__ = ["LONG", "SIDES", "check_drawing", "write_orders"]

SIDES = {"right": ("upper right", "lower right"), "left": ("upper left", "lower left")}  # of B: names of AB and BC
LONG = {"right": "long, left of B", "left": "long, right of B", "flat top": "flat top", "flat bottom": "flat bottom"}


def write_orders(size, height):
    """Return the terms as `_write_terms` does, of a triangle drawn from A to B to C, and of one drawn from C to B to A.

    Where drawing starts is no matter, so each stands for three orders of the corners.
    """
    above, below = (_write_terms(size, height, from_above) for from_above in (True, False))
    return tuple({name: two[name in LONG.values()][name] for name in above} for two in ((above, below), (below, above)))


def _write_terms(size, height, from_above):
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


def check_drawing(size, count=200):
    """Check on random triangles that Pillow draws what the terms say.

    Raises:
        RuntimeError: it draws otherwise: its rule of filling is another one than that of Pillow 13.0.
    """
    corners = np.random.default_rng(size).integers(0, size, (count, 3, 2))
    images, written = draw_many((corners + 0.5) / size, size) > 0, {}
    for three, image in zip(corners.tolist(), images, strict=True):
        found = _draw(three, size, written)
        if found is not None and not np.array_equal(found, image):
            raise RuntimeError(
                f"this Pillow fills {three} otherwise than Pillow 13.0, of which sums over edges are made"
            )


def _draw(corners, size, written):
    """Draw a triangle by its terms, (size, size), or return None if it has no area. written: terms, by height."""
    a, b, c = sorted(corners, key=lambda corner: corner[::-1])
    if b[1] == c[1]:
        b, c = c, b
    upper, lower = b[1] - a[1], c[1] - b[1]
    turn = (b[0] - a[0]) * (upper + lower) - (c[0] - a[0]) * upper
    if not turn:
        return None
    other = corners[(corners.index(a) + 1) % 3] == c
    side = "right" if turn > 0 else "left"
    long = LONG[side if upper and lower else "flat bottom" if upper else "flat top"]
    ends = np.zeros((size, size + 1))
    for name, top, bottom in ((SIDES[side][0], a, b), (SIDES[side][1], b, c), (long, a, c)):
        height = bottom[1] - top[1]
        terms = written[height] = written.get(height) or write_orders(size, height)
        ends[top[1] : bottom[1] + 1] += terms[other][name][[top[0] * size + bottom[0]]].toarray().reshape(-1, size + 1)
    return ends[:, ::-1].cumsum(axis=1)[:, -2::-1]
