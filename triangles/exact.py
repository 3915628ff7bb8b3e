"""Compute what is exactly true of noised triangles: E[x_0 | x_t], the evidence of x_t, and the entropy of the images.

The set that `draw` makes at n px is finite: each ordered triple of pixels is equally likely, and many give the same
image. Let S be the sum of x_t over the white pixels of x_0, which is +1 there and -1 elsewhere. Then

    log q(x_t | x_0) = 2 sqrt(abar) / (1 - abar) S + what does not depend on x_0

so all log weights are products of x_t with the images' masks. Images are taken together where they are equal, and a
mask is as large as the box around its white pixels. Sums run in float64 from box to box.
"""

from functools import cache
from math import log, pi, sqrt

import numpy as np

from triangles.kinds.polygons import draw_many

__all__ = ["LARGEST", "Finite", "denoise", "entropy", "enumerate_images", "every", "log_evidence"]

LARGEST = 16  # px; drawing every triple grows with size^6
SECONDS = 20  # of drawing them all at the largest size
BLOCK = 2  # px that the sides of boxes are rounded up to, so that boxes are few
AT_ONCE = 2**16  # log weights in a product: they stay in the cache
NEGLIGIBLE = 60.0  # below the largest log weight: all of 16 px together are then under 1e-19 of it


