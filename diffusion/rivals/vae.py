"""A variational autoencoder (Kingma and Welling 2014), as [R] sets it out.

p(x|z) and the prior N(0, I) of z make p(x) [R eq. 8]; q(z|x) is normal with a diagonal covariance [R eq. 10]; what is
trained is the bound [R eq. 11], its integral by one draw of z [R eq. 12].
"""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.devices import Device
from diffusion.images import lowest, to_network
from diffusion.optimizers import OPTIMIZERS
from diffusion.rivals.model import Bits, Rival, check_finite, checked, halvings, update
from diffusion.streams import generator

__all__ = ["Learner", "Vae", "bound", "log_pixels"]

BOUND_STREAM = 22
LEVELS = 256
NARROWEST = -7.0  # log of the least scale of a logistic, a fifth of a gray level


class Networks(nn.Module):
    """Encoder (mean and log variance of z) and decoder (what p(x|z) is given by), halving and doubling by stages."""

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int, outputs: int):
        super().__init__()
        channels, height, breadth = shape
        stages = min(halvings(height), halvings(breadth))
        widths = [width * 2**stage for stage in range(stages + 1)]
        self.inner = widths[-1], height >> stages, breadth >> stages
        flat = math.prod(self.inner)
        down = [nn.Conv2d(channels, width, 3, padding=1), nn.SiLU()]
        for a, b in pairwise(widths):
            down += [nn.Conv2d(a, b, 4, 2, 1), nn.SiLU(), nn.Conv2d(b, b, 3, padding=1), nn.SiLU()]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, 2 * latent))
        up = [nn.Linear(latent, flat), nn.SiLU(), nn.Unflatten(1, self.inner)]
        for a, b in pairwise(widths[::-1]):
            up += [nn.Conv2d(a, a, 3, padding=1), nn.SiLU(), nn.ConvTranspose2d(a, b, 4, 2, 1), nn.SiLU()]
        self.decoder = nn.Sequential(*up, nn.Conv2d(width, channels * outputs, 3, padding=1))


class Vae(Rival):
    """A trained autoencoder; its draws take z from N(0, I), and x from p(x|z) or as its likeliest levels."""

    @staticmethod
    def build(settings, shape: tuple[int, int, int]) -> nn.Module:
        """Make encoder and decoder, with weights from torch's global generator; ValueError for unsettled pixels."""
        if settings.pixels == "auto":
            raise ValueError("pixels are auto till the images have settled them: see settle()")
        return Networks(shape, settings.latent, settings.width, 1 if settings.pixels == "bernoulli" else 2)

    def with_pixel_noise(self, noise: bool) -> "Vae":
        """Return this model, to be drawn from by p(x|z), or without noise by its medians."""
        return replace(self, settings=self.settings.model_copy(update={"pixel_noise": noise}))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x), (B, latent) each  [R eq. 10]."""
        mean, log_variance = self.call(self.network.encoder, x).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 20)

    def decode(self, z: Tensor) -> Tensor:
        """Return what p(x|z) is given by, (B, C x outputs, H, W)."""
        return self.call(self.network.decoder, z)

    def latents(self, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw one image's z and the uniform numbers that its pixels are drawn with."""
        return torch.randn(self.settings.latent, generator=source), torch.rand(self.shape, generator=source)

    def images(self, z: Tensor, uniform: Tensor) -> Tensor:
        """Draw x from p(x|z), by the inverse of each pixel's distribution function; without pixel noise its median.

        The last step of diffusion takes a mean, too: noise of each pixel by itself is no part of a picture.
        """
        found, black = self.decode(z), lowest(self.settings.value_range)
        if not self.settings.pixel_noise:
            uniform = torch.full_like(uniform, 0.5)
        check_finite(found)
        if self.settings.pixels == "bernoulli":
            return torch.where(uniform < found.sigmoid(), 1.0, black)
        mean, log_scale = found.chunk(2, dim=1)
        unit = mean + log_scale.clamp(min=NARROWEST).exp() * torch.logit(uniform, 1e-6)
        check_finite(unit)
        level = (unit * (LEVELS - 1)).round().clamp(0, LEVELS - 1) / (LEVELS - 1)
        return black + (1 - black) * level


