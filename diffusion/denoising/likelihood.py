"""The variational bound of a model on images, term by term, in bits per dimension.

L_T + sum_t L_{t-1} + L_0 bounds -log2 p(x_0) from above, for the sampler that draws x_{t-1} from the model's reverse
step. The terms are the process's own (see `diffusion.processes.gaussian_bits`). Equations: [K] Kingma et al. 2021.
Time steps in results are the papers' t = 1 ... T; indices t - 1 only inside.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from diffusion.accelerator.feeding import fed
from diffusion.denoising.model import Model
from diffusion.images import lowest, to_network
from diffusion.store.registry import resolve
from diffusion.streams import generator

__all__ = ["PAIR_COLUMNS", "Bound", "Bounding", "bound", "curve", "proposal", "spread_steps", "terms"]

LIKELIHOOD_STREAM = 21
GROUPS = 16  # of images, each with time steps of its own: their spread is the estimate's standard error
PAIR_COLUMNS = ("image", "t", "squared_eps_error", "bits")


@dataclass(frozen=True)
class Bound:
    """The bound's terms, in bits per dimension, means over images.

    prior: L_T, exact; steps: the sum of L_{t-1} over t = 2 ... T; decoder: L_0; each `..._se` the standard error over
    groups of images, nan for a single group. pairs: float64 (P, 4), a row for each (image, t) that was looked at, with
    the mean squared error of the predicted noise and L_{t-1} (L_0 at t = 1), as `PAIR_COLUMNS` say; t ascends.
    images, draws: how many, and time steps for each. groups: images were treated in that many. log_snr: of each of the
    process's T steps (natural).
    """

    prior: float
    steps: float
    decoder: float
    prior_se: float
    steps_se: float
    decoder_se: float
    total_se: float
    images: int
    draws: int
    groups: int
    pairs: np.ndarray
    log_snr: np.ndarray

    @property
    def total(self) -> float:
        return self.prior + self.steps + self.decoder

    @property
    def record(self) -> dict[str, float | int | None]:
        """The terms, by the names of `diffusion.store.records.LikelihoodRecord`; None for nan."""
        scalars = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("pairs", "log_snr")}
        return {name: None if value != value else value for name, value in scalars.items()} | {"total": self.total}

    @property
    def summary(self) -> str:
        """The terms in words, for a terminal."""
        return (
            f"{self.total:.4f} bits/dim (standard error {self.total_se:.2g}): L_T {self.prior:.4f}, "
            f"L_t {self.steps:.4f}, L_0 {self.decoder:.4f}"
        )

    @property
    def table(self):
        """The bound over time, see `curve`."""
        return curve(self)


@dataclass(frozen=True)
class Bounding:
    """How a bound is estimated.

    draws: time steps an image, spread evenly over the images; None takes every step for every image. variance: of the
    reverse steps. batch_size: images a network call, on which no noise depends.

    Raises:
        ValueError: draws < 1.
    """

    draws: int | None = 16
    variance: str = "beta"
    seed: int = 0
    batch_size: int = 500

    def __post_init__(self):
        if self.draws is not None and self.draws < 1:
            raise ValueError(f"draws must be at least 1, not {self.draws}")


@torch.no_grad()
def bound(model: Model, images: np.ndarray, progress: Callable[[int], None] | None = None, **how) -> Bound:
    """Estimate the bound on uint8 images (N, C, H, W), by Monte Carlo over noise and time steps.

    Images go in up to 16 groups, in each of which the time steps are spread over 2 ... T from one random start, as in
    [K app. I.1], small t more often, and weighted to make up for it. Every image adds one draw of x_1 for L_0.

    Args:
        progress: called with the number of network evaluations of each batch.
        how: fields of `Bounding`.

    Raises:
        ValueError: no images, another shape than the model's, draws < 1, an unknown variance, or a process without a
            bound.
    """
    how, images, T = Bounding(**how), _checked(model, images), model.process.timesteps
    bits = _bits(model, how.variance)
    every, chances = how.draws is None, proposal(T, how.draws)
    draws = T - 1 if every or T == 1 else how.draws
    groups = np.array_split(np.arange(len(images)), min(GROUPS, len(images)))
    found, quick = [], model.captured()
    for number, group in enumerate(groups):
        source = generator(how.seed, LIKELIHOOD_STREAM, number)
        rng = np.random.default_rng(np.random.SeedSequence([how.seed, LIKELIHOOD_STREAM, number]))
        chosen = np.arange(2, T + 1).repeat(len(group)) if every else spread_steps(len(group) * draws, chances, rng)
        asked = _Asked(np.tile(group, draws + 1), np.concatenate([np.ones(len(group), np.int64), chosen]), source)
        found.append(np.concatenate([*_rows(quick, bits, images, asked, how.batch_size, progress)]))
    prior = bits.prior(to_network(torch.from_numpy(images), model.settings.value_range))
    return _summed(found, groups, prior, chances, draws, np.log(model.process.signal))


def _bits(model: Model, variance: str):
    if model.process.bound is None:
        raise ValueError(f"process {model.settings.process!r} has no bound of the likelihood")
    if variance != Bounding.variance and not model.process.variances:
        raise ValueError("the model's process has no choice of variance: leave it out")
    return resolve(model.process.bound)(model.process, variance)


def _checked(model: Model, images: np.ndarray) -> np.ndarray:
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or images.shape[1:] != tuple(model.shape):
        raise ValueError(
            f"images are {images.dtype} {images.shape}, but uint8 (N, {', '.join(map(str, model.shape))}), N >= 1, "
            "is what this model was trained on: give the data set of its run"
        )
    return images


def proposal(timesteps: int, draws: int | None) -> np.ndarray:
    """Return probabilities of the steps 2 ... T, (T - 1,): half even, half falling as 1 / (t - 1).

    All are even where every step is taken.

    At small t the terms are large and spread widely, so an even draw would leave most of the error there.
    """
    even = np.full(timesteps - 1, 1 / max(timesteps - 1, 1))
    if draws is None:
        return even
    early = 1 / np.arange(1, timesteps)
    return even / 2 + early / early.sum() / 2


def spread_steps(count: int, probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` of the steps 2 ... T in random order, in proportion to `probabilities` from one random start.

    Systematic sampling: a step comes floor or ceil of count times its probability times.
    """
    ends = np.cumsum(probabilities) / probabilities.sum()
    places = (np.arange(count) + rng.uniform(1e-6, 1 - 1e-6)) / count  # off the ends, which are rounded
    steps = np.searchsorted(ends, places, side="right")
    return rng.permutation(np.minimum(steps, len(ends) - 1) + 2)


