"""Send an image through a file codec and resize it, one image at a time through Pillow.

Images are uint8, (H, W) in gray or (H, W, 3) in colours. What is drawn on them is none of this module's business.
"""

from io import BytesIO

import numpy as np
from PIL import Image

__all__ = ["FILE_ENDINGS", "FILTERS", "decode", "encode", "resize"]

FILE_ENDINGS = {"png": "png", "jpeg": "jpg"}
FORMATS = ("PNG", "JPEG")  # no other decoder of Pillow's is started
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def encode(image, format, quality=75):
    """Return the bytes of a file that holds the uint8 image (H, W) or (H, W, 3).

    Args:
        image: gray, or with three colours.
        format: "png" or "jpeg".
        quality: 1 to 100; PNG ignores it. JPEG halves the resolution of the colours, as Pillow does by default.

    Raises:
        ValueError: unknown format.
    """
    options = {"jpeg": {"quality": quality}, "png": {}}
    if format not in options:
        raise ValueError(f"unknown file format {format!r}: choose from {', '.join(options)}")
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format, **options[format])
    return buffer.getvalue()


def decode(data):
    """Return the uint8 image in a file's bytes, (H, W) in gray or (H, W, 3) in colours.

    Raises:
        ValueError: neither 8-bit gray nor three 8-bit colours.
        OSError: no image that Pillow knows.
    """
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        if image.mode not in ("L", "RGB"):
            raise ValueError(f"image has Pillow's mode {image.mode}, but L or RGB is needed: convert it")
        return np.array(image)


def resize(image, size, resample="bicubic"):
    """Resize a uint8 image to (size, size) or (size, size, 3); return the image itself if it has that size.

    Args:
        image: (H, W) or (H, W, 3).
        size: pixels a side.
        resample: a name in `FILTERS`.

    Raises:
        ValueError: unknown filter.
    """
    if image.shape[:2] == (size, size):
        return image
    if resample not in FILTERS:
        raise ValueError(f"unknown filter {resample!r}: choose from {', '.join(FILTERS)}")
    return np.array(Image.fromarray(image).resize((size, size), FILTERS[resample]))
