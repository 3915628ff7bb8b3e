"""Find the convex polygon that overlaps an image best, and how well: "is it a triangle?" as a number.

The first start is the largest-area polygon on corners of the convex hull of the ink; a pattern search
then moves vertices while the overlap grows. Where that is not yet exact, the hull of the largest piece and
polygons with the ink's second moments are further starts, and the best end counts. Candidates are compared
row by row as intervals (see `_spans`), which costs a fraction of drawing each; the overlap that is reported
is always that of the polygon drawn the way the set under test was drawn.
"""

from functools import lru_cache, partial
from itertools import combinations

import numpy as np

from triangles import geometry
from triangles.kinds.kind import Fits
from triangles.kinds.polygons import draw
from triangles.pixels.ink import binarise

__all__ = ["features_of_polygons", "fit_polygons", "render_drawn"]

CHUNK = 128  # images searched at once: keeps the working arrays within tens of megabytes
ORIENTATIONS = 4  # of one start's shape, within the turn that repeats it
MOST_HULL = 30  # points of a hull that polygons of four corners or more are chosen from
EIGHT_CONNECTED = np.ones((3, 3), dtype=bool)


def render_drawn(vertices, size):
    """Draw polygons (N, corners, 2) at their final size: uint8 (N, size, size)."""
    return np.stack([draw(v, size) for v in vertices])


def fit_polygons(images, corners, render=None, draw_size=None):
    """Find the convex polygon that overlaps each image best; return `Fits` with vertices (N, corners, 2).

    Args:
        images: (N, H, H), uint8 or floating in [0, 1]; what lies above one half is ink.
        corners: of the polygon, at least 3.
        render: vertices (N, corners, 2) -> uint8 (N, H, H), how the set under test was made; drawn at H px by default.
        draw_size: the side in pixels at which `render` draws before it resizes; H by default. It decides how far
            a drawn boundary reaches past the exact one, and how fine the vertices are searched.

    Raises:
        ValueError: images of another type or shape; a `render` that gives another size.
    """
    masks = binarise(images)
    size = masks.shape[1]
    if masks.shape[2] != size or size < 2:
        raise ValueError(f"images are {size} x {masks.shape[2]}, but squares of 2 px or more are needed: crop them")
    render = render or partial(render_drawn, size=size)
    draw_size = draw_size or size
    ink = masks.sum(axis=(1, 2))
    vertices, iou = np.full((len(masks), corners, 2), np.nan), np.zeros(len(masks))
    filled = np.flatnonzero(ink)
    for some in np.split(filled, range(CHUNK, len(filled), CHUNK)):
        if len(some):
            vertices[some], iou[some] = _fit_chunk(masks[some], corners, render, draw_size)
    return Fits(vertices, iou, ink)


def _fit_chunk(masks, corners, render, draw_size):
    """Fit masks (n, H, H) that hold ink: vertices (n, corners, 2) in the unit square, and drawn overlaps (n,)."""
    size = masks.shape[1]
    reach = 0.5 * size / draw_size  # a drawn boundary takes in its whole pixel: half a drawn pixel further
    counts = np.concatenate([np.zeros((len(masks), size, 1)), masks.cumsum(axis=2)], axis=2).astype(np.float32)
    best, value = np.zeros((len(masks), corners, 2)), np.full(len(masks), -1.0)
    turns = np.arange(ORIENTATIONS) * 2 * np.pi / (ORIENTATIONS * corners)
    for start in (_from_hull, _from_biggest_piece, *(partial(_from_moments, turn=turn) for turn in turns)):
        rest = np.flatnonzero(value < 1)
        if not len(rest):
            break
        begin = np.stack([start(mask, corners) for mask in masks[rest]])
        end, found = _search(begin, partial(_overlap, counts[rest], reach=reach), size, draw_size)
        better = found > value[rest]
        best[rest[better]], value[rest[better]] = end[better], found[better]
    vertices = (best + 0.5) / size
    return vertices, _drawn_overlap(masks, render(vertices))


