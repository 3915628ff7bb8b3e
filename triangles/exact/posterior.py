"""Compute what is exactly true of noised triangles: E[x_0 | x_t] and the evidence of x_t.

The set that `draw` makes at n px is finite: each ordered triple of pixels is equally likely, and many give the same
image. Let S be the sum of x_t over the white pixels of x_0, which is +1 there and -1 elsewhere. Then

    log q(x_t | x_0) = 2 sqrt(abar) / (1 - abar) S + what does not depend on x_0

S is a sum over rows, and images share theirs: at 16 px, 2.6 million images have 750,000 different upper halves, these
90,000 different upper quarters, and so on. So S is summed once for each different part. An image's weight is the
product of its halves' weights, so all weights are summed as u^T P v, with P_ij the probability of the image whose
halves are i and j. The posterior mean follows the same way back: each half passes its weight on to its parts.

At 32 px there are 173 million images, and in this form they would need about 11 GB: `triangles.exact.canvas` sums over
edges there and holds none.

`diffusion.denoising.finite` computes the same posterior in float32, for many x_t of many abar on a device. It keeps an
algorithm of its own: neither package may import the other, and products of matrices suit a device better.
"""

from concurrent.futures import ThreadPoolExecutor
from math import log, pi, sqrt

import numpy as np

from triangles.exact.images import hash_images

__all__ = ["Finite", "Posterior"]

LOWEST = -150.0  # log weight of a quarter below the largest; four of them and a probability are still above 1e-308
RELIABLE = -100.0  # log of the summed weights, above which what lies at `LOWEST` is under e^-50 of them


class Posterior:
    """The posterior over a finite distribution of black and white images; subclasses sum over them by `_weigh`.

    shape: (H, W).
    """

    def denoise(self, xt, abar, cores=1, progress=None):
        """Return E[x_0 | x_t], float64 (N, H, W) in [-1, 1], of x_t (N, H, W); abar in (0, 1), one for all.

        cores: how many x_t are summed at once, in threads. progress: called with 1 after each.
        """
        return self._sum_up(xt, abar, cores, progress)[0]

    def log_evidence(self, xt, abar, cores=1, progress=None):
        """Return log q(x_t), natural and per image, float64 (N,); see `denoise`."""
        return self._sum_up(xt, abar, cores, progress)[1]

    def _sum_up(self, xt, abar, cores, progress):
        xt, parts = self._check(xt, abar), []
        with ThreadPoolExecutor(cores) as pool:
            for part in pool.map(self._weigh, xt * (2 * sqrt(abar) / (1 - abar))):
                parts.append(part)
                if progress:
                    progress(1)
        white, log_total = (np.stack(part) for part in zip(*parts, strict=True))
        square, plain = np.square(xt).sum(axis=(1, 2)), xt.sum(axis=(1, 2))
        pixels = self.shape[0] * self.shape[1]
        outside = (square + 2 * sqrt(abar) * plain + abar * pixels) / (2 * (1 - abar))
        evidence = log_total - outside - pixels / 2 * log(2 * pi * (1 - abar))
        return np.clip(2 * white - 1, -1, 1), evidence

    def _check(self, xt, abar):
        xt = np.asarray(xt, np.float64)
        if xt.ndim != 3 or xt.shape[1:] != self.shape or not len(xt) or not np.isfinite(xt).all():
            rows, columns = self.shape
            raise ValueError(f"x_t has shape {xt.shape}: finite numbers (N, {rows}, {columns}) are needed")
        if not 0 < abar < 1:
            raise ValueError(f"abar is {abar}: it must lie in (0, 1)")
        return xt


class Finite(Posterior):
    """A finite distribution of black and white images, and the posterior over it.

    Args:
        images: bool (M, H, W), each once. counts: (M,), how often each comes.

    Raises:
        ValueError: no images, or counts of another length or not above 0.
    """

    def __init__(self, images, counts=None):
        images = np.asarray(images, bool)
        counts = np.ones(len(images)) if counts is None else np.asarray(counts, np.float64)
        if images.ndim != 3 or not len(images) or counts.shape != images.shape[:1] or not (counts > 0).all():
            raise ValueError(f"images {images.shape} and counts {counts.shape}: (M, H, W) and (M,) above 0 are needed")
        self.shape, self.probabilities = images.shape[1:], counts / counts.sum()
        self._upper, self._lower, self._joint = _halve(images, self.probabilities)
        self._joint_from_below = self._joint.T.tocsr()  # a third faster than its transpose, for 30 MB at 16 px

    @property
    def entropy(self):
        """Return the entropy of an image, in bits."""
        return float(-(self.probabilities * np.log2(self.probabilities)).sum())

    def _weigh(self, scaled):
        """Return the mean mask (H, W) and the log of the summed weights, of x_t times the slope, (H, W)."""
        upper, upper_log = self._upper.multiply(scaled)
        lower, lower_log = self._lower.multiply(scaled)
        of_upper = self._joint @ lower
        of_upper *= upper
        total = of_upper.sum()
        if not total > np.exp(RELIABLE):
            return self._weigh_in_logs(scaled)
        of_lower = self._joint_from_below @ upper
        of_lower *= lower
        return self._spread(of_upper, of_lower) / total, upper_log + lower_log + np.log(total)

    def _weigh_in_logs(self, scaled):
        """Do as `_weigh` does, image by image: the likeliest halves do not make an image, nor anything near one."""
        first, second = self._joint.tocoo().coords
        logs = self._upper.add(scaled)[first] + self._lower.add(scaled)[second] + np.log(self._joint.data)
        largest = logs.max()
        weights = np.exp(logs - largest)
        total = weights.sum()
        of_halves = (np.bincount(which, weights) for which in (first, second))
        return self._spread(*of_halves) / total, largest + np.log(total)

    def _spread(self, of_upper, of_lower):
        white = np.zeros(self.shape)
        self._upper.spread(of_upper, white)
        self._lower.spread(of_lower, white)
        return white


