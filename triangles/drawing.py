"""From vertices to pixels: drawing, the round trip through a file codec, downsampling.

The plain path, one image at a time through Pillow. `triangles.rendering` does the same to many at once and
to the same bytes.
"""

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["FILTERS", "INSIDE", "decode", "draw", "encode", "pixel_corners", "resize"]

INSIDE = 255
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def pixel_corners(vertices, size):
    """The pixel each vertex falls into: int64 like `vertices`, floor(v * size), or size - 1 for v = 1.

    A uniform vertex is thus a uniform pixel of the size x size canvas, which is the thesis's "three random
    points within a canvas of n x n pixels" (chapter 5).
    """
    return np.clip(np.floor(np.asarray(vertices) * size), 0, size - 1).astype(np.int64)


def draw(vertices, size):
    """Fill one triangle: uint8 (size, size), inside 255, outside 0, and nothing between.

    `vertices` is (3, 2) in the unit square as (x, y): x along columns, y along rows, origin at the top left.
    Pillow fills the boundary too: at 32 px the mean covered fraction is 0.0915, above the exact 11/144.
    """
    if size < 2:
        raise ValueError(f"draw size is {size}, but a triangle needs at least 2 pixels; give a larger one")
    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).polygon(pixel_corners(vertices, size).ravel().tolist(), fill=INSIDE)
    return np.array(image)


def encode(image, format, quality=75):
    """A file's bytes for a uint8 (H, W) image; format "png" or "jpeg", quality (1..100) for JPEG alone."""
    options = {"jpeg": {"quality": quality}, "png": {}}
    if format not in options:
        raise ValueError(f"file format is {format!r}, but png and jpeg are known; give one of these")
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format, **options[format])
    return buffer.getvalue()


def decode(data):
    """The uint8 (H, W) image in a file's bytes; raises ValueError where they hold no grayscale image."""
    with Image.open(BytesIO(data)) as image:
        if image.mode != "L":
            raise ValueError(f"image has mode {image.mode}, but one 8-bit gray channel is needed; convert it to L")
        return np.array(image)


def resize(image, size, resample="bicubic"):
    """The uint8 (size, size) version of an image under one of `FILTERS`; the image itself if it fits."""
    if image.shape == (size, size):
        return image
    if resample not in FILTERS:
        raise ValueError(f"filter is {resample!r}, but {', '.join(FILTERS)} are known; give one of these")
    return np.array(Image.fromarray(image).resize((size, size), FILTERS[resample]))
