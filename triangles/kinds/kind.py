"""What a kind of picture offers: it draws parameters, renders them, and may find them again in images."""

from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

import numpy as np

from triangles.pixels.codec import FILE_ENDINGS, decode, encode, resize

__all__ = ["Fits", "Kind"]


@dataclass(frozen=True)
class Fits:
    """Best-fit pictures of N images, and how far each overlaps its image.

    parameters: float64 (N, ...), as the kind's `draw` gives them; NaN for a blank image.
    iou: float64 (N,), overlap in [0, 1]: intersection over union of ink and drawn fit; 0 for a blank image.
    ink: int64 (N,), pixels above one half.
    """

    parameters: np.ndarray
    iou: np.ndarray
    ink: np.ndarray


class Kind:
    """A kind of picture; a subclass sets `parameters` and `shape` and writes `draw` and `paint`.

    parameters: what one picture's numbers are called; their files are PARAMETERS_train.npy and PARAMETERS_test.npy.
    shape: shape of one picture's numbers.
    drawn: whether `draw` and `paint` make the pictures; False of those that come from elsewhere.
    bounds: least and most that each of them may be; also kept by what `draw` gives.
    channels: 1 for gray images (N, H, W), 3 for colours (N, H, W, 3).
    anchors: what is exactly true of `draw`: name -> (function of parameters (N, ...) that gives values (N,), their
        exact mean, their exact standard deviation or None where it is not known).
    fitter: name of the module that fits, or None: measures of shape are then left out. It offers `FEATURES`,
        `features(parameters)` and `fit(images, render=None, draw_size=None)`, as `triangles.fits.triangle` does. It is
        named and not imported, as a change in what fits must not make data stale. It may offer `distance(parameters,
        size)` too: without it measures of what lies off the fit are left out.
    """

    parameters: str
    shape: tuple[int, ...]
    drawn = True
    bounds = (0.0, 1.0)
    channels = 1
    anchors: ClassVar[dict] = {}
    fitter: str | None = None

    def draw(self, rng, count):
        """Draw the parameters of `count` pictures: float64 (count, *shape). A longer draw starts with the shorter."""
        raise NotImplementedError

    def paint(self, one, size):
        """Paint one picture: parameters (*shape) -> uint8 (size, size), or (size, size, 3) with three channels."""
        raise NotImplementedError

    def render(self, parameters, settings):
        """Render pictures as a data set's settings say: uint8 (N, size, size), or (N, size, size, 3).

        A kind with a faster way overrides this; the bytes must be those of `render_plain`.
        """
        return self.render_plain(parameters, settings)

    def render_plain(self, parameters, settings, folder=None, first=0):
        """Render image by image: painted at `draw_size`, encoded, decoded, resized to `size`.

        Args:
            parameters: float64 (N, *shape).
            settings: `triangles.settings.Settings`.
            folder: where to leave the encoded files, numbered from `first`; None leaves none.
            first: number of the first file.

        Returns:
            uint8 (N, size, size), or (N, size, size, 3).

        Raises:
            ValueError: `paint` gives another type or shape than it must.
        """
        images = np.empty((len(parameters), *self.image_shape(settings.size)), np.uint8)
        for i, one in enumerate(parameters):
            image = self._painted(one, settings.draw_size)
            if settings.format != "npy":
                data = encode(image, settings.format, settings.quality)
                if folder is not None:
                    (folder / f"{first + i:05d}.{FILE_ENDINGS[settings.format]}").write_bytes(data)
                image = decode(data)
            images[i] = resize(image, settings.size, settings.resample)
        return images

    def _painted(self, one, size):
        """Paint one picture and check its type and shape, so that a mistake in a kind writes no odd data set."""
        image, shape = np.asarray(self.paint(one, size)), self.image_shape(size)
        if (image.dtype, image.shape) != (np.uint8, shape):
            found = f"{type(self).__name__}.paint gave {image.dtype} {image.shape}"
            raise ValueError(f"{found}, but uint8 {shape} is needed: mend the kind")
        return image

    def image_shape(self, size):
        """Return the shape of one image: (size, size), or (size, size, channels) with more than one channel."""
        return (size, size) if self.channels == 1 else (size, size, self.channels)

    def as_gray(self, values):
        """Return images in gray, 0 where nothing is drawn and 1 where a shape is: (N, H, W).

        values: uint8 or floating in [0, 1], (N, H, W), which are returned as they are, or (N, H, W, 3).
        """
        values = np.asarray(values)
        return values if values.ndim == 3 else values.mean(axis=-1) / (255 if values.dtype == np.uint8 else 1)

    @property
    def FEATURES(self):  # noqa: N802 -- named as the fitter's
        """Return the features' table: name -> (words for people, unit, (least, most))."""
        return self._fitter.FEATURES

    def features(self, parameters):
        """Return the `FEATURES` of pictures, float64 (N, d), a column each in their order; NaN for NaN parameters."""
        return self._fitter.features(parameters)

    def fit(self, images, settings=None):
        """Find the picture of this kind that overlaps each image best.

        Args:
            images: (N, H, H), uint8 or floating in [0, 1]; what lies above one half is ink.
            settings: how the set was drawn, so that fits are drawn in that way; None draws them plain at H px.

        Returns:
            `Fits`.

        Raises:
            ValueError: images of another type or shape; a kind without a fitter.
        """
        if settings is None or settings.plain:
            return self._fitter.fit(images)
        return self._fitter.fit(images, lambda parameters: self.render(parameters, settings), settings.draw_size)

    @property
    def distance(self):
        """The function (parameters, size) -> signed distances in px (N, size, size), negative inside; or None."""
        return getattr(self._fitter, "distance", None) if self.fitter else None

    @property
    def drawing_modules(self):
        """Return names of the modules that, with all they import, decide the bytes of a data set."""
        return ("triangles.rendering", type(self).__module__)

    @property
    def fitting_modules(self):
        """Return names of the modules that, with all they import, decide fits and features; none without a fitter."""
        return (self.fitter,) if self.fitter else ()

    @property
    def _fitter(self):
        if self.fitter is None:
            raise ValueError(f"the kind of picture {type(self).__name__} has no fitter: leave measures of shape out")
        return import_module(self.fitter)
