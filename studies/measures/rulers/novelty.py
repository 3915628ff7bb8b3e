"""Are images new? Distances on binarised images to the nearest training images, and among themselves.

Gray noise would hide a copy, so distances are between images as ink or no ink: the number of differing pixels,
whose square root is the Euclidean distance of the binary images.

A copy with bent edges is no nearer to its original than a new picture is to some training image. But it is nearer to
the training set than to a fresh set as large, and a new picture is as often nearer to the one as to the other: the test
of Meehan, Chaudhuri and Dasgupta (2020, "A non-parametric test to detect data-copying in generative models"), with a
fresh set in the place of their test set. Table `power` says how many such copies it finds.
"""

import numpy as np

from studies.measures.measure import SMALL, Described, Measure, Ruler, beside, mean, rate_upper_bound

__all__ = [
    "CLOSE",
    "RULER",
    "copied_share",
    "distance_ratio",
    "identical",
    "nearest_others",
    "nearest_rms",
    "nearest_two",
]

CLOSE = 1 / 3  # nearest over second nearest training image: below it an image counts as memorised

LEVELS = 2 / 255  # below this root mean square two images are the same whatever their set's haze: rounding
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


def nearest_rms(images):
    """Root mean square of the difference from the nearest other image of the set: float64 (N,); NaN where alone.

    images: float in [0, 1], (N, H, W) or (N, H, W, 3). Blank images count: one black image twice is no two images.
    """
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    if len(flat) < 2:
        return np.full(len(flat), np.nan)
    square, nearest = np.square(flat).sum(axis=1), []
    for start in range(0, len(flat), CHUNK):
        rows = square[start : start + CHUNK, None] + square - 2 * (flat[start : start + CHUNK] @ flat.T)
        rows[np.arange(len(rows)), np.arange(start, start + len(rows))] = np.inf
        nearest.append(rows.min(axis=1))
    return np.sqrt(np.concatenate(nearest).clip(0) / flat.shape[1])


def copied_share(nearest, fresh):
    """Estimate the share of copies: how much more often images lie nearer to the training set than to a fresh one.

    nearest, fresh: differing pixels to the nearest image of either, (N,). In [-1, 1]: 0 is expected of new pictures,
    and at most c where a share c are copies. NaN for no image.
    """
    sign = np.sign(np.asarray(fresh, np.float64) - np.asarray(nearest, np.float64))
    return float(sign.mean()) if len(sign) else np.nan


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
    "same_share": Described("images the same as another but for haze, share", "share", (0, 1), "low"),
    "repeated_share": Described("images with the same ink as another, share of those with ink", "share", (0, 1), "low"),
    "nearest_training": Described("pixels that differ from the nearest training image", "px"),
    "copy_share": Described("copies of a training image, share of images with ink", "share", (0, 1), "low"),
    "copied_share": Described(
        "images nearer to the training set than to a fresh one, excess share", "share", (-1, 1), "low"
    ),
    "copy_upper_bound": Described("copies of a training image, 95% upper bound", "share", (0, 1), "low"),
    "memorised_share": Described("memorised training images, share of images with ink", "share", (0, 1), "low"),
    "memorised_upper_bound": Described("memorised training images, 95% upper bound", "share", (0, 1), "low"),
}


def take_columns(images) -> dict:
    """Return which images repeat another, and how near the nearest others and training images are: {name: (N,)}."""
    columns = {"identical": identical(images.values_in_unit), "nearest_other": nearest_others(images.ink)}
    columns["nearest_rms"] = nearest_rms(images.values_in_unit)
    if images.train is not None:
        columns["nearest"], columns["second_nearest"] = nearest_two(images.ink, images.training_ink)
    if images.fresh_ink is not None:
        columns["nearest_fresh"], _ = nearest_two(images.ink, images.fresh_ink)
    return columns


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return novelty of samples beside that of the real images: of images with ink, but what is the same of all."""
    alike = _tell_alike(real_table)
    rows = beside(_distinct(table, alike), _distinct(real_table, alike))
    if "nearest" in table and "nearest" in real_table:
        rows += beside(_new(table), _new(real_table))
    return rows


def _tell_alike(real_table) -> float:
    """Return the root mean square below which two images are the same: what the haze of two real ones differs by."""
    haze = real_table.background_haze[real_table.ink >= SMALL] if "background_haze" in real_table else np.zeros(1)
    return max(LEVELS, np.sqrt(2) * float(np.nan_to_num(np.mean(haze))))


def _distinct(table, alike) -> list[Measure]:
    some = table[table.ink > 0]
    return [
        mean("nearest_other", some.nearest_other, "px"),
        mean("identical_share", table.identical, "share"),
        mean("same_share", table.nearest_rms[table.nearest_rms.notna()] <= alike, "share"),
        mean("repeated_share", some.nearest_other[some.nearest_other.notna()] == 0, "share"),
    ]


def _new(table) -> list[Measure]:
    some = table[table.ink > 0]
    exact = some.nearest == 0
    close = distance_ratio(some.nearest, some.second_nearest) < CLOSE
    copied = [] if "nearest_fresh" not in table else [_count_copied(some)]
    return [
        mean("nearest_training", some.nearest, "px"),
        mean("copy_share", exact, "share"),
        *copied,
        Measure("copy_upper_bound", rate_upper_bound(int(exact.sum()), len(some)), "share", len(some)),
        mean("memorised_share", close, "share"),
        Measure("memorised_upper_bound", rate_upper_bound(int(close.sum()), len(some)), "share", len(some)),
    ]


def _count_copied(some) -> Measure:
    return Measure("copied_share", copied_share(some.nearest, some.nearest_fresh), "share", len(some))


RULER = Ruler(MEASURES, take_columns, summarise)
