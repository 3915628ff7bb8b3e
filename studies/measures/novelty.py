"""Are images new? Distances on binarised images to the nearest training images, and among themselves.

Gray noise would hide a copy, so distances are between images as ink or no ink: the number of differing pixels,
whose square root is the Euclidean distance of the binary images.
"""

import numpy as np

from studies.measures.measure import Described, Measure, Ruler, beside, mean, rate_upper_bound

__all__ = ["CLOSE", "RULER", "distance_ratio", "identical", "nearest_others", "nearest_two"]

CLOSE = 1 / 3  # nearest over second nearest training image: below it an image counts as memorised

CHUNK = 500


def nearest_two(ink, training):
    """Differing pixels to the nearest and the second nearest training image: two int64 (N,).

    ink, training: bool (N, H, W) and (M, H, W), M >= 2.
    """
    if len(training) < 2 or training.shape[1:] != ink.shape[1:]:
        raise ValueError(
            f"training images have shape {training.shape}, the images {ink.shape}; at least 2 of one size are needed"
        )
    two = [np.partition(rows, 1, axis=1)[:, :2] for _, rows in _differences(ink, training)]
    return tuple(np.concatenate([np.zeros((0, 2), dtype=np.int64), *two]).T)


def nearest_others(ink):
    """Differing pixels to the nearest other image of the same set: float64 (N,); NaN where there is no other."""
    if len(ink) < 2:
        return np.full(len(ink), np.nan)
    nearest = []
    for start, rows in _differences(ink, ink):
        rows[np.arange(len(rows)), np.arange(start, start + len(rows))] = np.iinfo(np.int64).max
        nearest.append(rows.min(axis=1))
    return np.concatenate(nearest).astype(np.float64)


def identical(images):
    """Tell whether another image of the set is the same in every pixel, at a file's 256 levels: bool (N,).

    images: float in [0, 1], (N, H, W). Blank images count: one black image twice is no two images.
    """
    levels = np.rint(np.asarray(images, np.float64) * 255).astype(np.uint8).reshape(len(images), -1)
    _, which, count = np.unique(levels, axis=0, return_inverse=True, return_counts=True)
    return count[which.ravel()] > 1


def distance_ratio(nearest, second):
    """Euclidean distance to the nearest over that to the second nearest training image, in [0, 1]: (N,).

    A ratio under 1/3 marks a memorised image (Yoon et al. 2023, "Diffusion probabilistic models generalize
    when they fail to memorize"). 0 for an exact copy, whether or not the training set holds it twice.
    """
    nearest, second = np.asarray(nearest, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return np.sqrt(np.divide(nearest, second, out=np.zeros_like(nearest), where=second > 0))


def _differences(ink, others):
    """Chunks (first row, int64 (n, M)) of pairwise counts of differing pixels.

    |a xor b| = |a| + |b| - 2 a.b, one float32 matrix product: exact, since all counts are far below 2^24.
    """
    right = others.reshape(len(others), -1).astype(np.float32)
    right_ink = right.sum(axis=1)
    for start in range(0, len(ink), CHUNK):
        left = ink[start : start + CHUNK].reshape(-1, right.shape[1]).astype(np.float32)
        rows = left.sum(axis=1)[:, None] + right_ink - 2 * (left @ right.T)
        yield start, rows.astype(np.int64)


MEASURES = {
    "nearest_other": Described("pixels that differ from the nearest other image", "px"),
    "identical_share": Described("images the same as another in every pixel, share", "share", (0, 1), "low"),
    "repeated_share": Described("images with the same ink as another, share of those with ink", "share", (0, 1), "low"),
    "nearest_training": Described("pixels that differ from the nearest training image", "px"),
    "copy_share": Described("copies of a training image, share of images with ink", "share", (0, 1), "low"),
    "copy_upper_bound": Described("copies of a training image, 95% upper bound", "share", (0, 1), "low"),
    "memorised_share": Described("memorised training images, share of images with ink", "share", (0, 1), "low"),
    "memorised_upper_bound": Described("memorised training images, 95% upper bound", "share", (0, 1), "low"),
}


def take_columns(images) -> dict:
    """Return which images repeat another, and how near the nearest others and training images are: {name: (N,)}."""
    columns = {"identical": identical(images.values_in_unit), "nearest_other": nearest_others(images.ink)}
    if images.train is not None:
        columns["nearest"], columns["second_nearest"] = nearest_two(images.ink, images.training_ink)
    return columns


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return novelty of samples beside that of the real images: of images with ink, but `identical_share` of all."""
    rows = beside(_distinct(table), _distinct(real_table))
    if "nearest" in table and "nearest" in real_table:
        rows += beside(_new(table), _new(real_table))
    return rows


def _distinct(table) -> list[Measure]:
    some = table[table.ink > 0]
    return [
        mean("nearest_other", some.nearest_other, "px"),
        mean("identical_share", table.identical, "share"),
        mean("repeated_share", some.nearest_other[some.nearest_other.notna()] == 0, "share"),
    ]


def _new(table) -> list[Measure]:
    some = table[table.ink > 0]
    copied = some.nearest == 0
    close = distance_ratio(some.nearest, some.second_nearest) < CLOSE
    return [
        mean("nearest_training", some.nearest, "px"),
        mean("copy_share", copied, "share"),
        Measure("copy_upper_bound", rate_upper_bound(int(copied.sum()), len(some)), "share", len(some)),
        mean("memorised_share", close, "share"),
        Measure("memorised_upper_bound", rate_upper_bound(int(close.sum()), len(some)), "share", len(some)),
    ]


RULER = Ruler(MEASURES, take_columns, summarise)
