"""Many triangles through the codec at once: only the 8 x 8 blocks that hold an edge differ from one another.

JPEG codes a gray image in 8 x 8 blocks, each by itself (T.81, 1992, annex A), and PNG loses nothing. So a
block's decoded pixels do not depend on where in which image it stands: a sheet of blocks comes back from the
codec exactly as the whole images would. A block wholly inside or outside the triangle is always the same one and
goes through the codec once a sheet. `triangles.drawing` is the plain path that this equals, bit for bit.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from triangles.drawing import INSIDE, decode, encode, pixel_corners

__all__ = ["Blocks", "code_blocks", "code_images", "draw_blocks", "draw_many"]

SIDE = 8
LONGEST = 65_496  # pixels; a JPEG side has at most 65,500
FULL = np.uint64(2**64 - 1)  # eight pixels of 255


@dataclass(frozen=True)
class Blocks:
    """N images of 8 x 8 blocks: constant ones as a level, the M mixed ones as pixels.

    level: uint8 (N, rows, columns), 0 where the block is mixed; image, row, column: int (M,), where each mixed
    block is; pixels: uint8 (M, 8, 8).
    """

    level: np.ndarray
    image: np.ndarray
    row: np.ndarray
    column: np.ndarray
    pixels: np.ndarray


def draw_many(vertices, size):
    """`drawing.draw` of each of (N, 3, 2): uint8 (N, size, size).

    The images stand on each other in one canvas. Pillow's scan lines depend on whole-number differences in y
    alone, so an offset in y changes nothing; one in x would round the edges differently.
    """
    corners = pixel_corners(vertices, size)
    corners[..., 1] += np.arange(len(vertices))[:, None] * size
    canvas = Image.new("L", (size, size * len(vertices)))
    polygon = ImageDraw.Draw(canvas).polygon
    for triangle in corners.reshape(-1, 6).tolist():
        polygon(triangle, fill=INSIDE)
    return np.array(canvas).reshape(-1, size, size)


def draw_blocks(vertices, size):
    """The same images as `draw_many`, as `Blocks`, padded to whole blocks as the codec pads them."""
    side = -(-size // SIDE)
    corners = pixel_corners(vertices, size)
    boxes = np.concatenate([corners.min(axis=1) // SIDE, corners.max(axis=1) // SIDE + 1], axis=1)
    canvas = Image.new("L", (side * SIDE, side * SIDE))
    level = np.zeros((len(vertices), side, side), np.uint8)
    parts = []
    for i, (triangle, box) in enumerate(zip(corners.reshape(-1, 6).tolist(), boxes.tolist(), strict=True)):
        full, row, column, pixels = _split(_draw_box(canvas, triangle, box, size))
        level[i, box[1] : box[3], box[0] : box[2]][full] = INSIDE
        parts.append((np.full(len(row), i), row + box[1], column + box[0], pixels))
    return Blocks(level, *map(np.concatenate, zip(*parts, strict=True)))


def _draw_box(canvas, triangle, box, size):
    """Pixels of the blocks around one triangle; drawing it over in black leaves the canvas blank again."""
    polygon = ImageDraw.Draw(canvas).polygon
    polygon(triangle, fill=INSIDE)
    left, top, right, bottom = (SIDE * edge for edge in box)
    pixels = np.asarray(canvas.crop((left, top, right, bottom)))
    polygon(triangle, fill=0)
    if max(right, bottom) <= size:
        return pixels
    inside = pixels[: size - top, : size - left]
    return _padded(inside, [(0, had - has) for had, has in zip(pixels.shape, inside.shape, strict=True)], mode="edge")


def _split(pixels):
    """Which blocks of a (h, w) image are full, and row, column and pixels of the mixed ones."""
    words = np.ascontiguousarray(pixels).view(np.uint64)  # one word is a block's row of eight pixels
    words = words.reshape(-1, SIDE, words.shape[1])
    full = np.bitwise_and.reduce(words, axis=1) == FULL
    row, column = np.nonzero(~full & (np.bitwise_or.reduce(words, axis=1) != 0))
    return full, row, column, words[row, :, column].view(np.uint8).reshape(-1, SIDE, SIDE)


def code_blocks(blocks, format, quality):
    """Encode and decode: the `Blocks` that whole images would give."""
    constant = np.repeat(np.array([0, INSIDE], np.uint8), SIDE * SIDE).reshape(2, SIDE, SIDE)
    coded = code_images(np.concatenate([constant, blocks.pixels]), format, quality)
    outside, inside = coded[:2, 0, 0]
    level = np.where(blocks.level != 0, inside, outside)
    level[blocks.image, blocks.row, blocks.column] = 0
    return replace(blocks, level=level, pixels=coded[2:])


def code_images(images, format, quality):
    """Encode and decode (N, H, W) images, many to a sheet: uint8 (N, H, W), what each alone would give."""
    count, height, width = images.shape
    padded = _padded(images, [(0, 0), (0, -height % SIDE), (0, -width % SIDE)], mode="edge")
    step = max(1, LONGEST // padded.shape[1]) * _columns(padded)
    coded = [_code_sheet(padded[i : i + step], format, quality) for i in range(0, count, step)]
    return np.concatenate(coded)[:, :height, :width]


def _padded(images, margins, **how):
    """numpy.pad, but for the copy where nothing is missing."""
    return np.pad(images, margins, **how) if np.any(margins) else images


def _columns(images):
    """Images side by side in a sheet: some 512 pixels, as a row costs the codec much even at 8."""
    return max(1, 512 // images.shape[2])


def _code_sheet(images, format, quality):
    count, height, width = images.shape
    columns = _columns(images)
    full = _padded(images, [(0, -count % columns), (0, 0), (0, 0)])
    sheet = full.reshape(-1, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)
    coded = decode(encode(sheet, format, quality))
    return coded.reshape(-1, height, columns, width).swapaxes(1, 2).reshape(full.shape)[:count]
