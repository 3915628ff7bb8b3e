"""Counts in place of Gaussian noise: Chen and Zhou 2023 [J], "Learning to jump: thinning and thickening latent counts".

z_t given x_0 in [0, 1] is Poisson(rho_t x_0); a step forward keeps each count with probability rho_t / rho_{t-1}
(thinning), a step back adds Poisson((rho_{t-1} - rho_t) x_0) (thickening), as counts that are thinned away are
independent of those that stay. rho_t = lambda alpha_t of [J] is the signal-to-noise ratio of a white pixel.

Any schedule drives it: log rho_t is the schedule's log-SNR, stretched to fall between two ends. torch is imported when
it is needed, so that facts can be asked without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from diffusion.processes.states import Prediction
from diffusion.schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["LOG_SNR_FIRST", "LOG_SNR_LAST", "Poisson", "draw_counts", "kl", "stretched"]

LOG_SNR_FIRST, LOG_SNR_LAST = 10.0, -12.0  # log rho of the first and the last step, as in [J]
LOWEST = -700  # log rho, of a rate that float64 holds to full precision
LARGEST = 2**24  # float32 holds every whole number up to this
BLANK = 0.5  # brightness whose counts a path starts from: of rho_T = 6e-6 counts a pixel next to none


class Poisson:
    """Counts z_t as floating whole numbers; rates: rho, float64 (T,), falling.

    Args:
        schedule: whose log-SNR gives the shape of log rho.
        device: torch's.
        log_snr_first, log_snr_last: log rho of the first step, at most 16.6, and of the last one, below it.
        rates: rho itself, in place of what follows from the schedule.

    Raises:
        ValueError: rates that do not fall, are not finite and positive, or give counts above 2^24.
    """

    options = frozenset({"log_snr_first", "log_snr_last"})
    extras = frozenset()
    variances = ()
    value_ranges = ("unit",)
    bound = "diffusion.processes.poisson_bits:PoissonBits"

    def __init__(
        self,
        schedule: NoiseSchedule,
        device="cpu",
        log_snr_first: float = LOG_SNR_FIRST,
        log_snr_last: float = LOG_SNR_LAST,
        rates: np.ndarray | None = None,
    ):
        import torch

        self.schedule, self.device = schedule, torch.device(device)
        given = stretched(schedule, log_snr_first, log_snr_last) if rates is None else np.asarray(rates, np.float64)
        self.rates = _checked(given)
        self.timesteps = len(self.rates)
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        self._rates = torch.as_tensor(self.rates).to(device=device, dtype=dtype)

    @staticmethod
    def check(schedule: NoiseSchedule, log_snr_first: float, log_snr_last: float) -> None:
        """Refuse, without torch, what no process can be made of.

        Raises:
            ValueError: ends or a schedule whose rates do not fall, or give counts above 2^24.
        """
        _checked(stretched(schedule, log_snr_first, log_snr_last))

    @property
    def signal(self) -> np.ndarray:
        """The signal-to-noise ratio of a white pixel, rho_t: float64 (T,)."""
        return self.rates

    def at(self, t: Tensor | int, like: Tensor) -> Tensor:
        """Return rho at indices t (B,), or one for all, shaped and typed to multiply `like` (B, ...)."""
        return self._rates[t].to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))

    def noise(self, x0: Tensor, source: Generator) -> Tensor:
        """Draw N(0, I) in the images' shape, on the CPU: its quantiles become those of the counts."""
        import torch

        return torch.randn(x0.shape, generator=source)

    def noised(self, x0: Tensor, t: Tensor | int, hidden: Tensor) -> Tensor:
        """Return z_t from Poisson(rho_t x_0), at the quantile of `hidden`.

        Raises:
            ValueError: intensities x_0 that are negative or not finite.
        """
        return draw_counts(self.at(t, x0) * x0, hidden)

    def seen(self, xt: Tensor, t: Tensor | int) -> Tensor:
        """Return what the network sees: z_t / (rho_t + 1), which lies near x_0 where there is signal.

        [J] divides by rho_t; a single count at the last step would then be 160,000.
        """
        return xt / (self.at(t, xt) + 1)

    def hidden(self, x0: Tensor, xt: Tensor, t: Tensor | int) -> None:
        """Return None: counts say nothing of a single random part."""
        return

    def error(self, found: Prediction, x0: Tensor, hidden: Tensor) -> Tensor:
        """Return the simple loss of each image, (B,): the mean of `kl`, without the steps' weights."""
        return kl(x0, found.x0).flatten(1).mean(1)

    def start(self, noise: Callable[[], Tensor]) -> Tensor:
        """Draw z_T of an image of even gray, which is nearly always 0."""
        normal = noise()
        return draw_counts(self.at(self.timesteps - 1, normal).expand_as(normal) * BLANK, normal)

    def backward(self, found: Prediction, xt: Tensor, t: int, noise=None) -> Tensor:
        """Draw z_{t-1} = z_t + Poisson((rho_{t-1} - rho_t) x_0); without `noise` its mean, and x_0 at t = 0."""
        if t == 0:
            return found.x0
        more = (self.at(t - 1, xt) - self.at(t, xt)) * found.x0.clamp(min=0)
        return xt + (more if noise is None else draw_counts(more, noise()))

    def respaced(self, steps: int) -> tuple[Poisson, np.ndarray]:
        """Return the process seen at `steps` of its time steps, and their indices."""
        _, kept = self.schedule.respaced(steps)
        return (self if steps == self.timesteps else Poisson(self.schedule, self.device, rates=self.rates[kept])), kept

    def ended(self, steps: int) -> Poisson:
        """Return the process that ends after its first `steps` steps."""
        return Poisson(self.schedule, self.device, rates=self.rates[:steps])


