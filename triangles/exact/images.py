"""Draw every triangle of a small canvas, each image once with how often it comes, and hash images in a stream."""

import numpy as np

from triangles.kinds.polygons import draw_many

__all__ = ["check_size", "draw_topmost", "enumerate_images", "hash_images"]

LARGEST = 16  # px; drawing every triple grows with size^6
SECONDS, GIGABYTES = 20, 0.7  # of drawing them all at the largest size, and of holding them


def enumerate_images(size):
    """Draw every triangle on a size x size canvas: bool (M, size, size), each image once, and int64 (M,).

    The latter counts the ordered triples of pixels, size^6 in all, that give each image. Pillow fills a few
    triangles differently by the order of their corners, so all six orders are drawn. A shift along y changes nothing
    (see `draw_many`), so only triangles that touch the top row are drawn, then shifted.

    Raises:
        ValueError: size under 2, or so large that it would take minutes to days; the message says how long.
    """
    check_enumerable(size)
    images, counts = [], []
    for height in range(1, size + 1):
        masks, times = _merge(np.concatenate([*draw_topmost(size, height)]), size)
        for shift in range(size - height + 1):
            moved = np.zeros((len(masks), size, size), bool)
            moved[:, shift : shift + height] = masks[:, :height]
            images.append(moved)
            counts.append(times)
    return np.concatenate(images), np.concatenate(counts)


def check_enumerable(size):
    """Check that `enumerate_images` takes this size; raise ValueError as it does."""
    check_size(size, LARGEST, SECONDS, f", and {GIGABYTES * (size / LARGEST) ** 8:.0f} GB to hold")


def check_size(size, largest, seconds, more="", verb="draw", power=5):
    """Check that all triangles at `size` px can be drawn, where those of the largest size take so many seconds.

    power: of the size that the time grows with. Five of drawing: a triple of columns for each two heights.

    Raises:
        ValueError: size under 2 or above the largest; the message says how long it would take.
    """
    if size < 2:
        raise ValueError(f"size is {size}: a polygon needs at least 2 pixels")
    if size > largest:
        hours = seconds * (size / largest) ** power / 3600
        time = f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"
        raise ValueError(f"every triangle at {size} px would take {time} to {verb}{more}: {largest} px is the most")


def draw_topmost(size, height):
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


def hash_images(packed):
    """Return a 64-bit key of each image that is packed in bits, uint64 (n,) from uint8 (n, bytes).

    Each word is mixed in by the finaliser of SplitMix64 (Steele, Lea and Flood 2014). Two of a million images share a
    key with a chance of 1 in 40 million.
    """
    words = np.pad(packed, [(0, 0), (0, -packed.shape[1] % 8)]).view(np.uint64)
    keys = np.zeros(len(words), np.uint64)
    for word in words.T:
        keys ^= word
        for shift, odd in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            keys ^= keys >> np.uint64(shift)
            keys *= np.uint64(odd)
        keys ^= keys >> np.uint64(31)
    return keys
