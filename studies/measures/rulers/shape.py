"""Is it a picture of its kind? Its ink, and its overlap with the best fit.

Two rulers for the overlap: the fit drawn as the set was, and the fit drawn plain, straight at the images' own size. The
latter is the same for every set. Overlaps are of images with at least 30 px of ink.
"""

import numpy as np

from studies.measures.measure import SMALL, Described, Measure, Ruler, beside, mean, share

__all__ = ["FIXED_OVERLAPS", "RULER", "VALID_QUANTILE", "validity_threshold"]

VALID_QUANTILE = 0.05  # of the overlap of held-out real images; so 95% of them pass by construction
FIXED_OVERLAPS = 0.8, 0.9  # an ellipse reaches 0.70 with a triangle

OVERLAP = "overlap with the best fit"
LEVELS = {
    f"{name}_{level:g}_share": Described(f"{words}, share at {level:g} or more", "share", (0, 1), "high")
    for name, words in {"iou": f"{OVERLAP}, drawn as the set was", "plain_iou": f"{OVERLAP}, drawn plain"}.items()
    for level in FIXED_OVERLAPS
}
MEASURES = {
    "validity_threshold": Described(f"{OVERLAP} that 95% of real images reach", "1", (0, 1)),
    "ink": Described("ink", "px"),
    "blank_share": Described("blank images, share", "share", (0, 1), "low"),
    "small_share": Described(f"images with less than {SMALL} px of ink, share", "share", (0, 1), "low"),
    "iou_mean": Described(f"{OVERLAP}, mean", "1", (0, 1), "high"),
    "iou_median": Described(f"{OVERLAP}, median", "1", (0, 1), "high"),
    "valid_share": Described(f"{OVERLAP} as good as 95% of real images, share", "share", (0, 1), "high"),
    **LEVELS,
    "iou_0.8_of_all": Described(f"{OVERLAP}, share at 0.8 or more of all images", "share", (0, 1), "high"),
}


def validity_threshold(real_table) -> float:
    """Return the overlap that 95% of the real images with enough ink reach; NaN where there are none."""
    large = real_table.iou[real_table.ink >= SMALL]
    return float(np.quantile(large, VALID_QUANTILE, method="lower")) if len(large) else np.nan


def take_columns(images) -> dict:
    """Return ink, overlaps, and the fit's features and parameters: {name: (N,)}."""
    if images.fits is None:
        return {"ink": images.ink.sum(axis=(1, 2))}
    fits, kind = images.fits, images.kind
    columns = {"ink": fits.ink, "iou": fits.iou, "plain_iou": images.plain_fits.iou}
    columns |= dict(zip(kind.FEATURES, kind.features(fits.parameters).T, strict=True))
    flat = fits.parameters.reshape(len(fits.parameters), -1).T
    return columns | dict(zip(_parameter_names(fits.parameters), flat, strict=True))


def _parameter_names(parameters) -> list[str]:
    """Name each number of a fit: x0, y0, x1 ... of corners, p0, p1 ... of anything else."""
    if parameters.ndim == 3 and parameters.shape[2] == 2:
        return [f"{axis}{i}" for i in range(parameters.shape[1]) for axis in "xy"]
    return [f"p{i}" for i in range(int(np.prod(parameters.shape[1:])))]


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return ink and overlaps of samples beside those of the real images."""
    ours, theirs = _ink(table), _ink(real_table)
    if "iou" not in table:
        return beside(ours, theirs, excess=True)
    threshold = validity_threshold(real_table)
    real_n = int((real_table.ink >= SMALL).sum())
    ours, theirs = ours + _overlaps(table, threshold), theirs + _overlaps(real_table, threshold)
    return [Measure("validity_threshold", threshold, "1", real_n), *beside(ours, theirs, excess=True)]


def _ink(table) -> list[Measure]:
    return [
        mean("ink", table.ink, "px"),
        mean("blank_share", table.ink == 0, "share"),
        mean("small_share", table.ink < SMALL, "share"),
    ]


def _overlaps(table, threshold) -> list[Measure]:
    large = table[table.ink >= SMALL]
    return [
        mean("iou_mean", large.iou, "1"),
        Measure("iou_median", float(large.iou.median()), "1", len(large)),
        share("valid_share", large.iou >= threshold),
        *[
            share(f"{name}_{level:g}_share", large[name] >= level)
            for name in ("iou", "plain_iou")
            for level in FIXED_OVERLAPS
        ],
        mean("iou_0.8_of_all", (table.ink >= SMALL) & (table.iou >= FIXED_OVERLAPS[0]), "share"),
    ]


RULER = Ruler(MEASURES, take_columns, summarise)
