"""Shapes of another kind in a colour of their own, on black or on a second colour.

Shapes are those of the gray kind for the same seed. Hue, saturation and value are uniform, so some shapes hardly differ
from what they lie on.
"""

from functools import partial
from importlib import import_module
from math import sqrt

import numpy as np
from PIL import Image

from triangles.kinds.kind import Kind
from triangles.kinds.triangle import TRIANGLE

__all__ = ["COLOURED_TRIANGLE", "COLOURED_TRIANGLE_ON_COLOUR", "Coloured"]

UNIFORM = 0.5, 1 / sqrt(12)  # mean and standard deviation of what is uniform in [0, 1]


class Coloured(Kind):
    """A kind in colours; parameters (N, d) hold a shape's numbers, red, green and blue of it, and of what is behind.

    shapes: the gray kind. behind: whether what lies behind has a colour of its own; else it is black, and no parameter.
    """

    parameters = "pictures"
    channels = 3
    unmixer = "triangles.fits.coloured"

    def __init__(self, shapes, behind=False):
        self.shapes, self.behind = shapes, behind
        self.count = int(np.prod(shapes.shape))  # of the shape's numbers
        self.shape = (self.count + (6 if behind else 3),)
        self.bounds, self.fitter = shapes.bounds, shapes.fitter

    @property
    def anchors(self):
        """Return those of the shapes, and that hue, saturation and value are uniform."""
        anchors = {
            name: (lambda pictures, values_of=values_of: values_of(self.shapes_of(pictures)), *rest)
            for name, (values_of, *rest) in self.shapes.anchors.items()
        }
        for i, of in enumerate(("shape", "background")[: 1 + self.behind]):
            for j, name in enumerate(("hue", "saturation", "value")):
                anchors[f"mean {name} of the {of}"] = (partial(self._hsv, i, j), *UNIFORM)
        return anchors

    def _hsv(self, which, channel, pictures):
        """Return one of hue, saturation and value (0, 1, 2) of shapes (0) or of what is behind (1)."""
        from skimage.color import rgb2hsv

        return rgb2hsv(self.split(pictures)[1 + which])[:, channel]

    def draw(self, rng, count):
        """Draw shapes and colours: float64 (count, d). The shapes are those that the gray kind draws."""
        from skimage.color import hsv2rgb

        shapes, (colours,) = self.shapes.draw(rng, count), rng.spawn(1)
        hsv = colours.random((count, 1 + self.behind, 3))
        return np.hstack([shapes.reshape(count, -1), hsv2rgb(hsv).reshape(count, -1)])

    def paint(self, one, size):
        """Paint one picture in 256 levels a colour: uint8 (size, size, 3)."""
        shape, colour, behind = (part[0] for part in self.split(one[None]))
        levels = np.rint(255 * np.stack([behind, colour])).astype(np.uint8)
        image = Image.fromarray(self.shapes.paint(shape, size))
        image.putpalette(levels.repeat(128, axis=0).tobytes())  # a colour of the shape's from one half on
        return np.array(image.convert("RGB"))

    def split(self, pictures):
        """Split pictures (N, d) into shapes (N, ...), their colours (N, 3) and those behind them (N, 3), in [0, 1]."""
        colours = pictures[:, self.count :]
        return self.shapes_of(pictures), colours[:, :3], colours[:, 3:] if self.behind else np.zeros_like(colours)

    def shapes_of(self, pictures):
        """Return the parameters of pictures' shapes, as the gray kind has them."""
        return pictures[:, : self.count].reshape(-1, *self.shapes.shape)

    def as_gray(self, values):
        """Return each image's shape in gray, between what is behind (0) and its own colour (1): (N, H, W)."""
        return self.unmix(values).share

    def unmix(self, values):
        """Unmix images (N, H, W, 3) into two colours each, see `triangles.fits.coloured.unmix`."""
        return self._fits.unmix(values, None if self.behind else 0.0)

    @property
    def FEATURES(self):  # noqa: N802 -- named as a fitter's
        """Return the shapes' features and those of the colours: name -> (words, unit, (least, most))."""
        return self.shapes.FEATURES | self._fits.name_features(self.behind)

    def features(self, parameters):
        """Return the `FEATURES` of pictures, float64 (N, d); NaN for NaN parameters."""
        shapes, *colours = self.split(np.asarray(parameters, np.float64))
        told = [self._fits.colour_features(one) for one in colours[: 1 + self.behind]]
        return np.hstack([self.shapes.features(shapes), *told])

    def fit(self, images, settings=None):
        """Find the shape that overlaps each image's best, by the strongest contrast to what is behind, and the colours.

        Returns:
            `triangles.kinds.kind.Fits`; all NaN where nothing stands out.
        """
        return self._fits.fit(self, images, settings)

    @property
    def distance(self):
        """The function (parameters, size) -> signed distances of pixels in px, negative inside; or None."""
        of_shapes = self.shapes.distance
        return of_shapes and (lambda parameters, size: of_shapes(self.shapes_of(parameters), size))

    @property
    def drawing_modules(self):
        return (*super().drawing_modules, *self.shapes.drawing_modules)

    @property
    def fitting_modules(self):
        return (self.unmixer, *self.shapes.fitting_modules)

    @property
    def _fits(self):
        return import_module(self.unmixer)  # named and not imported, as a fitter is


COLOURED_TRIANGLE = Coloured(TRIANGLE)
COLOURED_TRIANGLE_ON_COLOUR = Coloured(TRIANGLE, behind=True)
