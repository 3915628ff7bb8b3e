"""The one loop that takes any sampler from noise to images, in batches, and keeps frames of the way."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diffusion.accelerator.feeding import ahead
from diffusion.denoising.model import Model
from diffusion.images import Samples, as_arrays, lowest, to_network, to_unit
from diffusion.processes.states import Prediction
from diffusion.samplers.choosing import choose_sampler
from diffusion.streams import generator

__all__ = ["Drawing", "ImageNoise", "frame_steps", "moments", "predict", "sample"]

START_STREAM = 11
AT_ONCE = 8  # draws that a thread makes ahead in one call for each image

Moments = Iterator[tuple[int, Tensor]]


class ImageNoise:
    """One generator per image, seeded by (seed, image index): an image's noise does not depend on its batch.

    ahead: make standard normal noise ahead in a thread; by default on a GPU, which would wait for it.
    """

    def __init__(
        self, seed: int, indices: range, shape: tuple[int, ...], device: torch.device, ahead: bool | None = None
    ):
        self.sources = [generator(seed, START_STREAM, index) for index in indices]
        self.shape, self.device = shape, device
        self.ahead = device.type == "cuda" if ahead is None else ahead
        self._waiting, self._taken = None, 0

    def __call__(self) -> Tensor:
        """Draw standard normal noise (B, C, H, W)."""
        if not self.ahead:
            return self._normal(self.sources, 1)[:, 0].to(self.device)
        if self._waiting is None:
            self._waiting = self._made_ahead([source.clone_state() for source in self.sources])
        self._taken += 1
        return next(self._waiting)

    def each(self, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        """Stack what `draw` makes with each image's generator."""
        return torch.stack([draw(source) for source in self.generators]).to(self.device)

    @property
    def generators(self) -> list[torch.Generator]:
        """The images' generators as they stand after all that was drawn."""
        taken = self._taken
        self.close()
        for _ in range(taken):  # by copies of the generators: here it is made up for
            self._normal(self.sources, 1)
        return self.sources

    def close(self) -> None:
        """End the thread."""
        if self._waiting is not None:
            self._waiting.close()
        self._waiting, self._taken = None, 0

    def _normal(self, sources: list[torch.Generator], draws: int) -> Tensor:
        """So many draws with each generator, (B, draws, C, H, W)."""
        found = torch.empty((len(sources), draws, *self.shape), pin_memory=self.device.type == "cuda")
        for one, source in zip(found, sources, strict=True):
            torch.randn(one.shape, generator=source, out=one)
        return found

    def _made_ahead(self, sources: list[torch.Generator]) -> Iterator[Tensor]:
        """Draw after draw, on the device."""
        # torch fills normal numbers in groups of 16: only where draws end with a group is one call for several the same
        draws = AT_ONCE if math.prod(self.shape) % 16 == 0 else 1
        with closing(ahead(iter(lambda: self._normal(sources, draws), None), depth=2)) as blocks:
            for block in blocks:
                yield from block.to(self.device, non_blocking=True).unbind(1)


@dataclass(frozen=True)
class Drawing:
    """How images are drawn.

    steps: network calls an image, None for all T. clip: hold the estimate of x_0 within the data's range. frames:
    moments kept of the paths of the first `framed` images. batch_size: images a network call, on which no image
    depends. options: the sampler's own.
    """

    seed: int = 0
    sampler: str = "ancestral"
    steps: int | None = None
    clip: bool = False
    batch_size: int = 128
    frames: int = 26
    framed: int = 8
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Drawing":
        """Take what is not one of the fields for the sampler's own options."""
        own = {one.name for one in fields(cls)} - {"options"}
        rest = {name: value for name, value in given.items() if name not in own}
        return cls(**{name: value for name, value in given.items() if name in own}, options=rest)


def moments(model: Model, x: Tensor, noise: ImageNoise, sampler, steps: int | None = None, clip: bool = False):
    """Yield (t, x_t) from (T, x_T) down to (0, x_0), x of shape (B, C, H, W).

    `steps` < T respaces the process (Nichol and Dhariwal 2021, section 4).

    Raises:
        ValueError: steps outside 1 ... T.
    """
    process, kept = model.process.respaced(model.process.timesteps if steps is None else steps)
    memory = {}

    def denoise(x: Tensor, i: int) -> Prediction:
        return predict(model, x, int(kept[i]), clip)

    yield model.process.timesteps, x
    for i in reversed(range(len(kept))):
        x = sampler.step(denoise, process, x, i, memory, noise)
        yield int(kept[i - 1]) + 1 if i else 0, x


