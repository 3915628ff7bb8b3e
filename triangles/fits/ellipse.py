"""Find ellipses in images by the moments of their ink, which are exact for a filled ellipse, and describe them.

The moments' ellipse is the first guess; a pattern search over its five numbers then moves them while the overlap of the
ellipse, drawn as the set was, grows.
"""

from functools import partial
from math import pi

import numpy as np

from triangles.kinds.ellipse import ELLIPSE, LONGEST, SHORTEST, half_extents
from triangles.kinds.kind import Fits
from triangles.pixels.ink import binarise

__all__ = ["FEATURES", "distance", "features", "fit"]

FEATURES = {
    "sqrt_area": ("square root of area", "sides", (0.0, np.sqrt(pi) / 2)),
    "elongation": ("long over short semi-axis, logarithm", "1", (0.0, np.log(LONGEST / SHORTEST))),
    "perimeter": ("perimeter", "sides", (0.0, pi)),
    "centroid_x": ("centroid, across", "sides", (0.0, 1.0)),
    "centroid_y": ("centroid, down", "sides", (0.0, 1.0)),
}
STEPS = 0.5, 0.25, 0.125  # px that a search moves the outline by
OUTLINE = 64  # points of the outline that distances are taken from, at least


def fit(images, render=None, draw_size=None):
    """Find the ellipse that overlaps each image best; return `Fits` with ellipses (N, 5).

    Args:
        images: (N, H, H), uint8 or floating in [0, 1]; what lies above one half is ink.
        render: ellipses (N, 5) -> uint8 (N, H, H), how the set under test was made; drawn at H px by default.
        draw_size: not needed, as an ellipse's outline does not depend on the canvas.
    """
    masks = binarise(images)
    size = masks.shape[1]
    render = render or partial(_drawn, size=size)
    ink = masks.sum(axis=(1, 2))
    filled = np.flatnonzero(ink)
    found, iou = np.full((len(masks), 5), np.nan), np.zeros(len(masks))
    if len(filled):
        found[filled] = [_search(mask, _from_moments(mask)) for mask in masks[filled]]
        iou[filled] = _overlap(masks[filled], binarise(render(found[filled])))
    return Fits(found, iou, ink)


def _drawn(ellipses, size):
    return np.stack([ELLIPSE.paint(one, size) for one in ellipses])


def _overlap(masks, drawn):
    return (masks & drawn).sum(axis=(-2, -1)) / np.maximum((masks | drawn).sum(axis=(-2, -1)), 1)


def _from_moments(mask):
    """Return the ellipse with a mask's centre and second moments: a filled one has variance a^2 / 4 along its axis."""
    size = len(mask)
    points = (np.argwhere(mask)[:, ::-1] + 0.5) / size
    spread, axes = np.linalg.eigh(np.cov(points.T, bias=True).reshape(2, 2))
    b, a = 2 * np.sqrt(spread.clip((0.25 / size) ** 2))
    return np.array([*points.mean(axis=0), a, b, np.arctan2(axes[1, 1], axes[0, 1]) / pi % 1])


def _search(mask, start):
    """Move one number at a time while the overlap of the plainly drawn ellipse grows: (5,)."""
    size = len(mask)
    best, value = start, _overlap(mask, ELLIPSE.paint(start, size) > 0)
    for step in STEPS:
        better = True
        while better and value < 1:
            ways = step / size * np.array([1, 1, 1, 1, 1 / (pi * max(best[2], best[3], 1 / size))])
            moved = np.concatenate([best + np.diag(ways), best - np.diag(ways)])
            moved[:, 2:4] = moved[:, 2:4].clip(0.25 / size, None)
            moved[:, 4] %= 1
            values = np.array([_overlap(mask, ELLIPSE.paint(one, size) > 0) for one in moved])
            better = values.max() > value
            if better:
                best, value = moved[values.argmax()], values.max()
    return best


def features(ellipses):
    """Compute the `FEATURES` of ellipses (N, 5): float64 (N, 5), a column each in their order; NaN for NaN.

    The perimeter is Ramanujan's, within 1e-5 of itself for these axes.
    """
    x, y, a, b = np.asarray(ellipses, np.float64).T[:4]
    with np.errstate(invalid="ignore"):
        long, short = np.maximum(a, b), np.minimum(a, b)
        perimeter = pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b)))
        return np.stack([np.sqrt(pi * a * b), np.log(long / short), perimeter, x, y], axis=1)


def distance(ellipses, size):
    """Measure signed distances in px, (N, size, size), of pixel centres from ellipses (N, 5); negative inside.

    From points of the outline, eight a pixel or more. Infinite for NaN.
    """
    return np.stack([_distance(one, size) for one in np.asarray(ellipses, np.float64)])


def _distance(one, size):
    from scipy.spatial import cKDTree

    if np.isnan(one).any():
        return np.full((size, size), np.inf)
    count = max(OUTLINE, int(np.ceil(8 * size * half_extents(one[None]).max() * 2)))
    turn = np.linspace(0, 2 * pi, count, endpoint=False)
    cos, sin = np.cos(pi * one[4]), np.sin(pi * one[4])
    u, v = one[2] * np.cos(turn), one[3] * np.sin(turn)
    outline = np.stack([one[0] + u * cos - v * sin, one[1] + u * sin + v * cos], axis=1) * size
    centres = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), axis=-1)
    gap, _ = cKDTree(outline).query(centres.reshape(-1, 2))
    within = ELLIPSE.paint(one, size) > 0
    return np.where(within, -1, 1) * gap.reshape(size, size)
