"""Send many gray images through the codec at once: only 8 x 8 blocks that hold an edge differ from one another.

JPEG codes a gray image in 8 x 8 blocks, each by itself (T.81, 1992, annex A), and PNG loses nothing. So a
block's decoded pixels do not depend on where in which image it stands: a sheet of blocks comes back from the
codec exactly as the whole images would. A block wholly inside or outside a filled shape is always the same one and
goes through the codec once a sheet. `triangles.pixels.codec` is the plain path that this equals, bit for bit.
"""

from dataclasses import dataclass, replace

import numpy as np

from triangles.pixels.codec import decode, encode

__all__ = ["INSIDE", "SIDE", "Blocks", "code_blocks", "code_images", "pad", "split_blocks"]

INSIDE = 255  # gray level of a filled shape; the rest is 0
SIDE = 8
LONGEST = 65_496  # pixels; a JPEG side has at most 65,500
FULL = np.uint64(2**64 - 1)  # eight pixels of 255


@dataclass(frozen=True)
class Blocks:
    """N gray images of 8 x 8 blocks: constant ones as a level, the M mixed ones as pixels.

    level: uint8 (N, rows, columns), 0 where the block is mixed; image, row, column: int (M,), where each mixed
    block is; pixels: uint8 (M, 8, 8).
    """

    level: np.ndarray
    image: np.ndarray
    row: np.ndarray
    column: np.ndarray
    pixels: np.ndarray


def split_blocks(pixels):
    """Split a uint8 image (8 h, 8 w) into blocks.

    Returns:
        full: bool (h, w), which blocks are filled; row, column: int (m,) of the mixed ones; pixels: uint8 (m, 8, 8).
    """
    words = np.ascontiguousarray(pixels).view(np.uint64)  # one word is a block's row of eight pixels
    words = words.reshape(-1, SIDE, words.shape[1])
    full = np.bitwise_and.reduce(words, axis=1) == FULL
    row, column = np.nonzero(~full & (np.bitwise_or.reduce(words, axis=1) != 0))
    return full, row, column, words[row, :, column].view(np.uint8).reshape(-1, SIDE, SIDE)


def code_blocks(blocks, format, quality):
    """Encode and decode `Blocks`; return those that whole images would give."""
    constant = np.repeat(np.array([0, INSIDE], np.uint8), SIDE * SIDE).reshape(2, SIDE, SIDE)
    coded = code_images(np.concatenate([constant, blocks.pixels]), format, quality)
    outside, inside = coded[:2, 0, 0]
    level = np.where(blocks.level != 0, inside, outside)
    level[blocks.image, blocks.row, blocks.column] = 0
    return replace(blocks, level=level, pixels=coded[2:])


def code_images(images, format, quality):
    """Encode and decode gray images (N, H, W), many to a sheet; return what each by itself would give, uint8."""
    count, height, width = images.shape
    padded = pad(images, [(0, 0), (0, -height % SIDE), (0, -width % SIDE)], mode="edge")
    step = max(1, LONGEST // padded.shape[1]) * _columns(padded)
    coded = [_code_sheet(padded[i : i + step], format, quality) for i in range(0, count, step)]
    return np.concatenate(coded)[:, :height, :width]


def pad(images, margins, **how):
    """Pad as `numpy.pad` does, without its copy where nothing is missing."""
    return np.pad(images, margins, **how) if np.any(margins) else images


def _columns(images):
    """Return how many images stand side by side in a sheet: some 512 px, as each row costs the codec a fixed time."""
    return max(1, 512 // images.shape[2])


def _code_sheet(images, format, quality):
    """Encode and decode padded images (n, H, W) that fit on one sheet."""
    count, height, width = images.shape
    columns = _columns(images)
    full = pad(images, [(0, -count % columns), (0, 0), (0, 0)])
    sheet = full.reshape(-1, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)
    coded = decode(encode(sheet, format, quality))
    return coded.reshape(-1, height, columns, width).swapaxes(1, 2).reshape(full.shape)[:count]