def _drawn_overlap(masks, drawn):
    """Compute intersection over union (n,) of masks and drawn fits, both (n, H, H)."""
    drawn = binarise(drawn)
    if drawn.shape != masks.shape:
        raise ValueError(f"render gave shape {drawn.shape} for images of shape {masks.shape}: use one size for both")
    return (masks & drawn).sum(axis=(1, 2)) / (masks | drawn).sum(axis=(1, 2))


def _hull(mask):
    """Find the convex hull of a mask's pixel centres: corners (k, 2) as (x, y), by Andrew's monotone chain."""
    rows = np.flatnonzero(mask.any(axis=1))
    left, right = mask[rows].argmax(axis=1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    first, last = _chain(left.tolist(), rows.tolist(), 1), _chain(right.tolist(), rows.tolist(), -1)
    return np.array(sorted(set(first + last)), dtype=np.float64)


def _chain(xs, ys, sign):
    """Walk the convex chain down one side of the rows' ends; `sign` is 1 for the left ends, -1 for the right."""
    chain = []
    for x, y in zip(xs, ys, strict=True):
        while len(chain) > 1:
            (ax, ay), (bx, by) = chain[-2], chain[-1]
            if sign * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) < 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


@lru_cache(maxsize=64)
def _choices(count, corners):
    return np.array(list(combinations(range(count), corners)))


def _largest_polygon(hull, corners):
    """Find the largest-area polygon (corners, 2) on points of a hull; of too few of them some count twice."""
    if len(hull) < 3:
        return hull[[0, *[-1] * (corners - 1)]]
    if corners > 3:
        hull = _around(hull)
    if len(hull) <= corners:
        return hull[[*range(len(hull)), *[-1] * (corners - len(hull))]]
    candidates = hull[_choices(len(hull), corners)]
    return candidates[geometry.polygon_area(candidates).argmax()]


def _around(hull):
    """Put a hull's points in their order around it; of very many only some, as evenly spread."""
    way = hull - hull.mean(axis=0)
    around = hull[np.argsort(np.arctan2(way[:, 1], way[:, 0]))]
    return around[np.linspace(0, len(hull), min(len(hull), MOST_HULL), endpoint=False).astype(int)]


def _from_hull(mask, corners):
    return _largest_polygon(_hull(mask), corners)


def _from_biggest_piece(mask, corners):
    return _from_hull(_biggest_piece(mask), corners)


def _from_moments(mask, corners, turn):
    """Make a polygon with the mask's centre and second moments: a regular one, turned and stretched.

    A regular polygon of n corners and circumradius R has variance R^2 (2 + cos(2 pi / n)) / 12 along each axis, so a
    triangle R^2 / 8; a pixel adds its own 1/12.
    """
    points = np.argwhere(mask)[:, ::-1]
    spread, axes = np.linalg.eigh(np.cov(points.T, bias=True) + np.eye(2) / 12)
    angle = turn + np.arange(corners) * 2 * np.pi / corners
    regular = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    reach = round(12 / (2 + np.cos(2 * np.pi / corners)), 9)
    corner = points.mean(axis=0) + (regular * np.sqrt(reach * spread)) @ axes.T
    return corner.round().clip(0, len(mask) - 1)


def _biggest_piece(mask):
    """Keep the mask's largest 8-connected piece: a stray speck far away must not stretch the hull."""
    from scipy import ndimage

    labels, _ = ndimage.label(mask, EIGHT_CONNECTED)
    return labels == np.bincount(labels.ravel())[1:].argmax() + 1


