"""Put pictures into data: addresses, as small as they get and look the same: a page needs no other file."""

import base64
import io
import re
from urllib.parse import quote

__all__ = ["encode_drawing", "encode_image", "make_uri", "read_drawing", "read_image"]

LARGEST = 50_000_000  # pixels of a figure to be embedded
LONGEST = 16_383  # px of a side that WebP can hold
UNQUOTED = " '/:;,=()+!@$*?[]{}|^`~"  # harmless in an attribute between double quotes


def make_uri(content: bytes, kind: str) -> str:
    """Return content of the media type `kind` as a data: address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def encode_image(image) -> str:
    """Return a Pillow image as a data: address: WebP, which takes half of what PNG takes, or PNG where it cannot be."""
    from PIL import features

    kind = "webp" if features.check("webp") and max(image.size) <= LONGEST else "png"
    options = {"webp": {"lossless": True, "quality": 100, "method": 4}, "png": {"optimize": True}}
    stream = io.BytesIO()
    image.save(stream, kind.upper(), **options[kind])
    return make_uri(stream.getvalue(), f"image/{kind}")


def read_image(content: bytes, path):
    """Read a figure's PNG, and no other format that Pillow would start a decoder for, as a Pillow image in RGB.

    Raises:
        ValueError: no whole PNG, or one of over 50 million pixels; `path` is named.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.width * image.height > LARGEST:
                raise ValueError(f"{image.width} x {image.height} px, over {LARGEST:,}")
            return image.convert("RGB")
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not a PNG figure: draw it again") from None
    except (Image.DecompressionBombError, ValueError, OSError, SyntaxError, EOFError, MemoryError) as error:
        raise ValueError(f"{path} is not a whole PNG figure ({str(error)[:160]}): draw it again") from None


def read_drawing(content: bytes, path) -> str:
    """Read a figure's SVG; ValueError, naming `path`, for what is not whole."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a whole SVG figure ({error}): draw it again") from None
    if "<svg" not in text or not text.rstrip().endswith("</svg>"):
        raise ValueError(f"{path} is not a whole SVG figure (its end is missing): draw it again")
    return text


def encode_drawing(text: str) -> str:
    """Return a drawing of matplotlib's as a data: address without remarks, paths to the hundredth of a point.

    It needs no escaping between double quotes.
    """
    text = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    text = re.sub(r"\s+", " ", re.sub(r">\s+<", "><", text)).strip()
    text = text.replace("'", "&#39;").replace('"', "'")
    return "data:image/svg+xml," + quote(text, safe=UNQUOTED)
