"""How noisy is an image: gray pixels, what lies off the fitted triangle, how soft its edge is, how many pieces.

Pure functions, arrays to one number an image. Images are float (N, H, H) in [0, 1], 0 outside and 1 inside.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

__all__ = ["background", "components", "distance_to_triangle", "edge_widths", "gray_shares"]

CLEARLY_GRAY = 9, 246  # of 0..255: more than 8 levels from both, as `triangles.datasets.facts` counts them
FAR = 2.0  # px from the fit: beyond the soft edge of a 720 px drawing brought down to 32 px
DEEP = 1.0  # px inside the fit: 2 px would leave nothing of most triangles at 32 px
EDGE_REACH = 5  # px on both sides of the contour that an edge profile covers
PER_STEP = 8  # points on each of a contour's steps, which are shorter than 1.5 px
EIGHT_CONNECTED = np.ones((3, 3), dtype=bool)
WITHIN_FAR = np.hypot(*np.mgrid[-FAR : FAR + 1, -FAR : FAR + 1]) <= FAR  # a disk of pixels


def gray_shares(images):
    """Share of pixels that are neither 0 nor 255, and share clearly gray (9..246), as 8-bit values: two (N,).

    Both are in [0, 1]. Images are rounded to 8 bits first, as they would be stored.
    """
    values = np.rint(np.asarray(images) * 255)
    low, high = CLEARLY_GRAY
    gray = (values > 0) & (values < 255)
    clearly = (values >= low) & (values <= high)
    return gray.mean(axis=(1, 2)), clearly.mean(axis=(1, 2))


def background(images, vertices):
    """What lies off the fit, per image, as root mean squares in [0, 1]: three (N,) arrays.

    residual: of the values more than 2 px outside the fitted triangle, where a clean image is 0;
    haze: of the same without ink (above one half) and what lies within 2 px of any, so that neither stray pieces count
    nor the soft edges of what is no triangle, only gray in the open;
    inside: of 1 - value more than 1 px inside the fitted triangle, where a clean image is 1.

    NaN where no pixel qualifies. `vertices` (N, 3, 2) in the unit square; NaN (no fit) makes all of the
    image background.
    """
    distance = distance_to_triangle(vertices, images.shape[1])
    outside = distance > FAR
    residual = _root_mean_square(images, outside)
    near_ink = ndimage.binary_dilation(images > 0.5, WITHIN_FAR[None])
    haze = _root_mean_square(images, outside & ~near_ink)
    return residual, haze, _root_mean_square(1 - images, distance < -DEEP)


def _root_mean_square(values, where):
    count = where.sum(axis=(1, 2))
    total = np.where(where, np.square(values, dtype=np.float64), 0).sum(axis=(1, 2))
    mean = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return np.sqrt(mean)


def distance_to_triangle(vertices, size):
    """Signed distance in px, (N, size, size), of pixel centres from triangles (N, 3, 2); negative inside.

    Infinite where the vertices are NaN. A flat triangle has no inside.
    """
    corners = np.asarray(vertices, dtype=np.float64) * size
    centres = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), axis=-1)  # (size, size, 2) as (x, y)
    nearest = np.full((len(corners), size, size), np.inf)
    left = np.ones(nearest.shape, dtype=bool)
    right = left.copy()
    for i in range(3):
        a, side = corners[:, i, None, None], (corners[:, (i + 1) % 3] - corners[:, i])[:, None, None]
        to = centres - a
        cross = side[..., 0] * to[..., 1] - side[..., 1] * to[..., 0]
        left &= cross > 0
        right &= cross < 0
        length = np.square(side).sum(axis=-1)
        along = np.divide((to * side).sum(axis=-1), length, out=np.zeros_like(cross), where=length > 0)
        gap = np.linalg.norm(to - along.clip(0, 1)[..., None] * side, axis=-1)
        nearest = np.fmin(nearest, gap)  # fmin: a NaN triangle stays infinitely far
    return np.where(left | right, -nearest, nearest)


def edge_widths(images):
    """The distance in px over which each image falls from 0.9 to 0.1 across its own contour at one half: (N,).

    A falling curve is fitted to the pixels' values over their distance from the contour (isotonic regression), and its
    levels are interpolated. A Gaussian blur of sigma >= 0.5 px gives 2.56 sigma within 10% where the shape is large
    beside it (a triangle 9 px wide and sigma 1.5: 18% more), an image without any gray 0.6 to 0.8 px, by the slant.
    NaN where the levels aren't reached within 5 px (thin shapes, blank or full images).
    """
    return np.array([_edge_width(image) for image in images], dtype=np.float64)


def _edge_width(image):
    from skimage.measure import find_contours
    from sklearn.isotonic import IsotonicRegression

    contours = find_contours(image, 0.5) if min(image.shape) > 1 else []
    if not contours:
        return np.nan
    distance, value = _across(image, contours)
    level = IsotonicRegression(increasing=False).fit_transform(distance, value)
    if level[0] < 0.9 or level[-1] > 0.1:
        return np.nan
    return np.interp(-0.1, -level, distance) - np.interp(-0.9, -level, distance)


def _across(image, contours):
    """Signed distances in px from the contours, ascending, negative inside, of the pixels near them; their values."""
    between = np.linspace(0, 1, PER_STEP, endpoint=False)[:, None, None]
    points = [(line[:-1] + between * np.diff(line, axis=0)).reshape(-1, 2) for line in contours]
    reach = {"distance_upper_bound": EDGE_REACH}  # what lies farther is infinitely far
    distance, _ = cKDTree(np.concatenate(points)).query(np.indices(image.shape).reshape(2, -1).T, **reach)
    value = image.ravel()
    distance = np.where(value > 0.5, -distance, distance)
    order = np.argsort(distance, kind="stable")
    order = order[np.isfinite(distance[order])]
    return distance[order], value[order]


def components(ink):
    """Number of 8-connected pieces of each mask: int64 (N,) from bool (N, H, W); 0 where blank."""
    return np.array([ndimage.label(mask, EIGHT_CONNECTED)[1] for mask in ink], dtype=np.int64)
