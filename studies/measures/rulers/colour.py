"""Are colours right? What strays inside a shape from its own colour, and what bleeds across its edge.

For kinds of pictures that mix two colours; how colours are spread over the images is the population's ruler's.
JPEG stores colours at half the resolution, so what it bleeds lies within 2 px of the edge.
"""

import numpy as np

from studies.measures.measure import SMALL, Described, Measure, Ruler, beside, mean

__all__ = ["RULER"]

DEEP = 1.0  # px inside the fit, beyond its soft edge
NEAR = 2.0  # px from the fit's outline on both sides
COLOURED = 0.2  # chroma, saturation times value, from which a hue can be told

MEASURES = {
    "hue_error": Described("hue inside a shape, RMS from its own", "turn", (0, 0.5), "low"),
    "value_error": Described("brightness inside a shape, RMS from its own", "1", (0, 1), "low"),
    "bleeding": Described("colours at the edge that are no mixture of the two, RMS", "1", (0, 1), "low"),
    "faint_share": Described("images in which no colour stands out, share", "share", (0, 1), "low"),
}
NAMES = ("hue_error", "value_error", "bleeding")


def take_columns(images) -> dict:
    """Return hue and value errors and bleeding: {name: (N,)}; nothing for kinds that do not mix two colours."""
    kind = images.kind
    if not hasattr(kind, "unmix") or images.fits is None or kind.distance is None:
        return {}
    unmixed = kind.unmix(images.values_in_unit)
    distance = kind.distance(images.fits.parameters, images.gray.shape[1])
    hue, value = _inside(images.values_in_unit, unmixed.colour, distance < -DEEP)
    columns = (hue, value, _root_mean_square(unmixed.rest, np.abs(distance) <= NEAR))
    return dict(zip(NAMES, columns, strict=True))


def _inside(values, colours, where):
    """Compare pixels (N, H, W, 3) inside shapes with their colours (N, 3): RMS of hue, in turns, and of value."""
    from skimage.color import rgb2hsv

    own, pixels = rgb2hsv(colours)[:, None, None], rgb2hsv(values)
    apart = np.abs(pixels[..., 0] - own[..., 0])
    hue = _root_mean_square(np.minimum(apart, 1 - apart), where)
    hue[(own[..., 1] * own[..., 2]).ravel() < COLOURED] = np.nan
    return hue, _root_mean_square(pixels[..., 2] - own[..., 2], where)


def _root_mean_square(values, where):
    count = where.sum(axis=(1, 2))
    total = np.where(where, np.square(values), 0).sum(axis=(1, 2))
    return np.sqrt(np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0))


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return the colours' errors in samples beside those in the real images."""
    if "bleeding" not in table:
        return []
    return beside(_errors(table), _errors(real_table), excess=True)


def _errors(table) -> list[Measure]:
    large = table[table.ink >= SMALL]
    rows = [mean(name, large[name].dropna(), MEASURES[name].unit) for name in NAMES]
    return [*rows, mean("faint_share", table.ink == 0, "share")]


RULER = Ruler(MEASURES, take_columns, summarise)
