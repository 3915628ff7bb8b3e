"""How often the measures of shape and novelty pass what they should pass, and refuse what they should refuse."""

from functools import cached_property
from pathlib import Path

import numpy as np

from diffusion.store.files import read_array
from studies.measures.calibration import impostors
from studies.measures.images import Images
from studies.measures.measure import SMALL
from studies.measures.rulers import clean, novelty
from studies.measures.rulers.shape import FIXED_OVERLAPS
from triangles.datasets import read_record
from triangles.kinds.polygons import Polygons
from triangles.rendering import draw_parameters
from triangles.settings import Settings

__all__ = ["CLASSES", "is_of_triangles", "measure_power"]

POWER_STREAM = 51
COUNT = 200  # of each class: a standard error of 3.5 points at most
ROUNDED, BENT = 2.0, (0.6, 1.3)  # px; bent so, the shapes overlap by 0.8 as often as samples of linear, or less
CUT = 0.2  # of the area
MOVED = "bent by {} px"
# name -> (rng, count, side of the images in px) -> polygons; copies are made from training triangles
CLASSES = {
    "triangles": lambda rng, count, size: impostors.draw_triangles(rng, count),
    "quadrilaterals": lambda rng, count, size: impostors.convex_polygons(rng, count, 4),
    "pentagons": lambda rng, count, size: impostors.convex_polygons(rng, count, 5),
    f"rounded by {ROUNDED:g} px": lambda rng, count, size: impostors.draw_rounded(rng, count, ROUNDED / size),
    f"cut off, {CUT:.0%} of the area": lambda rng, count, size: impostors.draw_cut(rng, count, CUT),
}


class _Polygons(Polygons):
    """Polygons of any number of corners, rendered as a set of triangles is."""

    shape = (None, 2)


def is_of_triangles(settings) -> bool:
    """Tell whether a data set shows triangles that are fitted: others have no such table."""
    from triangles.kinds import KINDS

    kind = KINDS[settings.kind]
    return kind.fitter is not None and tuple(kind.shape) == (3, 2)


class _Set:
    """A data set with what its shapes are compared with, each made once."""

    def __init__(self, folder: Path):
        self.settings = Settings(**read_record(folder)["settings"])
        self.rng = np.random.default_rng(np.random.SeedSequence([self.settings.seed, POWER_STREAM]))
        train = read_array(folder / "train.npy")
        self._images = Images(train, self.settings, train)

    @cached_property
    def fresh_ink(self):
        return self._images.fresh_ink

    @cached_property
    def training_ink(self):
        return self._images.ink

    def draw_copied(self):
        """Draw training triangles, each at most once."""
        vertices = draw_parameters(self.settings, "train")
        return vertices[self.rng.permutation(len(vertices))[:COUNT]]


def measure_power(folder: Path) -> list[dict]:
    """Measure each class of shapes drawn as the data set in this folder was: a row a class.

    count: of 30 px or more; the overlaps of 0.8 and 0.9 with the best-fit triangle, and clean, are shares of these.
    copied, memorised: shares as `studies.measures.rulers.novelty` has them, of all with ink.
    """
    of = _Set(folder)
    rows = [_measure_class(of, name, draw(of.rng, COUNT, of.settings.size)) for name, draw in CLASSES.items()]
    for px in BENT:
        amplitude = px / of.settings.size
        drawn = {"new triangles": impostors.draw_triangles(of.rng, COUNT), "training triangles": of.draw_copied()}
        rows += [
            _measure_class(of, f"{name}, edges {MOVED.format(px)}", impostors.bend(of.rng, vertices, amplitude))
            for name, vertices in drawn.items()
        ]
    return rows


def _measure_class(of: _Set, name: str, polygons) -> dict:
    images = Images(_Polygons().render(polygons, of.settings), of.settings)
    ink = images.ink.sum(axis=(1, 2))
    large, overlap = ink >= SMALL, images.plain_fits.iou
    told = {f"overlap_{level:g}": float((overlap[large] >= level).mean()) for level in FIXED_OVERLAPS}
    columns = clean.take_columns(images)
    is_clean = (columns["displacement"] <= clean.DISPLACED) & (columns["depth"] <= clean.DEEPEST)
    some = images.ink[ink > 0]
    nearest, second = novelty.nearest_two(some, of.training_ink)
    fresh, _ = novelty.nearest_two(some, of.fresh_ink)
    return {
        "shapes": name,
        "count": int(large.sum()),
        **told,
        "clean": float(is_clean[large].mean()),
        "copied": novelty.copied_share(nearest, fresh),
        "memorised": float((novelty.distance_ratio(nearest, second) < novelty.CLOSE).mean()),
    }
