"""Find coloured shapes in images of colours: unmix each into two colours and how much of either a pixel has."""

from typing import NamedTuple

import numpy as np

from triangles.kinds.kind import Fits

__all__ = ["FAINT", "Unmixed", "colour_features", "fit", "name_features", "unmix"]

FAINT = 0.1  # distance of two colours, of at most sqrt(3), below which nothing is seen to stand out
CHUNK = 512  # images: keeps the working arrays within tens of megabytes


class Unmixed(NamedTuple):
    """N images as mixtures of two colours each.

    share: float64 (N, H, W) in [0, 1], how much of its shape's colour a pixel has; 0 all over where nothing stands out.
    colour, behind: float64 (N, 3), red, green and blue in [0, 1] of the shape and of what lies behind it.
    rest: float64 (N, H, W), how far a pixel's colour lies from the line between the two.
    """

    share: np.ndarray
    colour: np.ndarray
    behind: np.ndarray
    rest: np.ndarray


def unmix(values, behind=None):
    """Unmix images of a shape on something else.

    The shape's colour is the median over the pixels that differ from what is behind at least half as much as the pixel
    that does most.

    Args:
        values: (N, H, W, 3), uint8 or floating in [0, 1].
        behind: level of all three colours behind the shapes; None takes the median over each image's pixels, right
            where a shape covers less than half.

    Returns:
        `Unmixed`.
    """
    values = np.asarray(values)
    parts = [_unmix_chunk(values[i : i + CHUNK], behind) for i in range(0, max(len(values), 1), CHUNK)]
    return Unmixed(*map(np.concatenate, zip(*parts, strict=True)))


def _unmix_chunk(values, behind):
    count, high, wide = values.shape[:3]
    pixels = values.reshape(count, -1, 3) / (255.0 if values.dtype == np.uint8 else 1.0)
    ground = np.median(pixels, axis=1) if behind is None else np.full((count, 3), behind)
    away = np.linalg.norm(pixels - ground[:, None], axis=2)
    far = away >= away.max(axis=1, keepdims=True) / 2
    colour = np.stack([np.median(some[where], axis=0) for some, where in zip(pixels, far, strict=True)])
    line = colour - ground
    length = np.square(line).sum(axis=1)
    seen = length >= FAINT**2
    along = ((pixels - ground[:, None]) @ line[:, :, None])[..., 0] / np.where(seen, length, 1)[:, None]
    share = np.where(seen[:, None], along.clip(0, 1), 0)
    rest = np.linalg.norm(pixels - ground[:, None] - along[..., None] * line[:, None], axis=2)
    return share.reshape(count, high, wide), colour, ground, rest.reshape(count, high, wide)


def fit(kind, images, settings=None):
    """Fit pictures of a `triangles.kinds.coloured.Coloured` kind; return `Fits` with pictures (N, d)."""
    unmixed = kind.unmix(images)
    found = kind.shapes.fit(unmixed.share, settings)
    colours = [unmixed.colour, *([unmixed.behind] if kind.behind else [])]
    pictures = np.hstack([found.parameters.reshape(len(images), -1), *colours])
    pictures[found.ink == 0] = np.nan
    return Fits(pictures, found.iou, found.ink)


def name_features(behind):
    """Return what `colour_features` gives, of shapes and, if asked for, of what is behind."""
    named = {}
    for of, words in (("", ""), ("behind_", " of the background"))[: 1 + behind]:
        named |= {
            f"{of}chroma_x": (f"saturation towards red{words}", "1", (-1.0, 1.0)),
            f"{of}chroma_y": (f"saturation towards yellow-green{words}", "1", (-1.0, 1.0)),
            f"{of}value": (f"brightness{words}", "1", (0.0, 1.0)),
        }
    return named


def colour_features(colours):
    """Describe colours (N, 3) by saturation times cosine and sine of hue, which have no seam, and value: (N, 3)."""
    from skimage.color import rgb2hsv

    known = np.isfinite(colours).all(axis=1)
    hue, saturation, value = rgb2hsv(np.where(known[:, None], colours, 0)).T
    turn = 2 * np.pi * hue
    told = np.stack([saturation * np.cos(turn), saturation * np.sin(turn), value], axis=1)
    return np.where(known[:, None], told, np.nan)
