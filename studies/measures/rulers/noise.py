"""How noisy is an image: gray pixels, what lies off the fitted shape, how soft its edge is, how many pieces.

Images are float (N, H, H) in [0, 1], 0 outside and 1 inside.
"""

import numpy as np

from studies.measures.measure import SMALL, Described, Measure, Ruler, beside, mean

__all__ = ["RULER", "background", "components", "edge_widths", "gray_shares"]

CLEARLY_GRAY = 9, 246  # of 0..255: more than 8 levels from both, as `triangles.datasets.facts` counts them
FAR = 2.0  # px from the fit: beyond the soft edge of a 720 px drawing brought down to 32 px
DEEP = 1.0  # px inside the fit: 2 px would leave nothing of most triangles at 32 px
EDGE_REACH = 5  # px on both sides of the contour that an edge profile covers
PER_STEP = 8  # points on each of a contour's steps, which are shorter than 1.5 px
EIGHT_CONNECTED = np.ones((3, 3), dtype=bool)
WITHIN_FAR = np.hypot(*np.mgrid[-FAR : FAR + 1, -FAR : FAR + 1]) <= FAR  # a disk of pixels


def gray_shares(images):
    """Return the share of pixels that are neither 0 nor 255, and the share clearly gray (9..246): two (N,).

    Both are in [0, 1]. Images are rounded to 8 bits first, as they would be stored.
    """
    values = np.rint(np.asarray(images) * 255)
    low, high = CLEARLY_GRAY
    gray = (values > 0) & (values < 255)
    clearly = (values >= low) & (values <= high)
    return gray.mean(axis=(1, 2)), clearly.mean(axis=(1, 2))


def background(images, distance):
    """Measure what lies off the fit, per image, as root mean squares in [0, 1]: three (N,) arrays.

    residual: of the values more than 2 px outside the fitted shape, where a clean image is 0;
    haze: of the same without ink (above one half) and what lies within 2 px of any, so that neither stray pieces count
    nor the soft edges of what is no triangle, only gray in the open;
    inside: of 1 - value more than 1 px inside the fitted shape, where a clean image is 1.

    NaN where no pixel qualifies. distance: signed distance in px of each pixel's centre from the fitted shape,
    (N, H, H), negative inside; infinite where there is no fit, which makes all of the image background.
    """
    from scipy import ndimage

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


def edge_widths(images):
    """Measure the distance in px over which each image falls from 0.9 to 0.1 across its own contour at one half: (N,).

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
    from scipy.spatial import cKDTree

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
    """Count the 8-connected pieces of each mask: int64 (N,) from bool (N, H, W); 0 where blank."""
    from scipy import ndimage

    return np.array([ndimage.label(mask, EIGHT_CONNECTED)[1] for mask in ink], dtype=np.int64)


GRAY = "gray more than 2 px off the shape"
MEASURES = {
    "gray_share": Described("pixels neither black nor white, share", "share", (0, 1), "low"),
    "clearly_gray_share": Described("pixels clearly gray, share", "share", (0, 1), "low"),
    "background_rms": Described("all that lies more than 2 px off the shape, RMS", "1", (0, 1), "low"),
    "background_haze": Described(f"haze: {GRAY} and any ink, RMS", "1", (0, 1), "low"),
    "inside_rms": Described("what is missing inside the shape, RMS", "1", (0, 1), "low"),
    "edge_width": Described("width of the edge", "px", better="low"),
    "components": Described("pieces", "count"),
    "one_piece_share": Described("images in one piece, share of those with ink", "share", (0, 1), "high"),
}
CHUNK = 500  # images: keeps the distances within tens of megabytes


def take_columns(images) -> dict:
    """Return gray shares, noise off the fit, edge widths and pieces: {name: (N,)}."""
    gray, clearly_gray = gray_shares(images.gray)
    columns = {"components": components(images.ink), "gray": gray, "clearly_gray": clearly_gray}
    return columns | _off_the_fit(images) | {"edge_width": edge_widths(images.gray)}


def _off_the_fit(images) -> dict:
    if images.fits is None or images.kind.distance is None:
        return {}
    values, fits, size = images.gray, images.fits.parameters, images.gray.shape[1]
    chunks = [slice(start, start + CHUNK) for start in range(0, len(values), CHUNK)]
    parts = [background(values[c], images.kind.distance(fits[c], size)) for c in chunks]
    names = ("background_rms", "background_haze", "inside_rms")
    return dict(zip(names, np.concatenate(parts, axis=1), strict=True))


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return the noise of samples beside that of the real images; off the fit of those with enough ink."""
    return beside(_noise(table), _noise(real_table), excess=True)


def _noise(table) -> list[Measure]:
    large, some = table[table.ink >= SMALL], table[table.ink > 0]
    off_the_fit = [name for name in ("background_rms", "background_haze", "inside_rms") if name in table]
    return [
        mean("gray_share", table.gray, "share"),
        mean("clearly_gray_share", table.clearly_gray, "share"),
        *[mean(name, large[name], "1") for name in off_the_fit],
        mean("edge_width", table.edge_width, "px"),
        mean("components", table.components, "count"),
        mean("one_piece_share", some.components == 1, "share"),
    ]


RULER = Ruler(MEASURES, take_columns, summarise)