class _Rows:
    """The different patterns of a row, or of none. rows: list of int; masks: (n, pixels)."""

    def __init__(self, rows, masks):
        self.rows, self.masks = rows, masks.astype(np.float64)

    def __len__(self):
        return len(self.masks)

    def add(self, scaled):
        """Return the sum over the white pixels of each pattern, (n,)."""
        return self.masks @ scaled[self.rows].ravel()

    def spread(self, weights, white):
        """Add the patterns' weights (n,) to their white pixels, in place."""
        white[self.rows] += (weights @ self.masks).reshape(white[self.rows].shape)


class _Pairs:
    """Different patterns that consist of two parts each, sorted by the one that is nearer to the middle of the image.

    near, far: the different parts. which_near, which_far: (n,), which of these each pattern has.
    """

    def __init__(self, near, far, which_near, which_far):
        from scipy.sparse import csr_array

        self.near, self.far, self.which_near, self.which_far = near, far, which_near, which_far
        places = np.arange(len(which_near), dtype=np.int32)
        starts = np.searchsorted(which_near, np.arange(len(near) + 1)).astype(np.int32)
        self._to_near = csr_array((np.ones(len(places)), places, starts))  # numpy sums runs more slowly

    def __len__(self):
        return len(self.which_near)

    def add(self, scaled):
        """Return the sum over the white pixels of each pattern, (n,)."""
        sums = self.near.add(scaled)[self.which_near]
        sums += self.far.add(scaled)[self.which_far]
        return sums

    def multiply(self, scaled):
        """Return the weights of the patterns, exp of their sums: (n,) in (0, 1] and the log of what they are over."""
        (near, near_log), (far, far_log) = (_exponentiate(part.add(scaled)) for part in (self.near, self.far))
        weights = near[self.which_near]
        weights *= far[self.which_far]
        return weights, near_log + far_log

    def spread(self, weights, white):
        """Add the patterns' weights (n,) to their white pixels, in place."""
        self.near.spread(self._to_near @ weights, white)
        self.far.spread(np.bincount(self.which_far, weights), white)


def _exponentiate(logs):
    """Take exp, in place, of logs relative to the largest, which is returned too; none is so small as to be slow."""
    largest = logs.max()
    logs -= largest
    np.maximum(logs, LOWEST, out=logs)
    return np.exp(logs, out=logs), largest


def _halve(images, probabilities):
    """Return the different upper and lower halves of images, and a sparse matrix: the probability of each pair.

    Patterns are sorted by their rows from the middle outwards: patterns that meet there stand together in memory, so
    that sums over pairs find them in the cache.
    """
    from scipy.sparse import csr_array

    packed, middle, width = np.packbits(images, axis=2), images.shape[1] // 2, images.shape[2]
    upper, of_upper = _pair(packed, width, list(range(middle))[::-1])
    lower, of_lower = _pair(packed, width, list(range(middle, images.shape[1])))
    which = of_upper.astype(np.int32), of_lower.astype(np.int32)  # half as much to read as int64
    joint = csr_array((probabilities, which), (len(upper), len(lower)))
    joint.sort_indices()
    return upper, lower, joint


def _pair(packed, width, rows):
    """Return the different patterns of rows, from the middle outwards, as `_Pairs`, and which of them each image has.

    packed: (n, H, bytes); width: in px; rows: list of int.
    """
    first, which = _merge(packed[:, rows])
    packed, middle = packed[first], len(rows) // 2
    near, which_near = _divide(packed, width, rows[:middle])
    far, which_far = _divide(packed, width, rows[middle:])
    order = np.lexsort((which_far, which_near))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return _Pairs(near, far, which_near[order], which_far[order]), place[which]


def _divide(packed, width, rows):
    """Do as `_pair` does, or list the patterns of a single row."""
    if len(rows) > 1:
        return _pair(packed, width, rows)
    first, which = _merge(packed[:, rows])
    masks = np.unpackbits(packed[first][:, rows], axis=2, count=width).reshape(len(first), -1)
    order = np.lexsort([np.zeros(len(first)), *masks.T[::-1]])  # of no row at all there is one pattern
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return _Rows(rows, masks[order]), place[which]


def _merge(packed):
    """Return the place of the first of each different pattern, packed in bits, and which pattern each image has."""
    flat = np.ascontiguousarray(packed).reshape(len(packed), packed.shape[1] * packed.shape[2])
    _, first, which = np.unique(hash_images(flat), return_index=True, return_inverse=True)
    if not np.array_equal(flat[first[which]], flat):  # two patterns with one key
        _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    return first, which.ravel()
