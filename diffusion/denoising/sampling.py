"""Samplers with one signature, and the loop that runs one of them over batches.

A sampler takes a model, x_T (B, C, H, W) and a noise source, and yields (t, x_t) from (T, x_T) down to (0, x_0).
Equations: [H] Ho et al. 2020, [N] Nichol and Dhariwal 2021, [D] Song et al. 2021 (DDIM),
[L] Lu et al. 2022 (DPM-Solver++).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion.denoising.model import Model, to_network, to_unit
from diffusion.processes.gaussian import Prediction, Process
from diffusion.training import generator

START_STREAM = 11

Noise = Callable[[], Tensor]  # each call: fresh standard normal noise of x_T's shape
Moments = Iterator[tuple[int, Tensor]]
Sampler = Callable[..., Moments]


class ImageNoise:
    """One generator per image, seeded by (seed, image index): an image's noise does not depend on its batch."""

    def __init__(self, seed: int, indices: range, shape: tuple[int, ...], device: torch.device):
        self.generators = [generator(seed, START_STREAM, index) for index in indices]
        self.shape, self.device = shape, device

    def __call__(self) -> Tensor:
        return torch.stack([torch.randn(self.shape, generator=g) for g in self.generators]).to(self.device)


def ancestral(
    model: Model,
    x: Tensor,
    noise: Noise,
    steps: int | None = None,
    variance: str = "beta",
    clip: bool = False,
) -> Moments:
    """Listing 4.2 and [H alg. 2]: x_{t-1} = mean + sigma_t z, the mean only at the last step.

    `variance`: sigma_t^2 = beta_t (the thesis), or `beta-tilde` [H section 3.2]. `steps` < T respaces the
    process [N section 4]. `clip` holds the estimate of x_0 within the data's range, which the listing does not.
    """
    sigma = {"beta": "sqrt_beta", "beta-tilde": "sqrt_beta_tilde"}[variance]
    process, kept = _respaced(model, steps)
    yield model.process.timesteps, x
    for i in reversed(range(len(kept))):
        here = torch.full((1,), i, device=x.device)
        prediction = _predict(model, x, int(kept[i]), clip)
        if model.settings.target == "eps" and not clip:
            x = process.mean_from_eps(prediction.eps, x, here)
        else:
            x = process.posterior_mean(prediction.x0, x, here)
        if i > 0:
            x = x + process.at(sigma, here, x) * noise()
        yield int(kept[i - 1]) + 1 if i else 0, x


def ddim(model: Model, x: Tensor, noise: Noise, steps: int | None = None, clip: bool = False) -> Moments:
    """Deterministic DDIM [D eq. 12 with sigma = 0]: x_{t'} = sqrt(abar_{t'}) x0_hat + sqrt(1 - abar_{t'}) eps_hat."""
    process, kept = _respaced(model, steps)
    yield model.process.timesteps, x
    for i in reversed(range(len(kept))):
        prediction = _predict(model, x, int(kept[i]), clip)
        if i == 0:
            x = prediction.x0
        else:
            x = process.noised(prediction.x0, torch.full((1,), i - 1, device=x.device), prediction.eps)
        yield int(kept[i - 1]) + 1 if i else 0, x


def dpm_solver(model: Model, x: Tensor, noise: Noise, steps: int | None = None, clip: bool = False) -> Moments:
    """DPM-Solver++(2M) [L alg. 2]: second order in the half log-SNR lambda, first order at both ends."""
    process, kept = _respaced(model, steps)
    abar = process.schedule.abar
    lam = 0.5 * np.log(abar / (1 - abar))
    before, h_before = None, 0.0
    yield model.process.timesteps, x
    for i in reversed(range(len(kept))):
        x0 = _predict(model, x, int(kept[i]), clip).x0
        if i == 0:
            x = x0
        else:
            h = lam[i - 1] - lam[i]
            D = x0 if before is None else x0 + (x0 - before) * (h / (2 * h_before))  # [L eq. 12]
            sigma_ratio = np.sqrt((1 - abar[i - 1]) / (1 - abar[i]))
            x = float(sigma_ratio) * x - float(np.sqrt(abar[i - 1]) * np.expm1(-h)) * D
            before, h_before = x0, h
        yield int(kept[i - 1]) + 1 if i else 0, x


SAMPLERS: dict[str, Sampler] = {"ancestral": ancestral, "ddim": ddim, "dpm-solver": dpm_solver}


def _respaced(model: Model, steps: int | None) -> tuple[Process, np.ndarray]:
    schedule, kept = model.process.schedule.respaced(model.process.timesteps if steps is None else steps)
    return Process(schedule, model.device.torch), kept


