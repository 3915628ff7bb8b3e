"""Claims that follow from formulas or from drawing alone: no runs, no seeds, no chance.

A check is a function (plan) -> (holds, estimate, unit), named by a claim's `check`.
"""

import numpy as np

__all__ = ["CHECKS", "checked"]

DRAWN = 2000  # triangles for a check of drawing
DRAWN_SEED = 0


def checked(name: str):
    """The check of that name.

    Raises:
        ValueError: there is none; the message lists what there is.
    """
    if name not in CHECKS:
        raise ValueError(f"there is no check {name!r}: choose from {', '.join(CHECKS)}")
    return CHECKS[name]


def half_lives_apart(plan, sooner: str, later: str):
    """By how much of T the signal's power halves sooner under one schedule than under the other: positive if it does.

    abar_t is the share of the signal's power that is left at t (Ho et al. 2020, eq. 4).
    """
    one, other = (_half_life(plan, name) for name in (sooner, later))
    return other - one > 0, other - one, "of T"


def _half_life(plan, name: str) -> float:
    """The share of the steps after which less than half of the signal's power is left."""
    noise = plan.grid[0].training.noise_schedule(name)
    return float((noise.abar >= 0.5).mean())


def drawing_leaves_gray(plan):
    """The share of pixels that are neither black nor white in triangles drawn straight into an array."""
    from triangles.geometry import random_vertices
    from triangles.kinds.polygons import draw

    size = plan.grid[0].dataset.settings.size
    vertices = random_vertices(DRAWN, np.random.default_rng(DRAWN_SEED))
    gray = float(np.mean([((image > 0) & (image < 255)).mean() for image in (draw(v, size) for v in vertices)]))
    return gray > 0, gray, "share"


CHECKS = {
    "linear-before-cosine": lambda plan: half_lives_apart(plan, "linear", "cosine"),
    "linear-before-sigmoid": lambda plan: half_lives_apart(plan, "linear", "sigmoid"),
    "drawing-leaves-gray": drawing_leaves_gray,
}
