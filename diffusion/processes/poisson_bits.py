"""A Poisson process's terms of the variational bound, in bits per dimension of images with 256 levels.

The bound is on the same images as a Gaussian process's, so the two can be compared. L_0 is that of a Gaussian of one
fixed width, cut at the levels' bounds, about the network's x_0: counts themselves have no density of pixels.
"""

import numpy as np
import torch
from torch import Tensor

from diffusion.processes.gaussian_bits import decoder_bits
from diffusion.processes.poisson import BLANK, Poisson, kl
from diffusion.processes.states import Prediction

__all__ = ["PoissonBits"]

LEAST = 1e-6  # brightness that an estimate is taken for at least: at zero a white pixel would cost infinitely much


class PoissonBits:
    """The bound's terms of one process; it has no choice of variance."""

    def __init__(self, process: Poisson, variance: str | None = None):
        self.rates = process.rates
        self.width = float(self.rates[0] ** -0.5)  # of a white pixel's estimate from its counts at t = 1

    def prior(self, x0: Tensor) -> np.ndarray:
        """Return L_T of each image, float64 (N,): against counts of even gray, as `Poisson.start` draws them."""
        per_pixel = kl(x0.double(), torch.full_like(x0, BLANK, dtype=torch.float64))
        return self.rates[-1] * per_pixel.flatten(1).mean(1).cpu().numpy() / np.log(2)

    def errors(self, found: Prediction, x0: Tensor, xt: Tensor, t: Tensor, hidden: Tensor) -> np.ndarray:
        """Return the mean of x log(x / x_hat) - x + x_hat of each image, float64 (B,)."""
        return kl(x0.double(), found.x0.double().clamp(min=LEAST)).flatten(1).mean(1).cpu().numpy()

    def steps(self, t: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Return L_{t-1} of each image, float64 (B,), for the papers' t >= 2: (rho_{t-1} - rho_t) times the error."""
        return (self.rates[t - 2] - self.rates[t - 1]) * errors / np.log(2)

    def decoder(self, x0: Tensor, found_x0: Tensor, low: float) -> np.ndarray:
        """Return L_0 of each image, float64 (B,)."""
        return decoder_bits(x0.cpu(), found_x0.cpu(), self.width, low).flatten(1).mean(1).numpy()
