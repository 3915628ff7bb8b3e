"""The forward process and its posterior, and the three things a network may predict (eps, x0, v).

Equations: [H] Ho et al. 2020 (DDPM), [S] Salimans and Ho 2022 (v), [T] the thesis. Time steps are 0-based
indices, as in the thesis's listings: index t stands for the papers' t + 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion.schedules import NoiseSchedule

Network = Callable[[Tensor, Tensor], Tensor]


class Process:
    """A noise schedule as torch coefficients: float64 inside, cast to the images' type at the edge."""

    def __init__(self, schedule: NoiseSchedule, device: torch.device | str = "cpu"):
        # mps has no float64; there the coefficients are rounded once, here
        dtype = torch.float32 if torch.device(device).type == "mps" else torch.float64
        self.schedule = schedule
        self.timesteps = schedule.timesteps
        self._vectors = {
            name: torch.as_tensor(values.astype(np.float64)).to(device=device, dtype=dtype)
            for name, values in _coefficients(schedule).items()
        }

    def at(self, name: str, t: Tensor, like: Tensor) -> Tensor:
        """Coefficient `name` at indices t (B,), shaped (B, 1, 1, 1) and typed to multiply `like` (B, C, H, W)."""
        return self._vectors[name][t].to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))

    def noised(self, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps  [H eq. 4, T eq. 2.45]."""
        return self.at("sqrt_abar", t, x0) * x0 + self.at("sqrt_1m_abar", t, x0) * eps

    def noised_one_step(self, x_previous: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps  [H eq. 2, T eq. 2.35]."""
        return self.at("sqrt_alpha", t, eps) * x_previous + self.at("sqrt_beta", t, eps) * eps

    def posterior_mean(self, x0: Tensor, xt: Tensor, t: Tensor) -> Tensor:
        """mu-tilde_t(x_t, x_0)  [H eq. 7]."""
        return self.at("posterior_x0", t, xt) * x0 + self.at("posterior_xt", t, xt) * xt

    def mean_from_eps(self, eps: Tensor, xt: Tensor, t: Tensor) -> Tensor:
        """1/sqrt(alpha_t) (x_t - beta_t / sqrt(1 - abar_t) eps)  [H eq. 11, T eq. 3.67, listing 4.2]."""
        return self.at("1_sqrt_alpha", t, xt) * (xt - self.at("beta_sqrt_1m_abar", t, xt) * eps)


def _coefficients(s: NoiseSchedule) -> dict[str, np.ndarray]:
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


@dataclass(frozen=True)
class Prediction:
    """What a network's output says about one noised batch, as eps or as x_0 (each of the images' shape)."""

    eps: Tensor
    x0: Tensor


def target(kind: str, process: Process, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The training target of the given kind: eps [H eq. 14], x0, or v = sqrt(abar) eps - sqrt(1-abar) x_0 [S app. D].

    `bernoulli` aims at the pixel's probability of being inside, (x_0 + 1) / 2, for a cross-entropy loss.
    """
    if kind == "eps":
        return eps
    if kind == "x0":
        return x0
    if kind == "bernoulli":
        return (x0 + 1) / 2
    if kind == "v":
        return process.at("sqrt_abar", t, x0) * eps - process.at("sqrt_1m_abar", t, x0) * x0
    raise ValueError(f"unknown target {kind!r}: choose eps, x0, v or bernoulli")


def interpreted(kind: str, process: Process, output: Tensor, xt: Tensor, t: Tensor) -> Prediction:
    """Both readings of a network's output, by x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps  [H eq. 4]."""
    a, s = process.at("sqrt_abar", t, xt), process.at("sqrt_1m_abar", t, xt)
    if kind == "eps":
        return Prediction(output, (xt - s * output) / a)
    if kind == "v":
        return Prediction(s * xt + a * output, a * xt - s * output)  # [S app. D]
    if kind in ("x0", "bernoulli"):
        # the mean of a +-1 pixel whose log-odds are `output` is tanh(output / 2)
        x0 = output if kind == "x0" else torch.tanh(output / 2)
        return Prediction((xt - a * x0) / s, x0)
    raise ValueError(f"unknown target {kind!r}: choose eps, x0, v or bernoulli")
