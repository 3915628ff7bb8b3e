"""A Gaussian process's terms of the variational bound, in bits per dimension.

Equations: [H] Ho et al. 2020, whose eq. 13 is the decoder at 256 levels. Here t is the papers' 1 ... T.
"""

import numpy as np
import torch
from torch import Tensor

from diffusion.processes.gaussian import SIGMAS, Gaussian
from diffusion.processes.states import Prediction

__all__ = ["GaussianBits", "decoder_bits", "step_bits", "variances"]

LEVELS = 256


def variances(schedule, kind: str = "beta") -> np.ndarray:
    """Return sigma_t^2 of the reverse steps, float64 (T,): beta_t, or beta-tilde_t [H section 3.2].

    beta-tilde_1 is zero, and no density: there beta-tilde_2 stands in, as in the code of [H] (beta_1 where T = 1).

    Raises:
        ValueError: another kind.
    """
    if kind not in SIGMAS:
        raise ValueError(f"unknown variance {kind!r}: choose {' or '.join(SIGMAS)}")
    if kind == "beta" or schedule.timesteps == 1:
        return schedule.betas
    return np.concatenate([schedule.beta_tilde[1:2], schedule.beta_tilde[1:]])


def step_bits(schedule, kind: str, t: np.ndarray, squared_eps_error: np.ndarray) -> np.ndarray:
    """Return L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)) in bits per dimension, for t >= 2.

    Two Gaussians [H eq. 5-8] whose means differ by beta_t / sqrt(alpha_t (1 - abar_t)) (eps - eps_hat) [H eq. 12]:
    t and the mean squared errors of eps are of one shape.
    """
    i = np.asarray(t) - 1
    beta, tilde, sigma2 = schedule.betas[i], schedule.beta_tilde[i], variances(schedule, kind)[i]
    apart = beta**2 / (schedule.alphas[i] * (1 - schedule.abar[i])) * squared_eps_error
    ratio = tilde / sigma2
    return 0.5 * (ratio - 1 - np.log(ratio) + apart / sigma2) / np.log(2)


def decoder_bits(x0: Tensor, mean: Tensor, sigma: float, low: float = -1.0) -> Tensor:
    """Return -log2 of what N(mean, sigma^2) puts into the bin of x0, pixel by pixel in float64 [H eq. 13].

    x0: one of 256 values evenly spread over low ... 1; the outer bins reach to infinity.
    """
    x0, mean = x0.double(), mean.double()
    half = (1 - low) / (LEVELS - 1) / 2
    lower, upper = (x0 - half - mean) / sigma, (x0 + half - mean) / sigma
    lower = torch.where(x0 <= low + half, -torch.inf, lower)
    upper = torch.where(x0 >= 1 - half, torch.inf, upper)
    # in the lower tail, where log Phi keeps its digits: an interval above the mean is mirrored
    mirrored = lower > 0
    lower, upper = torch.where(mirrored, -upper, lower), torch.where(mirrored, -lower, upper)
    log_upper, log_lower = torch.special.log_ndtr(upper), torch.special.log_ndtr(lower)
    return -(log_upper + torch.log(-torch.expm1(log_lower - log_upper))) / np.log(2)


class GaussianBits:
    """The bound's terms of one process, for the sampler that draws x_{t-1} with the given variance."""

    def __init__(self, process: Gaussian, variance: str):
        self.schedule, self.variance = process.schedule, variance
        self.sigma = float(np.sqrt(variances(self.schedule, variance)[0]))  # at t = 1

    def prior(self, x0: Tensor) -> np.ndarray:
        """Return L_T of each image, float64 (N,)."""
        squares = x0.double().square().flatten(1).mean(1).numpy()
        return np.array([self.schedule.prior_bits(float(square)) for square in squares])

    def errors(self, found: Prediction, x0: Tensor, xt: Tensor, t: Tensor, eps: Tensor) -> np.ndarray:
        """Return the mean squared error of eps of each image, float64 (B,)."""
        return (found.eps - eps).double().square().flatten(1).mean(1).cpu().numpy()

    def steps(self, t: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Return L_{t-1} of each image, float64 (B,), for t >= 2."""
        return step_bits(self.schedule, self.variance, t, errors)

    def decoder(self, x0: Tensor, found_x0: Tensor, low: float) -> np.ndarray:
        """Return L_0 of each image, float64 (B,).

        At t = 1 the mean mu_theta is the estimate of x_0 itself [H eq. 7]: abar_0 = 1.
        """
        return decoder_bits(x0.cpu(), found_x0.cpu(), self.sigma, low).flatten(1).mean(1).numpy()
