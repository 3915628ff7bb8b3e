"""From images to numbers: a row an image, then a number a question, by every ruler in `studies.registries.RULERS`.

The held-out real images go through the same rulers, so each measure comes with its value on them. Their table is the
same for every run on one data set: it is made once and stored.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from studies.registries import RULERS
from triangles.kinds import KINDS
from triangles.pixels.ink import binarise

__all__ = ["Images", "measure_each", "summarise"]

FRESH_STREAM = 2  # of pictures that no model has seen; streams 0 and 1 are the training and the test images'


@dataclass(frozen=True)
class Images:
    """Images to be measured, with what rulers ask of them.

    values: uint8 or float in [0, 1], (N, H, W) or (N, H, W, 3), N >= 1. settings: what their set was drawn with
    (`triangles.settings.Settings`), or None for a triangle drawn plain at the images' own size. train: uint8 training
    images of the same shape, or None. judged_as: name of the kind whose pictures they are taken for, or None.
    """

    values: np.ndarray
    settings: object | None = None
    train: np.ndarray | None = None
    judged_as: str | None = None

    def __post_init__(self):
        if not len(self.values):
            raise ValueError("there are no images to measure: sample at least one")

    @property
    def kind(self):
        """The kind that the pictures are judged as, see `triangles.kinds`."""
        return KINDS[self.judged_as] if self.judged_as else self._drawn

    @property
    def _drawn(self):
        return KINDS[self.settings.kind if self.settings is not None else "triangle"]

    @cached_property
    def values_in_unit(self) -> np.ndarray:
        """The values as float64 in [0, 1]."""
        return np.asarray(self.values, np.float64) / (255 if np.asarray(self.values).dtype == np.uint8 else 1)

    @cached_property
    def gray(self) -> np.ndarray:
        """float64 (N, H, W) in [0, 1]: of colours what the kind of picture makes of them."""
        return self.values_in_unit if self.values_in_unit.ndim == 3 else self.kind.as_gray(self.values_in_unit)

    @cached_property
    def ink(self) -> np.ndarray:
        """bool (N, H, W): above one half."""
        return self.as_ink(self.values)

    @cached_property
    def training_ink(self) -> np.ndarray:
        return self.as_ink(self.train)

    @cached_property
    def fresh_ink(self) -> np.ndarray | None:
        """Ink of as many fresh pictures as there are training images, drawn as those were: bool (M, H, W).

        The same of every sampling of a data set; None where no settings say how to draw them, and for imported images.
        """
        if self.settings is None or self.train is None or not self._drawn.drawn:
            return None
        rng = np.random.default_rng(np.random.SeedSequence([self.settings.seed, FRESH_STREAM]))
        return self.as_ink(self._drawn.render(self._drawn.draw(rng, len(self.train)), self.settings))

    @cached_property
    def fits(self):
        """The best-fit pictures drawn as the set was, see `triangles.kinds`; None for a kind that is not fitted."""
        return self.kind.fit(self.values, self.settings) if self.kind.fitter else None

    @cached_property
    def plain_fits(self):
        """The best-fit pictures drawn straight at the images' own size: one ruler for every set."""
        if self.settings is None or self.settings.plain or not self.kind.fitter:
            return self.fits
        return self.kind.fit(self.values, None)

    def as_ink(self, values: np.ndarray) -> np.ndarray:
        """Return what is ink, above one half of the range: bool (N, H, W) from uint8 or float images."""
        return binarise(self.kind.as_gray(values))


def measure_each(images: Images, rulers: tuple[str, ...] | None = None):
    """Measure images one by one: a DataFrame with a row for each, and the columns of all rulers, or of those named.

    Among them: ink (px), iou and plain_iou (0..1, overlap with the best fit drawn as the set was, or straight at the
    images' own size), displacement and depth (px, of the latter), components, identical (to another of these), gray and
    clearly_gray (share of pixels), background_rms, background_haze and inside_rms (0..1), edge_width (px), the features
    of the fit, nearest_other, nearest_rms (0..1, from the nearest other) and, with training images, nearest,
    second_nearest and nearest_fresh (differing pixels).
    """
    import pandas as pd

    columns = {}
    for ruler in _named(rulers):
        if ruler.columns is not None:
            columns |= ruler.columns(images)
    return pd.DataFrame(columns)


def summarise(table, real_table, kind, rng, rulers: tuple[str, ...] | None = None):
    """Sum up tables of samples and of held-out real images, from `measure_each`: a list of `Measure`.

    Beside a measure `x` stands `real_x`, that of the real images, and where a difference has a meaning `excess_x`,
    x minus real_x. kind: of the pictures; rng: numpy.random.Generator for splits and the classifier; rulers:
    those that sum up, by name, all if it is left out.
    """
    able = [ruler for ruler in _named(rulers) if ruler.summarise is not None]
    return [row for ruler in able for row in ruler.summarise(table, real_table, kind, rng)]


def _named(rulers: tuple[str, ...] | None) -> list:
    return list(RULERS.values()) if rulers is None else [RULERS[name] for name in rulers]