def _predict(model: Model, x: Tensor, t: int, clip: bool) -> Prediction:
    index = torch.full((1,), t, device=x.device)  # one for all images: the time embedding is computed once a step
    prediction = model.predict(x, index)
    if not clip:
        return prediction
    low = -1.0 if model.settings.value_range == "symmetric" else 0.0
    x0 = prediction.x0.clamp(low, 1.0)
    a, s = model.process.at("sqrt_abar", index, x), model.process.at("sqrt_1m_abar", index, x)
    return Prediction((x - a * x0) / s, x0)


@dataclass(frozen=True)
class Samples:
    """Generated images and the paths of the first of them.

    images: float32 in [0, 1], (N, H, W) or (N, H, W, 3). frames: float32, the first K images at F moments,
    (K, F, H, W[, 3]), on the same scale but not clipped. steps: the F time steps, from T down to 0.
    """

    images: np.ndarray
    frames: np.ndarray
    steps: list[int]


def frame_steps(timesteps: int, count: int) -> list[int]:
    """At most `count` time steps spread evenly from T to 0, both included."""
    return sorted({round(t) for t in np.linspace(0, timesteps, max(count, 2))}, reverse=True)


@torch.no_grad()
def sample(
    model: Model,
    count: int,
    seed: int = 0,
    sampler: str = "ancestral",
    batch_size: int = 128,
    frames: int = 26,
    framed: int = 8,
    noised: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
    **options,
) -> Samples:
    """Draw `count` images; image i depends on (model, sampler, seed, i) and not on the batch it is in.

    `noised`: uint8 images (N, C, H, W), N >= count; image i then starts from image i of these, noised to x_T, instead
    of from N(0, I): what the model does when it starts where its training ended. `progress` is called with the images
    of a batch after each network call. `options` go to the sampler.

    Raises:
        ValueError: count < 1, an unknown sampler, steps outside 1 ... T, or too few or other-sized `noised` images.
        ArithmeticError: the path left the finite numbers.
    """
    if count < 1 or batch_size < 1:
        raise ValueError(f"count and batch size must be at least 1, not {count} and {batch_size}")
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}: choose from {', '.join(SAMPLERS)}")
    if "variance" in options and sampler != "ancestral":
        raise ValueError(f"variance belongs to the ancestral sampler, not to {sampler}: leave it out")
    if noised is not None and (len(noised) < count or noised.shape[1:] != model.shape):
        raise ValueError(f"to start from, {count} images of shape {model.shape} are needed, not {noised.shape}")
    images, kept, wanted = [], [], frame_steps(model.process.timesteps, frames)
    for start in range(0, count, batch_size):
        indices = range(start, min(start + batch_size, count))
        noise = ImageNoise(seed, indices, model.shape, model.device.torch)
        framed_here = max(min(framed, count) - start, 0)
        start_x = noise() if noised is None else _noised(model, noised[start : start + len(indices)], noise())
        x, path = _run(SAMPLERS[sampler](model, start_x, noise, **options), wanted, framed_here, progress)
        images.append(x)
        kept.append(path)
    value_range = model.settings.value_range
    final = to_unit(torch.cat(images), value_range).clamp(0, 1)
    return Samples(_as_images(final), _as_images(to_unit(torch.cat(kept), value_range)), wanted)


def _noised(model: Model, images: np.ndarray, eps: Tensor) -> Tensor:
    """A draw from q(x_T | x_0) for each image [H eq. 4]."""
    x0 = to_network(torch.from_numpy(images).to(eps.device), model.settings.value_range)
    return model.process.noised(x0, torch.full((len(x0),), model.process.timesteps - 1, device=eps.device), eps)


def _run(moments: Moments, wanted: list[int], framed: int, progress) -> tuple[Tensor, Tensor]:
    """The last x of a path, and the first `framed` images at the moments nearest after each wanted step."""
    path, pending = [], list(wanted)
    for calls, (t, x) in enumerate(moments):
        while pending and t <= pending[0]:
            path.append(x[:framed].float().cpu())
            pending.pop(0)
        if progress and calls:
            progress(len(x))
    if not torch.isfinite(x).all():
        raise ArithmeticError(
            "the samples are not finite: the model has diverged; train again with a lower learning rate"
        )
    return x.float().cpu(), torch.stack(path, dim=1)


def _as_images(x: Tensor) -> np.ndarray:
    """(..., C, H, W) -> (..., H, W) for one channel, (..., H, W, 3) for three."""
    array = x.numpy().astype(np.float32)
    return np.ascontiguousarray(array[..., 0, :, :] if array.shape[-3] == 1 else np.moveaxis(array, -3, -1))
