"""Walks through a latent space: the images along a path from one draw of z to another.

For independent z_0 and z_1 of N(0, I), z = cos(a) z_0 + sin(a) z_1 is N(0, I) at every angle a: each image of the path
is one that the model may draw as well as any other. With many dimensions the two are nearly as long and nearly at right
angles, and this is the arc between them, the spherical interpolation of White 2016 ("Sampling generative networks"). A
straight line would lead through a middle too short by the square root of 2, of which a model has seen nothing.
"""

import math

import numpy as np
import torch
from torch import Tensor

from diffusion.images import as_arrays, to_unit
from diffusion.rivals.model import DRAW_STREAM
from diffusion.streams import generator

__all__ = ["arc", "walk"]


def arc(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
    """Return `steps` points at equal angles from z0 to z1, the two among them: (steps, *z0.shape)."""
    angle = torch.linspace(0, math.pi / 2, steps, dtype=torch.float64).view(-1, *[1] * z0.ndim)
    points = angle.cos() * z0.double() + angle.sin() * z1.double()
    points[0], points[-1] = z0.double(), z1.double()
    return points.to(z0.dtype)


@torch.no_grad()
def walk(model, steps: int, seed: int = 0, ends: tuple[int, int] = (0, 1)) -> tuple[np.ndarray, int]:
    """Return the images from one of a model's draws to another, float32 (steps, H, W[, 3]) in [0, 1], and z's size.

    The first image is the draw `ends[0]` of that seed. So is the last the draw `ends[1]`, unless a family draws pixels
    at random given z: these random numbers stay those of the first, so that nothing moves but z.

    model: of a family with the capability "latent"; steps: at least 2.

    Raises:
        ValueError: steps < 2.
    """
    if steps < 2:
        raise ValueError(f"a walk has at least 2 steps, its ends, not {steps}")
    (z0, *others), (z1, *_) = (model.latents(generator(seed, DRAW_STREAM, end)) for end in ends)
    given = arc(z0, z1, steps), *(one.expand(steps, *one.shape) for one in others)
    x = model.images(*(one.to(model.device.torch) for one in given))
    return as_arrays(to_unit(x.float().cpu(), model.settings.value_range).clamp(0, 1)), z0.numel()
