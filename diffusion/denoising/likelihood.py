"""The variational bound of a model on images, term by term, in bits per dimension.

L_T + sum_t L_{t-1} + L_0 bounds -log2 p(x_0) from above, for the sampler that draws x_{t-1} from
N(mu_theta(x_t, t), sigma_t^2 I). Equations: [H] Ho et al. 2020, whose eq. 13 is the decoder at 256 levels,
[K] Kingma et al. 2021. Time steps in results are the papers' t = 1 ... T; indices t - 1 only inside.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diffusion.denoising.model import Model, to_network
from diffusion.runs import write_together
from diffusion.store.files import read_images, write_array
from diffusion.store.records import computed_by
from diffusion.training import generator

__all__ = [
    "PAIR_COLUMNS",
    "VARIANCES",
    "Bound",
    "bound",
    "curve",
    "decoder_bits",
    "read_test_images",
    "spread_steps",
    "step_bits",
    "variances",
    "write_bound",
]

LIKELIHOOD_STREAM = 21
LEVELS = 256
GROUPS = 16  # of images, each with time steps of its own: their spread is the estimate's standard error
VARIANCES = ("beta", "beta-tilde")
PAIR_COLUMNS = ("image", "t", "squared_eps_error", "bits")


@dataclass(frozen=True)
class Bound:
    """The bound's terms, in bits per dimension, means over images.

    prior: L_T, exact; steps: the sum of L_{t-1} over t = 2 ... T; decoder: L_0; each `..._se` the standard error over
    groups of images, nan for a single group. pairs: float64 (P, 4), a row for each (image, t) that was looked at, with
    the mean squared error of the predicted noise and L_{t-1} (L_0 at t = 1), as `PAIR_COLUMNS` say; t ascends.
    images, draws: how many, and time steps for each. groups: images were treated in that many.
    """

    prior: float
    steps: float
    decoder: float
    prior_se: float
    steps_se: float
    decoder_se: float
    total_se: float
    pairs: np.ndarray
    images: int
    draws: int
    groups: int

    @property
    def total(self) -> float:
        return self.prior + self.steps + self.decoder


def variances(schedule, kind: str = "beta") -> np.ndarray:
    """sigma_t^2 of the reverse steps, float64 (T,): beta_t, or beta-tilde_t [H section 3.2].

    beta-tilde_1 is zero, and no density: there beta-tilde_2 stands in, as in the code of [H] (beta_1 where T = 1).
    """
    if kind not in VARIANCES:
        raise ValueError(f"unknown variance {kind!r}: choose {' or '.join(VARIANCES)}")
    if kind == "beta" or schedule.timesteps == 1:
        return schedule.betas
    return np.concatenate([schedule.beta_tilde[1:2], schedule.beta_tilde[1:]])


def step_bits(schedule, kind: str, t: np.ndarray, squared_eps_error: np.ndarray) -> np.ndarray:
    """L_{t-1} = KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)) in bits per dimension, for t >= 2.

    Two Gaussians [H eq. 5-8] whose means differ by beta_t / sqrt(alpha_t (1 - abar_t)) (eps - eps_hat) [H eq. 12]:
    t and the mean squared errors of eps are of one shape.
    """
    i = np.asarray(t) - 1
    beta, tilde, sigma2 = schedule.betas[i], schedule.beta_tilde[i], variances(schedule, kind)[i]
    apart = beta**2 / (schedule.alphas[i] * (1 - schedule.abar[i])) * squared_eps_error
    ratio = tilde / sigma2
    return 0.5 * (ratio - 1 - np.log(ratio) + apart / sigma2) / np.log(2)


def decoder_bits(x0: Tensor, mean: Tensor, sigma: float, low: float = -1.0) -> Tensor:
    """-log2 of what N(mean, sigma^2) puts into the bin of x0, pixel by pixel in float64 [H eq. 13].

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


