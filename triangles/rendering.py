"""Draw a data set's parameters by its seed, and render them as its settings say, whatever kind of picture it shows."""

import numpy as np

from triangles.kinds import KINDS

__all__ = ["SPLITS", "draw_parameters", "render", "render_plain"]

SPLITS = ("train", "test")  # the place is the number of a split's seed stream


def draw_parameters(settings, split):
    """Draw a split's parameters, float64 (count, ...).

    They depend on kind, count and seed only, so every preparation shows the same pictures. Each split has its own
    seed stream.

    Raises:
        ValueError: the kind draws another type or shape than it must.
    """
    kind = KINDS[settings.kind]
    count = settings.count if split == "train" else settings.test_count
    stream = np.random.SeedSequence([settings.seed, SPLITS.index(split)])
    parameters = np.asarray(kind.draw(np.random.default_rng(stream), count))
    if (parameters.dtype, parameters.shape) != (np.float64, (count, *kind.shape)):
        found = f"{type(kind).__name__}.draw gave {parameters.dtype} {parameters.shape}"
        raise ValueError(f"{found}, but float64 {(count, *kind.shape)} is needed: mend the kind")
    return parameters


def render(parameters, settings):
    """Render pictures (N, ...) as a data set's settings say: uint8 (N, size, size[, 3])."""
    return KINDS[settings.kind].render(parameters, settings)


def render_plain(parameters, settings, folder=None, first=0):
    """Render image by image, the reference for `render`; see `triangles.kinds.kind.Kind.render_plain`."""
    return KINDS[settings.kind].render_plain(parameters, settings, folder, first)