class Finite:
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
        self._boxes = list(_box(images, np.log(self.probabilities)))

    @property
    def entropy(self):
        """Return the entropy of an image, in bits."""
        return float(-(self.probabilities * np.log2(self.probabilities)).sum())

    def denoise(self, xt, abar):
        """Return E[x_0 | x_t], float64 (N, H, W) in [-1, 1], of x_t (N, H, W); abar in (0, 1), one for all."""
        return self._sum_up(xt, abar)[0]

    def log_evidence(self, xt, abar):
        """Return log q(x_t), natural and per image, float64 (N,)."""
        return self._sum_up(xt, abar)[1]

    def _sum_up(self, xt, abar):
        xt, step = self._check(xt, abar), 64
        parts = [self._posterior(xt[start : start + step], abar) for start in range(0, len(xt), step)]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _posterior(self, xt, abar):
        """Sum weights and weighted masks relative to the largest weight so far, which is raised as larger ones come."""
        count, pixels = len(xt), self.shape[0] * self.shape[1]
        largest, total, white = np.full(count, -np.inf), np.zeros(count), np.zeros(xt.shape)
        for (rows, columns), masks, log_prior in self._boxes:
            cut = np.ascontiguousarray(xt[:, rows, columns]).reshape(count, -1) * (2 * sqrt(abar) / (1 - abar))
            step = max(1, AT_ONCE // count)
            for start in range(0, len(masks), step):
                mask = masks[start : start + step].astype(np.float64)
                weights = cut @ mask.T
                weights += log_prior[start : start + step]
                before, largest = largest, np.maximum(largest, weights.max(axis=1))
                if (largest > before).any():
                    scale = np.exp(before - largest)
                    total *= scale
                    white *= scale[:, None, None]
                weights -= largest[:, None]
                if weights.max() < -NEGLIGIBLE:
                    continue
                np.exp(weights, out=weights)
                total += weights.sum(axis=1)
                white[:, rows, columns] += (weights @ mask).reshape(count, *white[0, rows, columns].shape)
        square, plain = np.square(xt).sum(axis=(1, 2)), xt.sum(axis=(1, 2))
        outside = (square + 2 * sqrt(abar) * plain + abar * pixels) / (2 * (1 - abar))
        evidence = largest + np.log(total) - outside - pixels / 2 * log(2 * pi * (1 - abar))
        return np.clip(2 * white / total[:, None, None] - 1, -1, 1), evidence

    def _check(self, xt, abar):
        xt = np.asarray(xt, np.float64)
        if xt.ndim != 3 or xt.shape[1:] != self.shape or not len(xt) or not np.isfinite(xt).all():
            rows, columns = self.shape
            raise ValueError(f"x_t has shape {xt.shape}: finite numbers (N, {rows}, {columns}) are needed")
        if not 0 < abar < 1:
            raise ValueError(f"abar is {abar}: it must lie in (0, 1)")
        return xt


def _box(images, log_prior):
    """Group images by the box around their white pixels: slices, uint8 masks (m, pixels), log priors (m,)."""
    edges, keys = [], np.zeros(len(images), np.int64)
    for axis in (2, 1):  # rows, then columns
        has = images.any(axis=axis)
        side = has.shape[1]
        last = side - has[:, ::-1].argmax(axis=1)  # all of a blank image
        edges += [has.argmax(axis=1) // BLOCK * BLOCK, np.minimum(-(-last // BLOCK) * BLOCK, side)]
        keys = (keys * (side + 1) + edges[-2]) * (side + 1) + edges[-1]
    order = np.argsort(keys, kind="stable")
    for chosen in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        top, bottom, left, right = (int(edge[chosen[0]]) for edge in edges)
        masks = images[chosen, top:bottom, left:right].reshape(len(chosen), -1).view(np.uint8)
        yield (slice(top, bottom), slice(left, right)), masks, log_prior[chosen]


def enumerate_images(size):
    """Draw every triangle on a size x size canvas: bool (M, size, size), each image once, and int64 (M,).

    The latter counts the ordered triples of pixels, size^6 in all, that give each image. Pillow fills a few
    triangles differently by the order of their corners, so all six orders are drawn. A shift along y changes nothing
    (see `draw_many`), so only triangles that touch the top row are drawn, then shifted.

    Raises:
        ValueError: size under 2, or so large that it would take minutes to days; the message says how long.
    """
    if size < 2:
        raise ValueError(f"size is {size}: a polygon needs at least 2 pixels")
    if size > LARGEST:
        hours = SECONDS * (size / LARGEST) ** 5 / 3600
        raise ValueError(f"every triangle at {size} px would take {hours:.1f} h to draw: {LARGEST} px is the most")
    images, counts = [], []
    for height in range(1, size + 1):
        masks, times = _merge(np.concatenate([*_draw_topmost(size, height)]), size)
        for shift in range(size - height + 1):
            moved = np.zeros((len(masks), size, size), bool)
            moved[:, shift : shift + height] = masks[:, :height]
            images.append(moved)
            counts.append(times)
    return np.concatenate(images), np.concatenate(counts)


def _draw_topmost(size, height):
    """Draw all ordered triples whose rows reach from 0 to height - 1: packed bits (n, bytes) each."""
    x = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    for rows in np.ndindex(height, height, height):
        if min(rows) == 0 and max(rows) == height - 1:
            corners = np.stack([x, np.broadcast_to(rows, x.shape)], axis=-1)
            images = draw_many((corners + 0.5) / size, size)
            yield np.packbits(images.reshape(len(images), -1) > 0, axis=1)


def _merge(packed, size):
    """Return images that are packed in bits, each once as bool (M, size, size), and how often each comes."""
    words = np.pad(packed, [(0, 0), (0, -packed.shape[1] % 8)]).view(np.uint64)
    odd = np.random.default_rng(0).integers(0, 2**63, words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = (words * odd).sum(axis=1, dtype=np.uint64)
    _, first, which, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    if not np.array_equal(words[first[which.ravel()]], words):  # two images with one key: 64 bits make that unlikely
        _, first, counts = np.unique(words, axis=0, return_index=True, return_counts=True)
    bits = np.unpackbits(packed[first], axis=1, count=size * size)
    return bits.reshape(-1, size, size).astype(bool), counts


@cache
def every(size):
    """Return the distribution of all triangles at this size; it is made once, in seconds at 16 px."""
    return Finite(*enumerate_images(size))


def denoise(xt, abar, size):
    """Return E[x_0 | x_t] over all triangles at `size` px: float64 (N, size, size) in [-1, 1]."""
    return every(size).denoise(xt, abar)


def log_evidence(xt, abar, size):
    """Return log q(x_t) over all triangles at `size` px, natural and per image, float64 (N,)."""
    return every(size).log_evidence(xt, abar)


def entropy(size):
    """Return the entropy in bits of the image of a triangle at `size` px."""
    return every(size).entropy