def stretched(schedule: NoiseSchedule, first: float = LOG_SNR_FIRST, last: float = LOG_SNR_LAST) -> np.ndarray:
    """Return rho, float64 (T,): exp of the schedule's log-SNR, stretched to fall from `first` to `last`.

    Raises:
        ValueError: `first` is not above `last`, a number is not finite, or `last` lies below -700.
    """
    if not (np.isfinite(first) and np.isfinite(last) and first > last):
        raise ValueError(
            f"log_snr_first ({first:g}) must lie above log_snr_last ({last:g}), both finite: signal is lost on the way"
        )
    if last < LOWEST:
        raise ValueError(f"log_snr_last ({last:g}) must be at least {LOWEST}: float64 holds no smaller rates")
    logs = np.log(schedule.snr)
    with np.errstate(over="ignore"):
        if len(logs) == 1:
            return np.exp([first])
        return np.exp(last + (first - last) * (logs - logs[-1]) / (logs[0] - logs[-1]))


def _checked(rates: np.ndarray) -> np.ndarray:
    if rates[0] + 10 * np.sqrt(rates[0]) > LARGEST:
        raise ValueError(
            f"a rate of {rates[0]:.3g} at the first step gives counts above 2^24, which float32 does not hold: lower "
            "log_snr_first to 16.6 or less"
        )
    if not (np.isfinite(rates).all() and (rates > 0).all() and (np.diff(rates) < 0).all()):
        raise ValueError(
            "the rates of a Poisson process must be finite and positive, and fall: choose another schedule, or ends "
            "(log_snr_first, log_snr_last) that rounding leaves apart"
        )
    return rates


def kl(x0: Tensor, found: Tensor) -> Tensor:
    """Return x log(x / x_hat) - x + x_hat, pixel by pixel: a step's KL divergence over its share of the rate.

    Infinite where x is positive and x_hat is not.
    """
    import torch

    return torch.xlogy(x0, x0) - torch.xlogy(x0, found.clamp(min=0)) - x0 + found.clamp(min=0)


def draw_counts(rate: Tensor, normal: Tensor) -> Tensor:
    """Draw Poisson counts at the quantiles of standard normal numbers: exact, and of `rate`'s shape and type.

    The smallest k with P(N <= k) >= Phi(normal), from Cornish and Fisher's expansion and steps of one.

    Raises:
        ValueError: rates that are negative or not finite.
    """
    import torch

    if not (torch.isfinite(rate).all() and (rate >= 0).all()):
        raise ValueError("a Poisson rate is negative or not finite: the model has diverged, or its images are wrong")
    exact = (lambda one: one.cpu().double()) if rate.device.type == "mps" else (lambda one: one.double())
    mean, z = exact(rate), exact(normal.expand_as(rate))
    level = torch.special.ndtr(z)
    counts, some = torch.zeros_like(mean), level > torch.exp(-mean)
    if some.any():
        counts[some] = _search(mean[some], level[some], z[some])
    return counts.to(rate)


def _search(mean: Tensor, level: Tensor, z: Tensor) -> Tensor:
    import torch

    k = (mean + mean.sqrt() * z + (z * z - 1) / 6).round().clamp(min=1)  # 0 was settled before
    left = torch.arange(len(k), device=k.device)
    while len(left):
        here, rate, wanted = k[left], mean[left], level[left]
        up = torch.special.gammaincc(here + 1, rate) < wanted  # P(N <= k) = Q(k + 1, rate)
        down = ~up & (here > 1) & (torch.special.gammaincc(here, rate) >= wanted)
        k[left] = here + up.to(here) - down.to(here)
        left = left[up | down]
    return k
