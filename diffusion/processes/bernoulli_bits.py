"""A Bernoulli process's terms of the variational bound, in bits per pixel of images in black and white.

Such bits are those of binarised images: they count nothing for levels between, of which a pixel with 256 has many.
"""

import numpy as np
import torch
from torch import Tensor

from diffusion.processes.bernoulli import SURE, Bernoulli
from diffusion.processes.states import Prediction

__all__ = ["BernoulliBits", "divergence"]


def divergence(mean: Tensor, other: Tensor) -> Tensor:
    """Return KL in bits, pixel by pixel, of a coin of +-1 with one mean from a coin with another."""
    terms = [torch.xlogy((1 + s * mean) / 2, (1 + s * mean) / (1 + s * other)) for s in (1, -1)]
    return (terms[0] + terms[1]) / np.log(2)


class BernoulliBits:
    """The bound's terms of one process; it has no choice of variance."""

    def __init__(self, process: Bernoulli, variance: str | None = None):
        self.process = process

    def prior(self, x0: Tensor) -> np.ndarray:
        """Return L_T of each image, float64 (N,).

        Raises:
            ValueError: images that are not in black and white.
        """
        if not (x0.abs() == 1).all():
            raise ValueError("a Bernoulli process bounds images in black and white, and these have gray: leave it out")
        mean = self.process.kept[-1] * x0.double()
        return divergence(mean, torch.zeros_like(mean)).flatten(1).mean(1).cpu().numpy()

    def errors(self, found: Prediction, x0: Tensor, xt: Tensor, t: Tensor, hidden: Tensor) -> np.ndarray:
        """Return the KL of each image's step in bits per pixel, float64 (B,)."""
        x0, xt, estimate = x0.double(), xt.double(), found.x0.double().clamp(-SURE, SURE)
        true, ours = (self.process.reverse_mean(one, xt, t) for one in (x0, estimate))
        return divergence(true, ours).flatten(1).mean(1).cpu().numpy()

    def steps(self, t: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Return L_{t-1} of each image, float64 (B,): the errors themselves."""
        return errors

    def decoder(self, x0: Tensor, found_x0: Tensor, low: float) -> np.ndarray:
        """Return L_0 of each image, float64 (B,)."""
        x0, estimate = x0.double(), found_x0.double().clamp(-SURE, SURE)
        return divergence(x0, estimate).flatten(1).mean(1).cpu().numpy()
