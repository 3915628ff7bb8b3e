"""Are images new? Distances on binarised images to the nearest training images, and among themselves.

Gray noise would hide a copy, so distances are between images as ink or no ink: the number of differing pixels,
whose square root is the Euclidean distance of the binary images.
"""

import numpy as np

__all__ = ["distance_ratio", "identical", "nearest_others", "nearest_two"]

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
    """Whether another image of the set is the same in every pixel, at the 256 levels of a file: bool (N,).

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
