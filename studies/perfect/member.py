"""Is a sample a triangle that `draw` makes, in every pixel? Three corners are looked for that draw it.

Each corner of a drawn triangle is white, one lies in its topmost row and one in its lowest.
"""

import numpy as np

from studies.measures.measure import Described, Measure, Ruler, beside
from triangles.kinds.polygons import draw_many

__all__ = ["RULER", "is_triangle"]

MEASURES = {
    "member_share": Described("samples that are a drawn triangle in every pixel, share", "share", (0, 1), "high")
}
AT_ONCE = 4096


def is_triangle(ink):
    """Tell which masks are a triangle drawn at their size, bool (N,) from bool (N, n, n)."""
    return np.array([_is_one(mask) for mask in ink], bool)


def _is_one(mask):
    y, x = np.nonzero(mask)
    if not len(y):
        return False
    pixels = np.stack([x, y], axis=1)
    top, bottom = pixels[y == y.min()], pixels[y == y.max()]
    return any(_draws(mask, corners) for corners in _orders(_ends_first(top), _ends_first(bottom), pixels))


def _ends_first(row):
    """Sort a row's pixels from its ends inwards: corners are mostly there."""
    return row[np.argsort(np.minimum(np.arange(len(row)), len(row) - 1 - np.arange(len(row))), kind="stable")]


def _orders(top, bottom, pixels):
    """Yield candidates (n, 3, 2), a pair of corners at a time, in each of the six orders."""
    for a in top:
        for b in bottom:
            three = np.stack(np.broadcast_arrays(a, b, pixels), axis=1)
            yield np.concatenate([three[:, order] for order in ([0, 1, 2], [0, 2, 1], [1, 2, 0])])
            yield np.concatenate([three[:, order] for order in ([1, 0, 2], [2, 0, 1], [2, 1, 0])])


def _draws(mask, corners):
    size = len(mask)
    parts = (corners[start : start + AT_ONCE] for start in range(0, len(corners), AT_ONCE))
    return any((draw_many((part + 0.5) / size, size).astype(bool) == mask).all(axis=(1, 2)).any() for part in parts)


def take_columns(images) -> dict:
    """Return which images are a drawn triangle, black or white in every pixel at 256 levels: {name: (N,)}."""
    levels = np.rint(images.gray * 255)
    clean = np.isin(levels, (0, 255)).all(axis=(1, 2))
    found = np.zeros(len(levels), bool)
    found[clean] = is_triangle(levels[clean] > 0)
    shapes = is_triangle(images.ink[~clean])
    ink = found.copy()
    ink[~clean] = shapes
    return {"member": found, "member_ink": ink}


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return the shares of samples beside those of the real images."""
    return beside(_shares(table), _shares(real_table))


def _shares(table) -> list[Measure]:
    return [
        Measure(f"{name}_share", float(table[name].mean()), "share", len(table)) for name in ("member", "member_ink")
    ]


MEASURES["member_ink_share"] = Described(
    "samples whose ink is a drawn triangle in every pixel, share", "share", (0, 1), "high"
)
RULER = Ruler(MEASURES, take_columns, summarise)
