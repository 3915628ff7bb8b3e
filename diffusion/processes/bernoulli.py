"""Coins in place of Gaussian noise, for images in black and white: every step turns some pixels into fair coins.

Pixels are +1 or -1. With k_t = sqrt(abar_t) of the schedule, x_t keeps x_0 with probability k_t and is a fair coin
otherwise, so E[x_t | x_0] = k_t x_0, and the signal-to-noise ratio k_t^2 / (1 - k_t^2) is the Gaussian's. This is
discrete diffusion with uniform transitions on two states (Sohl-Dickstein et al. 2015, section 2.1; Austin et al. 2021).
torch is imported when it is needed, so that facts can be asked without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from diffusion.processes.states import Prediction
from diffusion.schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Bernoulli"]

SURE = 1 - 1e-6  # an estimate of x_0 is taken for at most this sure, so that a mistake costs 20 bits and not infinity


class Bernoulli:
    """A noise schedule as the chances of coins: float64 inside, cast to the images' type at the edge."""

    extras = frozenset()
    variances = ()
    value_ranges = ("symmetric",)
    bound = "diffusion.processes.bernoulli_bits:BernoulliBits"

    def __init__(self, schedule: NoiseSchedule, device="cpu"):
        import torch

        self.schedule, self.device, self.timesteps = schedule, torch.device(device), schedule.timesteps
        self.kept = np.sqrt(schedule.abar)  # k
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        before = np.concatenate([[1.0], self.kept[:-1]])
        self._vectors = {
            name: torch.as_tensor(values).to(device=device, dtype=dtype)
            for name, values in {"k": self.kept, "before": before, "step": self.kept / before}.items()
        }

    @property
    def signal(self) -> np.ndarray:
        """The signal-to-noise ratio k_t^2 / (1 - k_t^2), float64 (T,)."""
        return self.schedule.snr

    def at(self, name: str, t: Tensor | int, like: Tensor) -> Tensor:
        """Return `k`, k of the step before or the step's own share, shaped and typed to multiply `like` (B, ...)."""
        return self._vectors[name][t].to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))

    def noise(self, x0: Tensor, source: Generator) -> Tensor:
        """Draw N(0, I) in the images' shape, on the CPU: its quantiles decide the coins."""
        import torch

        return torch.randn(x0.shape, generator=source)

    def noised(self, x0: Tensor, t: Tensor | int, hidden: Tensor) -> Tensor:
        """Return x_t of +1 and -1 with the mean k_t x_0; a gray x_0 is that of a random black or white one."""
        return _toss(self.at("k", t, x0) * x0, hidden)

    def seen(self, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return x_t, which the network sees as it is."""
        return xt

    def hidden(self, x0: Tensor, xt: Tensor, t: Tensor | int) -> None:
        """Return None: coins say nothing of a single random part."""
        return

    def error(self, found: Prediction, x0: Tensor, hidden: Tensor) -> Tensor:
        """Return the cross-entropy of each image in nats a pixel, (B,)."""
        import torch

        x = found.x0.clamp(-SURE, SURE)
        return -torch.log1p(x0 * x).sub(np.log(2)).flatten(1).mean(1)

    def start(self, noise: Callable[[], Tensor]) -> Tensor:
        """Draw x_T of fair coins."""
        normal = noise()
        return _toss(normal.new_zeros(()), normal)

    def reverse_mean(self, x0: Tensor, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return E[x_{t-1} | x_t] where x_0 is a coin of mean `x0`, in [-1, 1].

        For x_0 = +-1 it is the posterior's, (r x_t + k' x_0) / (1 + k x_t x_0) with r = k / k'.
        """
        k, before, r = (self.at(name, t, xt) for name in ("k", "before", "step"))
        white, black = ((r * xt + before * one) / (1 + k * xt * one) for one in (1, -1))
        return (1 + x0) / 2 * white + (1 - x0) / 2 * black

    def backward(self, found: Prediction, xt: Tensor, t: int, noise=None) -> Tensor:
        """Draw x_{t-1}; without `noise` its mean, and the estimate of x_0 at t = 0."""
        if t == 0:
            return found.x0
        mean = self.reverse_mean(found.x0.clamp(-1, 1), xt, t)
        return mean if noise is None else _toss(mean, noise())

    def respaced(self, steps: int) -> tuple[Bernoulli, np.ndarray]:
        """Return the process seen at `steps` of its time steps, and their indices."""
        schedule, kept = self.schedule.respaced(steps)
        return (self if schedule is self.schedule else Bernoulli(schedule, self.device)), kept

    def ended(self, steps: int) -> Bernoulli:
        """Return the process that ends after its first `steps` steps."""
        return Bernoulli(NoiseSchedule(self.schedule.name, self.schedule.betas[:steps]), self.device)


def _toss(mean: Tensor, normal: Tensor) -> Tensor:
    """Return +1 with probability (1 + mean) / 2 and -1 otherwise, at the quantiles of standard normal numbers."""
    import torch

    return torch.where(torch.special.ndtr(normal) < (1 + mean) / 2, 1.0, -1.0).to(normal)