def _search(start, score, size, draw_size):
    """Search by patterns: take the best move while one helps, else halve the step; (n, corners, 2) in pixel centres.

    After Hooke and Jeeves 1961, all moves and all images at once; a move is of one vertex or of all.
    Returns the polygons and their overlaps (n,).
    """
    finest = max(size / draw_size, 0.125)
    edge = 0.5 - 0.5 * size / draw_size  # a vertex lies on the canvas, in the middle of a drawn pixel at the outermost
    here, step = start.copy(), np.full(len(start), float(max(size // 8, 1)))
    value = score(np.arange(len(here)), here[:, None])[:, 0]
    while (active := np.flatnonzero((step >= finest) & (value < 1))).size:
        moved = here[active, None] + step[active, None, None, None] * _moves(start.shape[1])
        moved = moved.clip(-edge, size - 1 + edge)
        scores = score(active, moved)
        best = scores.argmax(axis=1)
        found = scores[np.arange(len(active)), best]
        better = found > value[active]
        here[active[better]] = moved[better, best[better]]
        value[active[better]] = found[better]
        step[active[~better]] /= 2
    return here, value


@lru_cache(maxsize=8)
def _moves(corners):
    """List the moves (8 corners + 8, corners, 2): each vertex, or all, one step to each of the eight neighbours."""
    ways = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y], dtype=np.float64)
    who = np.vstack([np.eye(corners), np.ones((1, corners))])
    return (who[:, None, :, None] * ways[None, :, None, :]).reshape(-1, corners, 2)


def _overlap(counts, which, candidates, reach):
    """Compute overlaps (n, m) of candidates (n, m, corners, 2) with the masks `which`; -1 for one that is not convex.

    `counts` (., size, size + 1) holds the running count of ink along each row of each mask.
    """
    size = counts.shape[1]
    first, last = _spans(candidates, size, reach)
    first, last = first.clip(0, size), (last + 1).clip(0, size)
    last = np.maximum(first, last)
    rows = counts[which]
    at = np.arange(len(which))[:, None, None], np.arange(size)
    inside = (rows[(*at, last)] - rows[(*at, first)]).sum(axis=-1)
    drawn = (last - first).sum(axis=-1)
    overlap = inside / (drawn + rows[:, None, :, -1].sum(axis=-1) - inside)
    return overlap if candidates.shape[2] == 3 else np.where(geometry.is_convex(candidates), overlap, -1.0)


def _spans(polygons, size, reach):
    """Find each row's first and last covered column, int64 (..., size).

    polygons: convex, (..., corners, 2) in pixel centres.

    As a scanline filler does it: a row takes in the columns whose centres lie within `reach` of its interval.
    An empty row has its first column after its last.
    """
    corner = polygons.astype(np.float32)[..., None]
    x, y = corner[..., 0, :], corner[..., 1, :]  # (..., corners, 1)
    dx, dy = np.roll(x, -1, axis=-2) - x, np.roll(y, -1, axis=-2) - y
    down = np.arange(size, dtype=np.float32) - y  # (..., corners, size)
    crossed = down * (down - dy) <= 0
    at = x + down * np.divide(dx, dy, out=np.zeros_like(dx), where=dy != 0)
    low = np.where(crossed, at, size).min(axis=-2)
    high = np.where(crossed, at, -1).max(axis=-2)
    return np.floor(low + 1 - reach).astype(np.int64), np.ceil(high - 1 + reach).astype(np.int64)


def features_of_polygons(vertices, corners):
    """Describe convex polygons (N, corners, 2): root of area, angles, perimeter, mean corner.

    float64 (N, corners + 4); the angles ascend. Rows of NaN vertices (blank images) are NaN.

    Raises:
        ValueError: vertices of another shape.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    if vertices.ndim != 3 or vertices.shape[1:] != (corners, 2):
        found = f"vertices have shape {vertices.shape}"
        raise ValueError(f"{found}, but (N, {corners}, 2) is needed: add or drop axes")
    root = np.sqrt(geometry.polygon_area(vertices))[:, None]
    perimeter = geometry.perimeter(vertices)[:, None]
    return np.hstack([root, geometry.angles(vertices), perimeter, vertices.mean(axis=1)])