@torch.no_grad()
def bound(
    model: Model,
    images: np.ndarray,
    draws: int | None = 16,
    variance: str = "beta",
    seed: int = 0,
    batch_size: int = 500,
    progress: Callable[[int], None] | None = None,
) -> Bound:
    """The bound on uint8 images (N, C, H, W), by Monte Carlo over noise and, for `draws` time steps an image, over t.

    Images go in up to 16 groups, in each of which the time steps are spread over 2 ... T from one random start, as in
    [K app. I.1], small t more often, and weighted to make up for it; draws = None takes every step for every image.
    Every image adds one draw of x_1 for L_0.
    `progress` is called with the number of network evaluations of each batch.

    Raises:
        ValueError: no images, another shape than the model's, draws < 1, or an unknown variance.
    """
    images = _checked(model, images)
    T = model.process.timesteps
    if draws is not None and draws < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    variances(model.process.schedule, variance)
    every, chances = draws is None, proposal(T, draws)
    draws = T - 1 if every or T == 1 else draws
    groups = np.array_split(np.arange(len(images)), min(GROUPS, len(images)))
    found = []
    for number, group in enumerate(groups):
        source = generator(seed, LIKELIHOOD_STREAM, number)
        rng = np.random.default_rng(np.random.SeedSequence([seed, LIKELIHOOD_STREAM, number]))
        chosen = np.arange(2, T + 1).repeat(len(group)) if every else spread_steps(len(group) * draws, chances, rng)
        t = np.concatenate([np.ones(len(group), np.int64), chosen])
        which = np.tile(group, draws + 1)
        found.append(_pairs(model, images, which, t, source, variance, batch_size, progress))
    return _summed(found, groups, _prior_bits(model, images), chances, draws)


def _checked(model: Model, images: np.ndarray) -> np.ndarray:
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or images.shape[1:] != tuple(model.shape):
        raise ValueError(
            f"images are {images.dtype} {images.shape}, but uint8 (N, {', '.join(map(str, model.shape))}), N >= 1, "
            "is what this model was trained on: give the data set of its run"
        )
    return images


def proposal(timesteps: int, draws: int | None) -> np.ndarray:
    """Probabilities of the steps 2 ... T, (T - 1,): half even, half falling as 1 / (t - 1); all even for every step.

    At small t the terms are large and spread widely, so an even draw would leave most of the error there.
    """
    even = np.full(timesteps - 1, 1 / max(timesteps - 1, 1))
    if draws is None:
        return even
    early = 1 / np.arange(1, timesteps)
    return even / 2 + early / early.sum() / 2


