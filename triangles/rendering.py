"""Vertices to the images of a data set: the plain path, image by image, and the same bytes in batches."""

import numpy as np
from threadpoolctl import threadpool_limits

from triangles.blocks import code_blocks, code_images, draw_blocks, draw_many
from triangles.drawing import decode, draw, encode, resize
from triangles.resampling import WEIGHTED, resample_blocks

__all__ = ["batch_size", "render", "render_plain"]

FILE_ENDINGS = {"png": "png", "jpeg": "jpg"}


def render_plain(vertices, settings, folder=None, first=0):
    """uint8 (N, size, size), image by image: drawn, encoded, decoded, resized. The reference for `render`.

    With a `folder` each encoded file is also left there, as the thesis had it, numbered from `first`.
    """
    images = np.empty((len(vertices), settings.size, settings.size), np.uint8)
    for i, triangle in enumerate(vertices):
        image = draw(triangle, settings.draw_size)
        if settings.format != "npy":
            data = encode(image, settings.format, settings.quality)
            if folder is not None:
                (folder / f"{first + i:05d}.{FILE_ENDINGS[settings.format]}").write_bytes(data)
            image = decode(data)
        images[i] = resize(image, settings.size, settings.resample)
    return images


def render(vertices, settings):
    """uint8 (N, size, size): the bytes of `render_plain`, several times sooner.

    The first image is made both ways, and where the two differ (a Pillow build that rounds in its own way),
    all of them go the plain way.
    """
    if len(vertices) == 0 or not np.array_equal(
        _render_batch(vertices[:1], settings), render_plain(vertices[:1], settings)
    ):
        return render_plain(vertices, settings)
    step = batch_size(settings)
    # Matrices this small gain nothing from a second BLAS thread, and two workers' threads would fight.
    with threadpool_limits(1, "blas"):
        parts = [_render_batch(vertices[i : i + step], settings) for i in range(0, len(vertices), step)]
    return np.concatenate(parts)


def batch_size(settings):
    """Images at once: enough to spread the cost of each call, few enough to stay in the processor's cache."""
    if settings.resample in WEIGHTED:
        return max(1, 800_000 // (settings.draw_size * settings.size))
    return max(1, 1_500_000 // settings.draw_size**2)


def _render_batch(vertices, settings):
    if settings.resample in WEIGHTED:
        return _render_blocks(vertices, settings)
    images = draw_many(vertices, settings.draw_size)
    if settings.format != "npy":
        images = code_images(images, settings.format, settings.quality)
    if settings.resample is None:
        return images
    return np.stack([resize(image, settings.size, settings.resample) for image in images])


def _render_blocks(vertices, settings):
    blocks = draw_blocks(vertices, settings.draw_size)
    if settings.format != "npy":
        blocks = code_blocks(blocks, settings.format, settings.quality)
    return resample_blocks(blocks, settings.draw_size, settings.size, settings.resample)
