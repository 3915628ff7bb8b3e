"""What the families here share: a model whose network is called once an image, and its draws and bits per dimension."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from diffusion.devices import Device
from diffusion.images import Samples, as_arrays, to_unit
from diffusion.streams import generator, seeded

__all__ = ["Bits", "Rival", "check_finite", "checked", "draw", "halvings", "update"]

DRAW_STREAM = 21
LEAST_SIDE = 4  # px at which networks stop halving


@dataclass
class Rival:
    """A trained model. `shape` is one image's (C, H, W).

    A family adds `build(settings, shape)`, and `decode(source)`: one image (C, H, W) in the network's range from a
    generator's noise in two steps, `latents(source)` for one image and `images(latents)` for many.
    """

    settings: Any
    shape: tuple[int, int, int]
    network: nn.Module
    device: Device
    calls = 1
    precise: ClassVar[bool] = False  # computes in float32, whatever precision was chosen

    @classmethod
    def new(cls, settings, shape: tuple[int, int, int], device: Device) -> "Rival":
        """Make a model with random weights drawn from the settings' seed: equal seeds give equal networks."""
        with seeded(settings.seed):
            network = cls.build(settings, shape)
        device = replace(device, precision="float32") if cls.precise else device
        return cls(settings, tuple(shape), network.to(device.torch), device)

    def with_pixel_noise(self, noise: bool) -> "Rival":
        """Return this model, to be drawn from with or without each pixel's own noise, whatever its settings say."""
        raise ValueError(f"family {self.settings.family} gives its pixels no distribution: leave out pixel_noise")

    def call(self, part: Callable[..., Tensor], *given: Tensor) -> Tensor:
        """Call a part of the network in the device's precision; its output in float32."""
        with self.device.autocast():
            return part(*given).float()


def halvings(side: int) -> int:
    """Count how often a side can be halved until it is 4 px or odd."""
    count = 0
    while side % 2 == 0 and side > LEAST_SIDE:
        side, count = side // 2, count + 1
    return count


def check_finite(*found: Tensor) -> None:
    """Refuse what a decoder has made of latents if it holds no numbers, which pixels would hide.

    Raises:
        ArithmeticError: it does.
    """
    if not all(torch.isfinite(one).all() for one in found):
        raise ArithmeticError("the samples are not finite: the model has diverged; train again with a lower rate")


def update(optimizers: list, loss: Tensor) -> None:
    """Take one step down a loss."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()


@torch.no_grad()
def draw(model: Rival, count: int, noised=None, progress: Callable[[int], None] | None = None, **how) -> Samples:
    """Draw `count` images; image i depends on (model, seed, i) and not on the batch it is in.

    Args:
        how: `seed` and `batch_size` are read, and of a VAE `pixel_noise`, in place of its settings'; what belongs to
            samplers of diffusion is without effect.

    Raises:
        ValueError: count or batch size < 1, or pixel noise of a family whose pixels have no distribution.
    """
    if how.get("pixel_noise") is not None:
        model = model.with_pixel_noise(how["pixel_noise"])
    size = how.get("batch_size") or count
    if count < 1 or size < 1:
        raise ValueError(f"count and batch size must be at least 1, not {count} and {size}")
    drawn = []
    for start in range(0, count, size):
        sources = [generator(how.get("seed", 0), DRAW_STREAM, i) for i in range(start, min(start + size, count))]
        noises = zip(*(model.latents(source) for source in sources), strict=True)
        x = model.images(*(torch.stack(noise).to(model.device.torch) for noise in noises))
        drawn.append(to_unit(x.float().cpu(), model.settings.value_range).clamp(0, 1))
        if progress:
            progress(len(sources))
    check_finite(*drawn)
    return Samples(as_arrays(torch.cat(drawn)))


@dataclass(frozen=True)
class Bits:
    """A likelihood or a bound of it, in bits per dimension, (N,) each; see `diffusion.family` for what is asked of it.

    prior: what the latent costs; decoder: what the pixels cost, given it. words: what the sum is.
    """

    prior: np.ndarray
    decoder: np.ndarray
    words: str

    @property
    def images(self) -> int:
        return len(self.prior)

    @property
    def pairs(self) -> np.ndarray:
        """float64 (N, 2): the two terms of each image."""
        return np.stack([self.prior, self.decoder], axis=1)

    @property
    def record(self) -> dict[str, float | int | None]:
        """The terms' means and standard errors, by the names of `diffusion.store.records.LikelihoodRecord`."""
        terms = {"prior": self.prior, "decoder": self.decoder, "total": self.prior + self.decoder}
        errors = {f"{name}_se": _error(values) for name, values in terms.items()}
        return (
            {name: float(values.mean()) for name, values in terms.items()}
            | errors
            | {"steps": 0.0, "images": self.images}
        )

    @property
    def table(self):
        """An image a row."""
        import pandas as pd

        return pd.DataFrame({"prior_bits": self.prior, "decoder_bits": self.decoder})

    @property
    def summary(self) -> str:
        told = self.record
        return f"{told['total']:.4f} bits/dim (standard error {told['total_se'] or 0:.2g}), {self.words}"


def _error(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def checked(model: Rival, images: np.ndarray) -> Tensor:
    """Return uint8 images (N, C, H, W) as a tensor; refuse others.

    Raises:
        ValueError: no images, or another type or shape than the model's.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or images.shape[1:] != tuple(model.shape):
        shape = ", ".join(map(str, model.shape))
        raise ValueError(f"images are {images.dtype} {images.shape}, but uint8 (N, {shape}), N >= 1, is needed")
    return torch.from_numpy(np.ascontiguousarray(images))
