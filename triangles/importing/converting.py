"""What becomes of one picture: eight bits, gray or three colours, square, of one size."""

import io
import warnings

import numpy as np
from PIL import Image, ImageColor, ImageOps

from triangles.pixels.codec import FILTERS

__all__ = ["FORMATS", "convert"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # no other decoder of Pillow's is started
MOST_PIXELS = 2**26  # of one picture, about 200 MB while it is converted
DEEP = ("I;16", "I;16B", "I;16L", "I;16N")


def convert(found, settings):
    """Convert a picture as `triangles.imported.Imported` settings say.

    Args:
        found: bytes of a file, or uint8 (H, W) or (H, W, 1, 3 or 4).
        settings: size, colour, fit, background and resample are used.

    Returns:
        pixels: uint8 (size, size) if settings.colour is False, else (size, size, 3).
        notes: set of words for what was done to it.

    Raises:
        ValueError: no picture, or none that can be read.
    """
    notes = set()
    image = _decode(found, notes) if isinstance(found, bytes) else _from_pixels(found)
    image = _flatten(image, settings.background, notes)
    if settings.colour is False and image.mode != "L":
        image = image.convert("L")
    elif settings.colour is not False and image.mode != "RGB":
        image = image.convert("RGB")
    return np.asarray(_square(image, settings, notes)), notes


def _from_pixels(pixels):
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels))


def _decode(data, notes):
    """Open a file's bytes: the first frame, turned as its EXIF says, its 16 bits brought to 8."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures, which are bounded here
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width} x {image.height} px are more than {MOST_PIXELS:,} pixels")
            if getattr(image, "n_frames", 1) > 1:
                notes.add("first of several frames taken")
            turned = ImageOps.exif_transpose(image)
    except ValueError:
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"more than {MOST_PIXELS:,} pixels") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow fails in many ways on bytes that are no picture
        known = "no picture in a known format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise ValueError(known.splitlines()[0][:120] if known else type(error).__name__) from None
    if image.getexif().get(0x0112, 1) != 1:
        notes.add("turned as their EXIF says")
    return _eight_bits(turned, notes)


def _eight_bits(image, notes):
    if image.mode not in (*DEEP, "I", "F"):
        return image
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("pixels of more than 16 bits, or floating ones: save them as an array, and import that")
    notes.add("16 bits brought to 8")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _flatten(image, background, notes):
    """Lay what is transparent on the background; return an image in L or RGB."""
    if image.has_transparency_data:
        notes.add(f"laid on {background}")
        below = Image.new("RGBA", image.size, (*ImageColor.getrgb(background)[:3], 255))
        image = Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode not in ("RGB", "P", "PA", "RGBA", "LA"):
        notes.add(f"{image.mode} brought to RGB")
    return image.convert("RGB")


def _square(image, settings, notes):
    """Crop, pad or stretch to size x size; an image of that size stays as it is."""
    size = (settings.size, settings.size)
    if image.size == size:
        return image
    if min(image.size) < settings.size:
        notes.add("enlarged")
    resample = FILTERS[settings.resample]
    if image.width != image.height:
        notes.add({"crop": "cropped", "pad": "padded", "stretch": "stretched"}[settings.fit])
    if settings.fit == "crop":
        return ImageOps.fit(image, size, resample)
    if settings.fit == "pad":
        colour = ImageColor.getrgb(settings.background)[:3]
        if image.mode == "L":
            colour = Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
        return ImageOps.pad(image, size, resample, colour)
    return image.resize(size, resample)
