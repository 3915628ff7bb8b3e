"""The Gaussian forward process and its posterior.

Equations: [H] Ho et al. 2020 (DDPM), [T] the thesis. Time steps are 0-based indices, as in the thesis's listings:
index t stands for the papers' t + 1. torch is imported when a process is made, so that its facts can be asked without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from diffusion.processes.states import Prediction
from diffusion.schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Gaussian", "coefficients"]

SIGMAS = {"beta": "sqrt_beta", "beta-tilde": "sqrt_beta_tilde"}  # of the reverse steps [H section 3.2]


class Gaussian:
    """A noise schedule as torch coefficients: float64 inside, cast to the images' type at the edge."""

    extras = frozenset({"eps", "abar"})
    variances = tuple(SIGMAS)
    value_ranges = ("symmetric", "unit")
    bound = "diffusion.processes.gaussian_bits:GaussianBits"

    def __init__(self, schedule: NoiseSchedule, device="cpu"):
        import torch

        # mps has no float64; there the coefficients are rounded once, here
        dtype = torch.float32 if torch.device(device).type == "mps" else torch.float64
        self.schedule, self.device = schedule, torch.device(device)
        self.timesteps = schedule.timesteps
        self._vectors = {
            name: torch.as_tensor(values.astype(np.float64)).to(device=device, dtype=dtype)
            for name, values in coefficients(schedule).items()
        }

    @property
    def signal(self) -> np.ndarray:
        """The signal-to-noise ratio abar_t / (1 - abar_t), float64 (T,)."""
        return self.schedule.snr

    def at(self, name: str, t: Tensor | int, like: Tensor) -> Tensor:
        """Return coefficient `name` at indices t (B,), or one for all, shaped and typed to multiply `like` (B, ...)."""
        return self._vectors[name][t].to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))

    def noise(self, x0: Tensor, source: Generator) -> Tensor:
        """Draw eps from N(0, I) in the images' shape, on the CPU."""
        import torch

        return torch.randn(x0.shape, generator=source)

    def noised(self, x0: Tensor, t: Tensor | int, eps: Tensor) -> Tensor:
        """Return x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps  [H eq. 4, T eq. 2.45]."""
        return self.at("sqrt_abar", t, x0) * x0 + self.at("sqrt_1m_abar", t, x0) * eps

    def seen(self, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return x_t, which the network sees as it is."""
        return xt

    def hidden(self, x0: Tensor, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return the eps that leads from x_0 to x_t  [H eq. 4]."""
        return (xt - self.at("sqrt_abar", t, xt) * x0) / self.at("sqrt_1m_abar", t, xt)

    def clean(self, eps: Tensor, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return the x_0 from which eps leads to x_t  [H eq. 4]."""
        return (xt - self.at("sqrt_1m_abar", t, xt) * eps) / self.at("sqrt_abar", t, xt)

    def error(self, found: Prediction, x0: Tensor, eps: Tensor) -> Tensor:
        """Return L_simple of each image, (B,): the mean squared error of eps  [H eq. 14]."""
        return (found.eps - eps).square().flatten(1).mean(1)

    def start(self, noise: Callable[[], Tensor]) -> Tensor:
        """Draw x_T from N(0, I)."""
        return noise()

    def posterior_mean(self, x0: Tensor, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return mu-tilde_t(x_t, x_0)  [H eq. 7]."""
        return self.at("posterior_x0", t, xt) * x0 + self.at("posterior_xt", t, xt) * xt

    def mean_from_eps(self, eps: Tensor, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return 1/sqrt(alpha_t) (x_t - beta_t / sqrt(1 - abar_t) eps)  [H eq. 11, T eq. 3.67, listing 4.2]."""
        return self.at("1_sqrt_alpha", t, xt) * (xt - self.at("beta_sqrt_1m_abar", t, xt) * eps)

    def backward(self, found: Prediction, xt: Tensor, t: Tensor | int, noise=None, variance: str = "beta") -> Tensor:
        """Draw x_{t-1} around the mean that the prediction gives, sigma_t^2 as `variance` says  [H alg. 2].

        A mean from the network's own eps is listing 4.2's. Without `noise`, return the mean.
        """
        by_eps = found.given == "eps"
        x = self.mean_from_eps(found.eps, xt, t) if by_eps else self.posterior_mean(found.x0, xt, t)
        return x if noise is None else x + self.at(SIGMAS[variance], t, x) * noise()

    def respaced(self, steps: int) -> tuple[Gaussian, np.ndarray]:
        """Return the process seen at `steps` of its time steps, and their indices; see `NoiseSchedule.respaced`."""
        schedule, kept = self.schedule.respaced(steps)
        return (self if schedule is self.schedule else Gaussian(schedule, self.device)), kept

    def ended(self, steps: int) -> Gaussian:
        """Return the process that ends after its first `steps` steps."""
        return Gaussian(NoiseSchedule(self.schedule.name, self.schedule.betas[:steps]), self.device)


def coefficients(s: NoiseSchedule) -> dict[str, np.ndarray]:
    """Return what multiplies images and noise at each step, float64 (T,) each, by name."""
    return {
        "sqrt_abar": np.sqrt(s.abar),
        "sqrt_1m_abar": np.sqrt(1 - s.abar),
        "sqrt_alpha": np.sqrt(s.alphas),
        "sqrt_beta": np.sqrt(s.betas),
        "sqrt_beta_tilde": np.sqrt(s.beta_tilde),
        "1_sqrt_alpha": 1 / np.sqrt(s.alphas),
        "beta_sqrt_1m_abar": s.betas / np.sqrt(1 - s.abar),
        "posterior_x0": np.sqrt(s.abar_previous) * s.betas / (1 - s.abar),
        "posterior_xt": np.sqrt(s.alphas) * (1 - s.abar_previous) / (1 - s.abar),
    }