def _shown(model: Model, path: Moments) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (t, x_t, what the network is shown of it), the last x_0 as it is."""
    for t, x in path:
        yield t, x, model.process.seen(x, t - 1) if t else x


def predict(model: Model, x: Tensor, t: int, clip: bool) -> Prediction:
    """Ask the model at index t; with `clip`, its estimate of x_0 is held within the data's range."""
    index = torch.full((1,), t, device=x.device)  # one for all images: the time embedding is computed once a step
    found = model.predict(x, index)
    if not clip:
        return found
    x0 = found.x0.clamp(lowest(model.settings.value_range), 1.0)
    return Prediction(x0, model.process.hidden(x0, x, index))


def frame_steps(timesteps: int, count: int) -> list[int]:
    """Return at most `count` time steps spread evenly from T to 0, both included."""
    return sorted({round(t) for t in np.linspace(0, timesteps, max(count, 2))}, reverse=True)


@torch.no_grad()
def sample(
    model: Model,
    count: int,
    noised: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
    **how,
) -> Samples:
    """Draw `count` images; image i depends on (model, sampler, seed, i) and not on the batch it is in.

    Args:
        noised: uint8 images (N, C, H, W), N >= count; image i then starts from image i of these, noised to x_T: what
            the model does when it starts where its training ended.
        progress: called with the images of a batch after each network call.
        how: fields of `Drawing`, and the sampler's own options.

    Raises:
        ValueError: count < 1, an unknown sampler or option, steps outside 1 ... T, or too few or other-sized `noised`
            images.
        ArithmeticError: the path left the finite numbers.
    """
    drawing = Drawing.of(how)
    sampler = choose_sampler(drawing.sampler, model.process, **drawing.options)
    _check(model, count, noised, drawing)
    images, kept, wanted = [], [], frame_steps(model.process.timesteps, drawing.frames)
    quick = model.captured()
    for start in range(0, count, drawing.batch_size):
        indices = range(start, min(start + drawing.batch_size, count))
        with closing(ImageNoise(drawing.seed, indices, model.shape, model.device.torch)) as noise:
            given = None if noised is None else noised[indices.start : indices.stop]
            x = model.process.start(noise) if given is None else _noised(model, given, noise)
            path = moments(quick, x, noise, sampler, drawing.steps, drawing.clip)
            ended, frames = _follow(_shown(model, path), wanted, max(min(drawing.framed, count) - start, 0), progress)
        images.append(ended)
        if len(frames) or not kept:
            kept.append(as_arrays(to_unit(frames, model.settings.value_range)))
    value_range = model.settings.value_range
    final = to_unit(torch.cat(images), value_range).clamp(0, 1)
    return Samples(as_arrays(final), kept[0] if len(kept) == 1 else np.concatenate(kept), wanted)


def _check(model: Model, count: int, noised: np.ndarray | None, drawing: Drawing) -> None:
    if count < 1 or drawing.batch_size < 1:
        raise ValueError(f"count and batch size must be at least 1, not {count} and {drawing.batch_size}")
    if noised is not None and (len(noised) < count or noised.shape[1:] != model.shape):
        raise ValueError(f"to start from, {count} images of shape {model.shape} are needed, not {noised.shape}")


def _noised(model: Model, images: np.ndarray, noise: ImageNoise) -> Tensor:
    """A draw from q(x_T | x_0) for each image."""
    x0 = to_network(torch.from_numpy(images).to(model.device.torch), model.settings.value_range)
    last = torch.full((len(x0),), model.process.timesteps - 1, device=x0.device)
    hidden = [model.process.noise(one, source) for one, source in zip(x0, noise.generators, strict=True)]
    return model.process.noised(x0, last, torch.stack(hidden).to(x0.device))


def _follow(path, wanted: list[int], framed: int, progress) -> tuple[Tensor, Tensor]:
    """The last x of a path, and the first `framed` images at the moments nearest after each wanted step."""
    frames, pending = [], list(wanted)
    for calls, (t, x, shown) in enumerate(path):
        while pending and t <= pending[0]:
            frames.append(shown[:framed].float().cpu())
            pending.pop(0)
        if progress and calls:
            progress(len(x))
    if not torch.isfinite(x).all():
        raise ArithmeticError(
            "the samples are not finite: the model has diverged; train again with a lower learning rate"
        )
    return x.float().cpu(), torch.stack(frames, dim=1)