@dataclass(frozen=True)
class _Asked:
    """Images `which` at steps t, each (P,); the noise comes from `source` in this order."""

    which: np.ndarray
    t: np.ndarray
    source: torch.Generator


def _rows(model: Model, bits: Any, images: np.ndarray, asked: _Asked, batch_size: int, progress):
    """Rows of `PAIR_COLUMNS`, a batch at a time."""

    def batches():
        for start in range(0, len(asked.t), batch_size):
            which, t = (of[start : start + batch_size] for of in (asked.which, asked.t))
            x0 = to_network(torch.from_numpy(images[which]), model.settings.value_range)
            yield which, t, x0, model.process.noise(x0, asked.source)

    for which, t, x0, hidden in fed(batches(), model.device.torch):
        yield np.column_stack([which, t, *terms(model, bits, x0, t, hidden)])
        if progress:
            progress(len(x0))


def terms(model: Model, bits: Any, x0: torch.Tensor, t: np.ndarray, hidden: torch.Tensor):
    """Return the mean squared errors of eps, and L_{t-1} or, at t = 1, L_0, of images (B, C, H, W): two float64 (B,).

    bits: the process's terms, such as `GaussianBits`; t: 1 ... T; hidden: the random part of x_t.
    """
    device = model.device.torch
    x0, hidden, index = x0.to(device), hidden.to(device), torch.as_tensor(t - 1, device=device)
    xt = model.process.noised(x0, index, hidden)
    found = model.predict(xt, index)
    errors, values, later = bits.errors(found, x0, xt, index, hidden), np.zeros(len(t)), t > 1
    values[later] = bits.steps(t[later], errors[later])
    if not later.all():
        first = torch.as_tensor(~later, device=device)
        values[~later] = bits.decoder(x0[first], found.x0[first], lowest(model.settings.value_range))
    return errors, values


def _summed(found, groups, priors, chances, draws, log_snr) -> Bound:
    prior = np.array([priors[group].mean() for group in groups])
    decoder = np.array([pairs[pairs[:, 1] == 1, 3].mean() for pairs in found])
    steps = np.array([_steps_bits(pairs[pairs[:, 1] > 1], chances) for pairs in found])
    weights = np.array([len(group) for group in groups]) / len(priors)
    means = [float(weights @ term) for term in (prior, steps, decoder)]
    spreads = [_standard_error(term, weights) for term in (prior, steps, decoder, prior + steps + decoder)]
    pairs = np.concatenate(found)
    pairs = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
    return Bound(*means, *spreads, len(priors), draws, len(groups), pairs, log_snr)


def _steps_bits(pairs, chances) -> float:
    """The sum over t from a sample of steps: each term over the probability of its step."""
    if not len(pairs):
        return 0.0
    return float((pairs[:, 3] / chances[pairs[:, 1].astype(np.int64) - 2]).mean())


def _standard_error(values: np.ndarray, weights: np.ndarray) -> float:
    if len(values) < 2:
        return float("nan")
    mean = weights @ values
    return float(np.sqrt(weights @ (values - mean) ** 2 / (len(values) - 1)))


def curve(found: Bound):
    """Return the bound over time, a DataFrame with a row for each t that was looked at.

    t, log_snr (natural), squared_eps_error, bits (L_{t-1}; L_0 at t = 1) and how many draws they are means of.
    """
    import pandas as pd

    pairs = pd.DataFrame(found.pairs, columns=PAIR_COLUMNS)
    by_t = pairs.groupby("t")
    means = by_t[["squared_eps_error", "bits"]].mean().reset_index()
    t = means.t.to_numpy().astype(np.int64)
    means["t"] = t
    means.insert(1, "log_snr", found.log_snr[t - 1])
    return means.assign(draws=by_t.size().to_numpy())
