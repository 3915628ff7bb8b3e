"""Claims that follow from formulas or from drawing: no runs, no seeds, no chance.

A check is a function (plan) -> (holds, estimate, unit), registered in `studies.registries.CHECKS`.
"""

import numpy as np

__all__ = ["drawing_leaves_gray", "linear_before_cosine", "linear_before_sigmoid"]

DRAWN = 2000  # triangles for a check of drawing
DRAWN_SEED = 0


def half_lives_apart(plan, sooner: str, later: str):
    """Return by how much of T the signal's power halves sooner under one schedule than under the other.

    abar_t is the share of the signal's power that is left at t (Ho et al. 2020, eq. 4).
    """
    one, other = (_half_life(plan, name) for name in (sooner, later))
    return other - one > 0, other - one, "of T"


def _half_life(plan, name: str) -> float:
    """Return the share of the steps after which less than half of the signal's power is left."""
    return float((plan.grid[0].training.noise_schedule(name).abar >= 0.5).mean())


def drawing_leaves_gray(plan):
    """Return the share of pixels that are neither black nor white in triangles drawn straight into an array."""
    from triangles.geometry import random_vertices
    from triangles.kinds.polygons import draw

    size = plan.grid[0].dataset.settings.size
    vertices = random_vertices(DRAWN, np.random.default_rng(DRAWN_SEED))
    gray = float(np.mean([((image > 0) & (image < 255)).mean() for image in (draw(v, size) for v in vertices)]))
    return gray > 0, gray, "share"


def linear_before_cosine(plan):
    return half_lives_apart(plan, "linear", "cosine")


def linear_before_sigmoid(plan):
    return half_lives_apart(plan, "linear", "sigmoid")


# which schedules a figure may show beside the grid's for this claim
linear_before_cosine.schedules = ("linear", "cosine")
linear_before_sigmoid.schedules = ("linear", "sigmoid")
