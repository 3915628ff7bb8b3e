"""Where the gray of training images comes from: haze, gray edges and inflated areas by how the images are prepared."""

import numpy as np

from studies.measures.rulers.noise import background
from triangles import geometry
from triangles.kinds import KINDS
from triangles.pixels.codec import FILTERS
from triangles.settings import Settings, resolve

__all__ = ["DRAW_SIZES", "FORMATS", "list_preparations", "measure_preparation"]

DRAW_SIZES = (32, 64, 720)
FORMATS = {"none": ("npy", None), "PNG": ("png", None)} | {f"JPEG {q}": ("jpeg", q) for q in (50, 75, 90, 95)}
SIZE, COUNT, SEED = 32, 200, 0
EDGE = 2.0  # px on both sides of the outline: what lies farther off is haze
CLEARLY_GRAY = 9, 246  # of 0..255


def list_preparations() -> list[tuple[str, str, Settings]]:
    """List (format, filter, settings) of every way to prepare the images; a filter only where something is resized."""
    found = []
    for drawn in DRAW_SIZES:
        for name, (format, quality) in FORMATS.items():
            for resample in FILTERS if drawn != SIZE else (None,):
                given = {"format": format, "quality": quality, "draw_size": drawn, "resample": resample, "size": SIZE}
                found.append((name, resample or "", resolve(count=COUNT, test_count=1, seed=SEED, **given)))
    return found


def measure_preparation(settings: Settings) -> dict:
    """Measure the same triangles prepared in one way, against their true vertices.

    haze: RMS of what is no ink more than 2 px off the triangle, mean over images; edge_gray: clearly gray pixels within
    2 px of the outline, as a share of the outline's length in px; area_bias: mean covered area less the true area, as a
    share of the image.
    """
    kind = KINDS[settings.kind]
    vertices = kind.draw(np.random.default_rng(settings.seed), settings.count)
    images = kind.render(vertices, settings)
    distance = kind.distance(vertices, settings.size)
    _, haze, _ = background(images / 255, distance)
    low, high = CLEARLY_GRAY
    gray = (images >= low) & (images <= high) & (np.abs(distance) <= EDGE)
    outline = settings.size * geometry.perimeter(vertices)
    bias = images.mean(axis=(1, 2)) / 255 - geometry.area(vertices)
    return {
        "haze": float(np.nanmean(haze)),
        "edge_gray": float(gray.sum() / outline.sum()),
        "area_bias": float(bias.mean()),
        "area_bias_se": float(bias.std(ddof=1) / np.sqrt(len(bias))),
    }
