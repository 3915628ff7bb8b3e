"""Draw filled polygons, one by one or many at once to the same bytes.

Vertices are float64 (..., corners, 2) in the unit square as (x, y): x along columns, y along rows, origin at the top
left.
"""

import numpy as np
from PIL import Image, ImageDraw
from threadpoolctl import threadpool_limits

from triangles.kinds.kind import Kind
from triangles.pixels.blocks import INSIDE, SIDE, Blocks, code_blocks, code_images, pad, split_blocks
from triangles.pixels.codec import resize
from triangles.pixels.resampling import WEIGHTED, resample_blocks

__all__ = ["Polygons", "draw", "draw_blocks", "draw_many", "pixel_corners"]


class Polygons(Kind):
    """Filled polygons in gray, white on black; a subclass sets `shape` to (corners, 2)."""

    parameters = "vertices"

    def paint(self, one, size):
        """Paint one polygon: float64 (corners, 2) -> uint8 (size, size); see `draw`."""
        return draw(one, size)

    def render(self, parameters, settings):
        """Render as `render_plain` does, to the same bytes and several times sooner.

        The first image is made both ways. Where the two differ (a Pillow build that rounds in its own way), all of
        them are made the plain way.
        """
        first = parameters[:1]
        if not len(first) or not np.array_equal(_render_batch(first, settings), self.render_plain(first, settings)):
            return self.render_plain(parameters, settings)
        step = _batch_size(settings)
        # Matrices this small gain nothing from a second BLAS thread, and two workers' threads would fight.
        with threadpool_limits(1, "blas"):
            parts = [_render_batch(parameters[i : i + step], settings) for i in range(0, len(parameters), step)]
        return np.concatenate(parts)


def pixel_corners(vertices, size):
    """Return the pixel that each vertex falls into: int64 like `vertices`, floor(v * size), or size - 1 for v = 1.

    A uniform vertex is thus a uniform pixel of the size x size canvas, which is the thesis's "three random
    points within a canvas of n x n pixels" (chapter 5).
    """
    return np.clip(np.floor(np.asarray(vertices) * size), 0, size - 1).astype(np.int64)


def draw(vertices, size):
    """Fill one polygon (corners, 2): uint8 (size, size), inside 255, outside 0, and nothing between.

    Pillow fills the boundary too: at 32 px triangles cover 9.15% of the image on average, above the exact 11/144.

    Raises:
        ValueError: size below 2.
    """
    if size < 2:
        raise ValueError(f"draw size is {size}, but a polygon needs at least 2 pixels: give a larger one")
    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).polygon(pixel_corners(vertices, size).ravel().tolist(), fill=INSIDE)
    return np.array(image)


def draw_many(vertices, size):
    """Draw polygons (N, corners, 2) as `draw` does each: uint8 (N, size, size).

    The images stand on each other in one canvas. Pillow's scan lines depend on whole-number differences in y
    alone, so an offset in y changes nothing; one in x would round the edges differently.
    """
    corners = pixel_corners(vertices, size)
    corners[..., 1] += np.arange(len(vertices))[:, None] * size
    canvas = Image.new("L", (size, size * len(vertices)))
    polygon = ImageDraw.Draw(canvas).polygon
    for shape in corners.reshape(len(corners), -1).tolist():
        polygon(shape, fill=INSIDE)
    return np.array(canvas).reshape(-1, size, size)


def draw_blocks(vertices, size):
    """Draw the images of `draw_many` as `Blocks`, padded to whole blocks as the codec pads them."""
    side = -(-size // SIDE)
    corners = pixel_corners(vertices, size)
    boxes = np.concatenate([corners.min(axis=1) // SIDE, corners.max(axis=1) // SIDE + 1], axis=1)
    canvas = Image.new("L", (side * SIDE, side * SIDE))
    level = np.zeros((len(vertices), side, side), np.uint8)
    shapes, parts = corners.reshape(len(corners), -1).tolist(), []
    for i, (shape, box) in enumerate(zip(shapes, boxes.tolist(), strict=True)):
        full, row, column, pixels = split_blocks(_draw_box(canvas, shape, box, size))
        level[i, box[1] : box[3], box[0] : box[2]][full] = INSIDE
        parts.append((np.full(len(row), i), row + box[1], column + box[0], pixels))
    return Blocks(level, *map(np.concatenate, zip(*parts, strict=True)))


def _draw_box(canvas, shape, box, size):
    """Draw the blocks around one polygon; drawing it over in black leaves the canvas blank again."""
    polygon = ImageDraw.Draw(canvas).polygon
    polygon(shape, fill=INSIDE)
    left, top, right, bottom = (SIDE * edge for edge in box)
    pixels = np.asarray(canvas.crop((left, top, right, bottom)))
    polygon(shape, fill=0)
    if max(right, bottom) <= size:
        return pixels
    inside = pixels[: size - top, : size - left]
    return pad(inside, [(0, had - has) for had, has in zip(pixels.shape, inside.shape, strict=True)], mode="edge")


def _batch_size(settings):
    """Return how many images to make at once: enough to spread each call's cost, few enough for the cache."""
    if settings.resample in WEIGHTED:
        return max(1, 800_000 // (settings.draw_size * settings.size))
    return max(1, 1_500_000 // settings.draw_size**2)


def _render_batch(vertices, settings):
    """Render polygons (n, corners, 2), all at once."""
    if settings.resample in WEIGHTED:
        return _render_blocks(vertices, settings)
    images = draw_many(vertices, settings.draw_size)
    if settings.format != "npy":
        images = code_images(images, settings.format, settings.quality)
    if settings.resample is None:
        return images
    return np.stack([resize(image, settings.size, settings.resample) for image in images])


def _render_blocks(vertices, settings):
    """Render polygons by blocks, where a weighted filter follows that resizes blocks exactly."""
    blocks = draw_blocks(vertices, settings.draw_size)
    if settings.format != "npy":
        blocks = code_blocks(blocks, settings.format, settings.quality)
    return resample_blocks(blocks, settings.draw_size, settings.size, settings.resample)
