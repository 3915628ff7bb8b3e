"""From sampled images to numbers: is it a triangle, how noisy, the right population, new?

`per_image` makes one row an image, `summarise` one `Measure` a question; `measure_samples` does both. The
held-out real images go through the same functions: each measure comes with its value on them. Their table is
the same for every run on one data set, so make it once with `per_image`, store its columns (a .npz keeps
every bit), and pass it in.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.measures import noise, novelty, population
from studies.verdicts.statistics import rate_upper_bound
from triangles import fitting

__all__ = ["SMALL", "Measure", "measure_samples", "per_image", "summarise", "validity_threshold"]

SMALL = 30  # px of ink: below this almost any blot overlaps some triangle, so such images count on their own
VALID_QUANTILE = 0.05  # of the overlap of held-out real images; so 95% of them pass by construction
FIXED_OVERLAPS = 0.8, 0.9  # an ellipse reaches 0.70
CLOSE = 1 / 3  # nearest over second nearest training image: below it an image counts as memorised
CORNERS = [f"{axis}{i}" for i in range(3) for axis in "xy"]


@dataclass(frozen=True)
class Measure:
    """One tidy row: a value with its unit, and the number of images (or pairs) it rests on; NaN where n is too few."""

    name: str
    value: float
    unit: str
    n: int


def measure_samples(samples, real, train, rng, render=None, draw_size=None, real_table=None):
    """All measures of generated images against a data set: a list of `Measure`.

    samples: float (N, H, H) in [0, 1]; real, train: uint8 (M, H, H), held-out and training images;
    render, draw_size: how the set was drawn, see `triangles.fitting.fit`; rng: for splits and the classifier;
    real_table: `per_image(real, train, ...)` if it was made before.
    """
    if real_table is None:
        real_table = per_image(real, train, render, draw_size)
    return summarise(per_image(samples, train, render, draw_size), real_table, rng)


def per_image(images, train=None, render=None, draw_size=None):
    """One row an image, a DataFrame; images uint8 or float in [0, 1], (N, H, H), N >= 1.

    ink (px), iou (0..1, with the fit drawn as the set was), plain_iou (with a fit drawn straight at the images' own
    size, the same ruler for every set), components, identical (to another of these), gray and clearly_gray (share of
    pixels), background_rms, background_haze and inside_rms (0..1), edge_width (px), the features of the fit, its
    corners x0..y2, nearest_other and, with `train`, nearest and second_nearest (differing pixels). See
    `studies.measures.noise` and `studies.measures.novelty`.
    """
    ink = fitting.binarise(images)
    if not len(ink):
        raise ValueError("there are no images to measure; sample at least one")
    values = np.asarray(images, np.float64) / (255 if np.asarray(images).dtype == np.uint8 else 1)
    fits = fitting.fit(images, render, draw_size)
    plain = fits if render is None else fitting.fit(images)
    table = {"ink": fits.ink, "iou": fits.iou, "plain_iou": plain.iou, "components": noise.components(ink)}
    table |= _noise_columns(values, fits.vertices)
    table |= dict(zip(fitting.FEATURES, fitting.features(fits.vertices).T, strict=True))
    table |= dict(zip(CORNERS, fits.vertices.reshape(-1, 6).T, strict=True))
    table["identical"] = novelty.identical(values)
    table["nearest_other"] = novelty.nearest_others(ink)
    if train is not None:
        table["nearest"], table["second_nearest"] = novelty.nearest_two(ink, fitting.binarise(train))
    return pd.DataFrame(table)


def _noise_columns(values, vertices):
    names = ("background_rms", "background_haze", "inside_rms")
    chunks = [slice(start, start + 500) for start in range(0, len(values), 500)]
    parts = np.concatenate([noise.background(values[c], vertices[c]) for c in chunks], axis=1)
    gray, clearly_gray = noise.gray_shares(values)
    columns = {"gray": gray, "clearly_gray": clearly_gray, **dict(zip(names, parts, strict=True))}
    return columns | {"edge_width": noise.edge_widths(values)}


def validity_threshold(real_table):
    """The overlap that 95% of the real images with enough ink reach; NaN where there are none."""
    large = real_table.iou[real_table.ink >= SMALL]
    return float(np.quantile(large, VALID_QUANTILE, method="lower")) if len(large) else np.nan


def summarise(table, real_table, rng):
    """Tables of samples and of held-out real images, from `per_image` -> list of `Measure`.

    Beside a measure `x` stand `real_x`, the same for the real images, and where a difference has a meaning
    `excess_x`, x minus real_x. Overlap, noise around the fit and features are of images with at least 30 px of
    ink; novelty is of images with any, but `identical_share` of all.
    """
    threshold = validity_threshold(real_table)
    real_n = int((real_table.ink >= SMALL).sum())
    ours, theirs = (_shape_and_noise(one, threshold) for one in (table, real_table))
    measures = [Measure("validity_threshold", threshold, "1", real_n), *_beside(ours, theirs, excess=True)]
    measures += _population(table, real_table, rng)
    measures += _beside(_distinct(table), _distinct(real_table))
    if "nearest" in table and "nearest" in real_table:
        measures += _beside(_new(table), _new(real_table))
    return measures


def _beside(ours, theirs, excess=False):
    rows = []
    for own, real in zip(ours, theirs, strict=True):
        rows += [own, Measure(f"real_{real.name}", real.value, real.unit, real.n)]
        if excess:
            rows.append(Measure(f"excess_{own.name}", own.value - real.value, own.unit, own.n))
    return rows


def _mean(name, values, unit):
    """The mean of what is not NaN, and how many that is."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    return Measure(name, float(values.mean()) if len(values) else np.nan, unit, len(values))