def spread_steps(count: int, probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`count` of the steps 2 ... T in random order, in proportion to `probabilities` from one random start.

    Systematic sampling: a step comes floor or ceil of count times its probability times.
    """
    ends = np.cumsum(probabilities) / probabilities.sum()
    places = (np.arange(count) + rng.uniform(1e-6, 1 - 1e-6)) / count  # off the ends, which are rounded
    steps = np.searchsorted(ends, places, side="right")
    return rng.permutation(np.minimum(steps, len(ends) - 1) + 2)


def _pairs(model, images, which, t, source, variance, batch_size, progress):
    """Rows of `PAIR_COLUMNS` for images `which` at steps t; the noise comes from `source` in this order."""
    rows = []
    for start in range(0, len(t), batch_size):
        part = slice(start, start + batch_size)
        x0 = to_network(torch.from_numpy(images[which[part]]), model.settings.value_range)
        eps = torch.randn((len(x0), *x0.shape[1:]), generator=source)
        rows.append(np.column_stack([which[part], t[part], *_terms(model, x0, t[part], eps, variance)]))
        if progress:
            progress(len(x0))
    return np.concatenate(rows)


def _prior_bits(model, images) -> np.ndarray:
    """L_T of each image, float64 (N,)."""
    x0 = to_network(torch.from_numpy(images), model.settings.value_range).double()
    squares = x0.square().flatten(1).mean(1).numpy()
    return np.array([model.process.schedule.prior_bits(float(square)) for square in squares])


def _terms(model, x0: Tensor, t: np.ndarray, eps: Tensor, variance: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared error of eps, and L_{t-1} or, at t = 1, L_0, of images (B, C, H, W): two float64 (B,)."""
    schedule, device = model.process.schedule, model.device.torch
    x0, eps, index = x0.to(device), eps.to(device), torch.as_tensor(t - 1, device=device)
    xt = model.process.noised(x0, index, eps)
    predicted = model.predict(xt, index)
    errors = (predicted.eps - eps).double().square().flatten(1).mean(1).cpu().numpy()
    bits = np.zeros(len(t))
    later = t > 1
    bits[later] = step_bits(schedule, variance, t[later], errors[later])
    if not later.all():
        first = torch.as_tensor(~later, device=device)
        low = -1.0 if model.settings.value_range == "symmetric" else 0.0
        sigma = float(np.sqrt(variances(schedule, variance)[0]))
        # at t = 1 the mean mu_theta is the estimate of x_0 itself [H eq. 7]: abar_0 = 1
        pixels = decoder_bits(x0[first].cpu(), predicted.x0[first].cpu(), sigma, low)
        bits[~later] = pixels.flatten(1).mean(1).numpy()
    return errors, bits


def _summed(found, groups, priors, chances, draws) -> Bound:
    prior = np.array([priors[group].mean() for group in groups])
    decoder = np.array([pairs[pairs[:, 1] == 1, 3].mean() for pairs in found])
    steps = np.array([_steps_bits(pairs[pairs[:, 1] > 1], chances) for pairs in found])
    weights = np.array([len(group) for group in groups]) / len(priors)
    means = [float(weights @ term) for term in (prior, steps, decoder)]
    spreads = [_standard_error(term, weights) for term in (prior, steps, decoder, prior + steps + decoder)]
    pairs = np.concatenate(found)
    pairs = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
    return Bound(*means, *spreads, pairs, len(priors), draws, len(groups))


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


def curve(found: Bound, schedule):
    """The bound over time, a DataFrame with a row for each t that was looked at.

    t, log_snr (natural), squared_eps_error, bits (L_{t-1}; L_0 at t = 1) and how many draws they are means of.
    """
    import pandas as pd

    pairs = pd.DataFrame(found.pairs, columns=PAIR_COLUMNS)
    by_t = pairs.groupby("t")
    means = by_t[["squared_eps_error", "bits"]].mean().reset_index()
    t = means.t.to_numpy().astype(np.int64)
    means["t"] = t
    means.insert(1, "log_snr", np.log(schedule.snr[t - 1]))
    return means.assign(draws=by_t.size().to_numpy())


def read_test_images(dataset: Path) -> np.ndarray:
    """test.npy of a data set's folder as uint8 (N, C, H, W), its checksum verified; ValueError or OSError."""
    return read_images(Path(dataset) / "test.npy")


def _scalars(found: Bound) -> dict:
    return {field.name: getattr(found, field.name) for field in fields(found) if field.name != "pairs"}


def write_bound(folder: Path, name: str, found: Bound, model: Model, options: dict, seconds: float) -> None:
    """NAME.npy (`PAIR_COLUMNS`), NAME.csv (`curve`) and NAME.json with terms, errors, options and time, all or none."""
    writers = {
        f"{name}.npy": lambda path: write_array(path, found.pairs),
        f"{name}.csv": lambda path: curve(found, model.process.schedule).to_csv(path, index=False),
    }
    record = {k: None if v != v else v for k, v in _scalars(found).items()}
    record |= {"total": found.total, "unit": "bits/dim", **{k: v for k, v in options.items() if k != "draws"}}
    write_together(folder, name, writers, {**record, **computed_by(model.device), "seconds": seconds})