def log_pixels(found: Tensor, unit: Tensor, pixels: str) -> Tensor:
    """Return log p(x|z) of images in [0, 1], (B,), by Bernoulli or by logistic bins (Salimans et al. 2017)."""
    if pixels == "bernoulli":
        return -F.binary_cross_entropy_with_logits(found, unit, reduction="none").flatten(1).sum(1)
    mean, log_scale = found.chunk(2, dim=1)
    narrow, half = torch.exp(-log_scale.clamp(min=NARROWEST)), 0.5 / (LEVELS - 1)
    above, below = narrow * (unit - mean + half), narrow * (unit - mean - half)
    inside = torch.log((above.sigmoid() - below.sigmoid()).clamp(min=1e-12))
    edges = torch.where(unit < half, F.logsigmoid(above), torch.where(unit > 1 - half, F.logsigmoid(-below), inside))
    return edges.flatten(1).sum(1)


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the log density of a diagonal normal, summed over the last axis."""
    return -0.5 * (math.log(2 * math.pi) + log_variance + (z - mean).square() * torch.exp(-log_variance)).sum(-1)


def terms(model: Vae, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return, of each image, the KL divergence of q(z|x) from the prior and log p(x|z) at one draw of z, (B,) in nats.

    x: in the network's range; noise: N(0, I), (B, latent)  [R eq. 11 and 12].
    """
    mean, log_variance = model.encode(x)
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
    found = model.decode(mean + (0.5 * log_variance).exp() * noise)
    return kl, log_pixels(found, as_unit(model, x), model.settings.pixels)


def as_unit(model: Vae, x: Tensor) -> Tensor:
    """Return images of the network's range in [0, 1]."""
    black = lowest(model.settings.value_range)
    return (x - black) / (1 - black)


class Learner:
    """Raises the bound; see `diffusion.family`. Losses are in nats a pixel."""

    def __init__(self, settings, shape: tuple[int, int, int], device: Device):
        self.model = Vae.new(settings, shape, device)
        self.network = self.model.network
        self.optimizers = OPTIMIZERS[settings.optimizer](self.network, settings.learning_rate)

    def prepare(self, x0: Tensor, source: torch.Generator, testing: bool = False) -> tuple[Tensor, Tensor]:
        """Draw the noise of z for images (B, C, H, W)."""
        return x0, torch.randn((len(x0), self.model.settings.latent), generator=source)

    def step(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Update the weights by one batch: minus the bound, and of that the divergence."""
        size = batch[0][0].numel()
        kl, pixels = (values.mean() / size for values in terms(self.model, *batch))
        update(self.optimizers, kl - pixels)
        return {"train": (kl - pixels).detach(), "kl": kl.detach()}

    def test(self, model: Vae, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return minus the bound of each image, (B,)."""
        kl, pixels = terms(model, *batch)
        return (kl - pixels) / batch[0][0].numel()

    def trained(self, network: nn.Module) -> Vae:
        """Return the model to draw from, with these weights."""
        return replace(self.model, network=network.eval())


@torch.no_grad()
def bound(
    model: Vae, images: np.ndarray, progress=None, draws: int | None = 16, seed: int = 0, batch_size=500, **how
) -> Bits:
    """Bound the likelihood of uint8 images (N, C, H, W) by `draws` weighted draws of z (Burda et al. 2016).

    One draw gives the bound of [R eq. 11] in its mean; more tighten it. By Bernoulli pixels it is one of images in
    black and white only.

    Raises:
        ValueError: no images or others than the model's, gray ones under Bernoulli pixels, or draws < 1.
    """
    given, K = checked(model, images), draws or 1
    if K < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    if model.settings.pixels == "bernoulli" and not ((given == 0) | (given == 255)).all():
        raise ValueError("Bernoulli pixels give gray images no likelihood: train with --pixels logistic")
    each = max(batch_size // K, 1)
    found = []
    for number, part in enumerate(given.split(each)):
        x = to_network(part.to(model.device.torch), model.settings.value_range)
        source = generator(seed, BOUND_STREAM, number)
        noise = torch.randn((len(part), K, model.settings.latent), generator=source).to(model.device.torch)
        found.append(_weighted(model, x, noise))
        if progress:
            progress(len(part))
    kl, total = (torch.cat(values).double().cpu().numpy() for values in zip(*found, strict=True))
    scale = math.prod(model.shape) * math.log(2)
    return Bits(kl / scale, (total - kl) / scale, f"a bound by {K} draw{'s' * (K > 1)} of z")


def _weighted(model: Vae, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the divergence and -log of the mean of p(x|z) p(z) / q(z|x) over K draws of z, (B,) in nats."""
    mean, log_variance = (value.unsqueeze(1) for value in model.encode(x))
    z = mean + (0.5 * log_variance).exp() * noise
    K = noise.shape[1]
    pixels = log_pixels(model.decode(z.flatten(0, 1)), as_unit(model, x).repeat_interleave(K, 0), model.settings.pixels)
    weights = (
        pixels.view(-1, K) + log_normal(z, torch.zeros_like(z), torch.zeros_like(z)) - log_normal(z, mean, log_variance)
    )
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum((1, 2))
    return kl, math.log(K) - torch.logsumexp(weights, dim=1)