def _share(name, passed):
    """Of images that are large enough to be judged; 0 where none is, as to draw nothing is to fail."""
    return Measure(name, float(passed.mean()) if len(passed) else 0.0, "share", len(passed))


def _shape_and_noise(table, threshold):
    large, some = table[table.ink >= SMALL], table[table.ink > 0]
    overlaps = {"iou": large.iou, "plain_iou": large.plain_iou}
    at_least = {f"{name}_{level:g}_share": x >= level for name, x in overlaps.items() for level in FIXED_OVERLAPS}
    return [
        _mean("ink", table.ink, "px"),
        _mean("blank_share", table.ink == 0, "share"),
        _mean("small_share", table.ink < SMALL, "share"),
        _mean("iou_mean", large.iou, "1"),
        Measure("iou_median", float(large.iou.median()), "1", len(large)),
        _share("valid_share", large.iou >= threshold),
        *[_share(name, passed) for name, passed in at_least.items()],
        _mean("iou_0.8_of_all", (table.ink >= SMALL) & (table.iou >= FIXED_OVERLAPS[0]), "share"),
        _mean("gray_share", table.gray, "share"),
        _mean("clearly_gray_share", table.clearly_gray, "share"),
        *[_mean(name, large[name], "1") for name in ("background_rms", "background_haze", "inside_rms")],
        _mean("edge_width", table.edge_width, "px"),
        _mean("components", table.components, "count"),
        _mean("one_piece_share", some.components == 1, "share"),
    ]


def _population(table, real_table, rng):
    names = list(fitting.FEATURES)
    rows, real = (one.loc[one.ink >= SMALL, names].to_numpy(np.float64) for one in (table, real_table))
    values, yardstick, used = population.compare_with_yardstick(rows, real, names, rng)
    ours, theirs = ([Measure(k, v, _unit(k), used) for k, v in side.items()] for side in (values, yardstick))
    return _beside(ours, theirs)


def _unit(name):
    if name.startswith("wasserstein"):
        return "rad" if "angle" in name else "side"
    return "sd^1/2" if name == "energy_distance" else "1"


def _distinct(table):
    some = table[table.ink > 0]
    return [
        _mean("nearest_other", some.nearest_other, "px"),
        _mean("identical_share", table.identical, "share"),
        _mean("repeated_share", some.nearest_other[some.nearest_other.notna()] == 0, "share"),
    ]


def _new(table):
    some = table[table.ink > 0]
    copied = some.nearest == 0
    close = novelty.distance_ratio(some.nearest, some.second_nearest) < CLOSE
    return [
        _mean("nearest_training", some.nearest, "px"),
        _mean("copy_share", copied, "share"),
        Measure("copy_upper_bound", rate_upper_bound(int(copied.sum()), len(some)), "share", len(some)),
        _mean("memorised_share", close, "share"),
        Measure("memorised_upper_bound", rate_upper_bound(int(close.sum()), len(some)), "share", len(some)),
    ]
