"""Noise schedules: one short function each, and what follows from the betas.

A schedule maps u = linspace(0, 1, T) to beta_1 ... beta_T. `beta_min` and `beta_max` bound the thesis's schedules
(section 3.3.1: 1e-4 and 0.02); `cosine` is defined by its own abar and ignores them. numpy only, in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffusion.store.registry import Registry, UnknownNameError

BETA_MIN, BETA_MAX = 1e-4, 0.02
BETA_CLIP = 0.999  # Nichol and Dhariwal 2021, section 3.2: keeps the last cosine steps from being singular
WAVE_CYCLES = 4  # a reading of "dynamic and rhythmic" (thesis 5.1, no formula printed); `wave-K` asks for K cycles
NEAR_NOISE_ABAR, NEAR_CLEAN_ABAR = 0.01, 0.99
ZERO_SNR, TERMINAL_ABAR = "-zero-snr", 1e-8  # a schedule of that ending leaves so little: none, as far as anything sees
LEAST_ABAR = 1e-70  # its root is 1e-35, which float32 still divides noise by: estimates of x_0 need that
FAR_FROM_NOISE_SNR = 0.01  # Lin et al. 2023: sampling from N(0, I) presumes a terminal SNR of zero

Betas = Callable[[np.ndarray, float, float], np.ndarray]


def linear(u, beta_min, beta_max):
    """Ho et al. 2020, section 4."""
    return beta_min + (beta_max - beta_min) * u


def wave(u, beta_min, beta_max, cycles=WAVE_CYCLES):
    """A raised sine with whole cycles between beta_min and beta_max, starting and ending at beta_min."""
    return beta_min + (beta_max - beta_min) * (1 + np.sin(2 * np.pi * cycles * u - np.pi / 2)) / 2


def power(u, beta_min, beta_max, exponent):
    """u to a power: the larger the exponent, the later the noise (thesis 5.1: 1.5, 2 and 10)."""
    return beta_min + (beta_max - beta_min) * u**exponent


def sine_ramp(u, beta_min, beta_max):
    """A quarter period of a sine: another reading of the wave."""
    return beta_min + (beta_max - beta_min) * np.sin(np.pi * u / 2)


def half_sine(u, beta_min, beta_max):
    """Half a period of a sine, up and down again: another reading of the wave."""
    return beta_min + (beta_max - beta_min) * np.sin(np.pi * u)


def quadratic(u, beta_min, beta_max):
    """Linear in the square root of beta."""
    return (np.sqrt(beta_min) + (np.sqrt(beta_max) - np.sqrt(beta_min)) * u) ** 2


def sigmoid(u, beta_min, beta_max):
    """A logistic curve over [-6, 6], as in the tutorials the slides cite; its ends miss the bounds by 0.25%."""
    return beta_min + (beta_max - beta_min) / (1 + np.exp(6 - 12 * u))


def cosine(u, beta_min, beta_max):
    """Nichol and Dhariwal 2021, eq. 17: abar(s) proportional to cos^2((s + 0.008) / 1.008 * pi / 2)."""
    s = np.linspace(0, 1, len(u) + 1)
    abar = np.cos((s + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.clip(1 - abar[1:] / abar[:-1], 0, BETA_CLIP)


def rescale_to_zero_snr(betas):
    """Rescale betas so that next to no signal is left at the last step (Lin et al. 2023, algorithm 1).

    sqrt(abar) is shifted and scaled: the first step keeps its own, the last has sqrt(`TERMINAL_ABAR`) where the paper
    has 0, of which x_0 could not be told apart from eps.
    """
    root, last = np.sqrt(np.cumprod(1 - betas)), np.sqrt(TERMINAL_ABAR)
    if len(root) == 1:
        return np.full(1, 1 - TERMINAL_ABAR)
    abar = (last + (root - root[-1]) * (root[0] - last) / (root[0] - root[-1])) ** 2
    return 1 - abar / np.concatenate([[1.0], abar[:-1]])


def _power(exponent: float) -> Betas:
    return lambda u, beta_min, beta_max: power(u, beta_min, beta_max, exponent)


SCHEDULES = Registry(
    "schedule",
    {
        "linear": linear,
        "wave": wave,
        "power-1.5": _power(1.5),
        "power-2": _power(2),
        "power-10": _power(10),
        "sine-ramp": sine_ramp,
        "half-sine": half_sine,
        "quadratic": quadratic,
        "sigmoid": sigmoid,
        "cosine": cosine,
    },
)


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """The betas of a forward process and what follows from them.

    Arrays are float64 of shape (T,); entry t - 1 belongs to the paper's step t = 1 ... T. The paper's
    abar_t is `abar`, its beta-tilde_t `beta_tilde` (Ho et al. 2020, eq. 4 and 7).

    Raises:
        ValueError: the betas are not a non-empty float vector with every value strictly between 0 and 1, or abar does
            not fall at every step, or falls below `LEAST_ABAR`: rounding would make 0, infinity or nan of them.
    """

    name: str
    betas: np.ndarray

    def __post_init__(self):
        betas = self.betas
        if betas.ndim != 1 or not len(betas):
            raise ValueError(f"schedule {self.name}: betas must be a non-empty vector, not of shape {betas.shape}")
        if not (np.isfinite(betas).all() and betas.min() > 0 and betas.max() < 1):
            raise ValueError(f"schedule {self.name}: every beta must lie strictly between 0 and 1")
        still = np.flatnonzero(np.diff(self.abar, prepend=1.0) >= 0)
        if self.abar[-1] < LEAST_ABAR:
            raise ValueError(
                f"schedule {self.name}: abar falls to {self.abar[-1]:.1e} in {len(betas)} steps, less signal than "
                f"float32 can be scaled back from (abar {LEAST_ABAR:.0e}): lower beta_max or timesteps"
            )
        if len(still):
            raise ValueError(
                f"schedule {self.name}: beta is {betas[still[0]]:.1e} at t = {still[0] + 1}, which rounding takes for "
                "no noise at all: raise beta_min"
            )

    @property
    def timesteps(self) -> int:
        return len(self.betas)

    @property
    def alphas(self) -> np.ndarray:
        return 1 - self.betas

    @cached_property
    def abar(self) -> np.ndarray:
        return np.cumprod(self.alphas)

    @cached_property
    def abar_previous(self) -> np.ndarray:
        """abar_{t-1}, with abar_0 = 1."""
        return np.concatenate([[1.0], self.abar[:-1]])

    @cached_property
    def beta_tilde(self) -> np.ndarray:
        """Variance of the forward posterior q(x_{t-1} | x_t, x_0), Ho et al. 2020, eq. 7; zero at t = 1."""
        return (1 - self.abar_previous) / (1 - self.abar) * self.betas

    @cached_property
    def snr(self) -> np.ndarray:
        """abar_t / (1 - abar_t), Kingma et al. 2021, eq. 2."""
        return self.abar / (1 - self.abar)

    def prior_bits(self, mean_square: float = 1.0) -> float:
        """L_T = KL(q(x_T | x_0) || N(0, I)) in bits per dimension, for data in [-1, 1] of the given mean square.

        Binary images have a mean square of exactly 1.
        """
        abar_T = self.abar[-1]
        return float(0.5 * (abar_T * mean_square - abar_T - np.log1p(-abar_T)) / np.log(2))

    def respaced(self, steps: int) -> "tuple[NoiseSchedule, np.ndarray]":
        """The process seen at `steps` evenly spread of its time steps (Nichol and Dhariwal 2021, section 4).

        Returns the schedule whose betas join those steps, itself for all T, and the original indices (0-based,
        ascending).

        Raises:
            ValueError: steps is not in 1 ... T, or so few that a beta rounds to 1.
        """
        if not 1 <= steps <= self.timesteps:
            raise ValueError(f"sampler steps must lie in 1 ... {self.timesteps} (the model's T), not {steps}")
        if steps == self.timesteps:
            return self, np.arange(steps)
        first = 0 if steps > 1 else self.timesteps - 1
        kept = np.round(np.linspace(first, self.timesteps - 1, steps)).astype(np.int64)
        abar = self.abar[kept]
        betas = 1 - abar / np.concatenate([[1.0], abar[:-1]])
        if betas.max() == 1:
            raise ValueError(f"sampler steps are too few ({steps}): beta from one to the next rounds to 1; give more")
        return NoiseSchedule(self.name, betas), kept

    def facts(self) -> dict[str, float | str]:
        """What a reader wants to know of a schedule before training on it (units in the column names)."""
        return {
            "schedule": self.name,
            "T": self.timesteps,
            "beta first": self.betas[0],
            "beta last": self.betas[-1],
            "beta min": self.betas.min(),
            "beta max": self.betas.max(),
            "abar_T": self.abar[-1],
            "terminal SNR": self.snr[-1],
            "L_T (bits/dim)": self.prior_bits(),
            "near-noise steps": float((self.abar < NEAR_NOISE_ABAR).mean()),
            "near-clean steps": float((self.abar > NEAR_CLEAN_ABAR).mean()),
        }

    @property
    def far_from_noise(self) -> bool:
        """Whether sampling from N(0, I) starts off the distribution of x_T."""
        return bool(self.snr[-1] > FAR_FROM_NOISE_SNR)


def named(name: str) -> Betas:
    """The schedule function for a name of the registry, `power-P` for any P > 0, or `wave-K` for K whole cycles.

    NAME-zero-snr is the schedule NAME rescaled; see `rescale_to_zero_snr`.

    Raises:
        ValueError: no such schedule; the message lists what there is.
    """
    if name in SCHEDULES:
        return SCHEDULES[name]
    if name.endswith(ZERO_SNR):
        plain = named(name.removesuffix(ZERO_SNR))
        return lambda u, beta_min, beta_max: rescale_to_zero_snr(plain(u, beta_min, beta_max))
    family, _, parameter = name.partition("-")
    try:
        if family == "power" and 0 < float(parameter) < 1000:
            _check_spelling(name, f"power-{float(parameter):.15g}" if float(parameter) != 1 else "linear")
            return _power(float(parameter))
        if family == "wave" and 1 <= int(parameter) <= 1000:
            _check_spelling(name, f"wave-{int(parameter)}" if int(parameter) != WAVE_CYCLES else "wave")
            return lambda u, beta_min, beta_max: wave(u, beta_min, beta_max, int(parameter))
    except SpellingError:
        raise
    except ValueError:
        pass
    raise UnknownNameError(
        f"unknown schedule {name!r}: choose from {', '.join(SCHEDULES)}, power-P or wave-K, or any NAME-zero-snr"
    )


class SpellingError(ValueError):
    """A known schedule under another name than its own."""


def _check_spelling(name: str, usual: str) -> None:
    if name != usual:
        raise SpellingError(f"schedule {name!r} is called {usual!r}: one name for one thing")


def schedule(name: str, timesteps: int = 1000, beta_min: float = BETA_MIN, beta_max: float = BETA_MAX) -> NoiseSchedule:
    """The named schedule with T = `timesteps` steps.

    Raises:
        ValueError: unknown name, T < 1, or beta bounds that are not 0 < beta_min <= beta_max < 1 or that rounding
            makes 0 or 1 of.
    """
    if timesteps < 1:
        raise ValueError(f"timesteps must be at least 1, not {timesteps}")
    if not 0 < beta_min <= beta_max < 1:
        raise ValueError(f"beta bounds must satisfy 0 < beta_min <= beta_max < 1, not {beta_min} and {beta_max}")
    u = np.linspace(0, 1, timesteps)
    return NoiseSchedule(name, np.asarray(named(name)(u, beta_min, beta_max), dtype=np.float64))
