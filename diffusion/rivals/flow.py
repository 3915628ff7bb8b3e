"""A normalizing flow of affine couplings at several scales (Dinh et al. 2017), as [R] sets it out.

x = f(z) for normal z, f one to one, so log p(x) = log p(z) + log |dz/dx| [R eq. 4 and 5]; f is a chain of simple steps
[R eq. 6], undone one by one [R eq. 7]. Pixels have few levels, so noise is added first: what is then exact is the
density of the noisy image, which bounds the probability of the image's levels (`diffusion.rivals.dequantisation`).
"""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.devices import Device
from diffusion.images import lowest, to_network
from diffusion.optimizers import OPTIMIZERS
from diffusion.rivals.dequantisation import DEQUANTISERS
from diffusion.rivals.model import Bits, Rival, check_finite, checked, halvings, update
from diffusion.streams import generator

__all__ = ["Coupling", "Flow", "Learner", "bound"]

BOUND_STREAM = 23
EDGE = 0.02  # share of [0, 1] kept free at both ends, where a logit would leave the numbers
STEEPEST = 2.0  # of a coupling's log scale


class Coupling(nn.Module):
    """Half of the channels, mixed first, are scaled and moved by what a network makes of the others."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.kept = channels // 2
        moved = channels - self.kept
        order = torch.randperm(channels)
        self.register_buffer("order", order)
        self.register_buffer("back", torch.argsort(order))
        self.network = nn.Sequential(
            nn.Conv2d(self.kept, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 1), nn.SiLU(),
            nn.Conv2d(width, 2 * moved, 3, padding=1),
        )  # fmt: skip
        nn.init.zeros_(self.network[-1].weight)  # each step begins as the identity
        nn.init.zeros_(self.network[-1].bias)

    def _change(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.network(kept).to(kept.dtype).chunk(2, dim=1)
        return STEEPEST * torch.tanh(log_scale / STEEPEST), shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return a step towards z and its log |dz/dx|, (B,)."""
        x = x[:, self.order]
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._change(kept)
        return torch.cat([kept, (moved + shift) * log_scale.exp()], dim=1), log_scale.flatten(1).sum(1)

    def undo(self, z: Tensor) -> Tensor:
        """Return the x that the step leads to z from."""
        kept, moved = z[:, : self.kept], z[:, self.kept :]
        log_scale, shift = self._change(kept)
        return torch.cat([kept, moved * torch.exp(-log_scale) - shift], dim=1)[:, self.back]


def _count_levels(shape: tuple[int, int, int]) -> int:
    """Return how many levels images of this shape have: one more than they can be halved, where gray ones are halved
    before the first, too."""
    channels, *sides = shape
    most = min((side & -side).bit_length() - 1 for side in sides)  # times that both sides can be halved at all
    return min(1 + min(map(halvings, sides)), most + (channels > 1))


class Couplings(nn.Module):
    """Levels of couplings; between two, 2 x 2 pixels become channels, and half of the channels are done."""

    def __init__(self, shape: tuple[int, int, int], width: int, couplings: int):
        super().__init__()
        channels, height, breadth = shape
        self.levels, self.splits = nn.ModuleList(), []
        for level in range(_count_levels(shape)):
            if level or channels == 1:
                channels, height, breadth = channels * 4, height // 2, breadth // 2
            self.levels.append(nn.ModuleList(Coupling(channels, width) for _ in range(couplings)))
            self.splits.append((channels, height, breadth))
            channels -= channels // 2
        self.squeezes = [level > 0 or shape[0] == 1 for level in range(len(self.levels))]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z, (B, C H W), and log |dz/dx|, (B,)."""
        done, slope = [], x.new_zeros(len(x))
        for level, squeezes in zip(self.levels, self.squeezes, strict=True):
            x = F.pixel_unshuffle(x, 2) if squeezes else x
            for coupling in level:
                x, more = coupling(x)
                slope = slope + more
            if level is not self.levels[-1]:
                out = x.shape[1] // 2
                done.append(x[:, :out].flatten(1))
                x = x[:, out:]
        return torch.cat([*done, x.flatten(1)], dim=1), slope

    def undo(self, z: Tensor) -> Tensor:
        """Return the x that leads to z  [R eq. 6]."""
        sizes = [c // 2 * h * w for c, h, w in self.splits[:-1]]
        *done, x = z.split([*sizes, z.shape[1] - sum(sizes)], dim=1)
        c, h, w = self.splits[-1]
        x = x.unflatten(1, (c, h, w))
        for number in reversed(range(len(self.levels))):
            if number < len(self.levels) - 1:
                c, h, w = self.splits[number]
                x = torch.cat([done[number].unflatten(1, (c // 2, h, w)), x], dim=1)
            for coupling in reversed(self.levels[number]):
                x = coupling.undo(x)
            x = F.pixel_shuffle(x, 2) if self.squeezes[number] else x
        return x


class Flow(Rival):
    """A trained flow."""

    precise = True  # its densities are to be exact

    @staticmethod
    def build(settings, shape: tuple[int, int, int]) -> nn.Module:
        """Make the couplings, with weights and orders from torch's global generator.

        Raises:
            ValueError: sides that cannot be halved, or levels that the images have not settled.
        """
        if not settings.levels:
            raise ValueError("levels are 0 till the images have settled them: see settle()")
        settings.check_size(*shape[1:])
        network = Couplings(shape, settings.width, settings.couplings)
        network.noise = DEQUANTISERS[settings.dequantisation](shape[0], settings.width)
        return network

    def latents(self, source: torch.Generator) -> tuple[Tensor]:
        """Draw one image's z from N(0, I)."""
        return (torch.randn(math.prod(self.shape), generator=source),)

    def images(self, z: Tensor) -> Tensor:
        """Return f(z) on the pixels' levels, (B, C, H, W) in the network's range  [R eq. 6]."""
        found = self.network.undo(z)
        check_finite(found)
        unit = (found.sigmoid() - EDGE) / (1 - 2 * EDGE)
        levels, black = self.settings.levels, lowest(self.settings.value_range)
        return black + (1 - black) * (unit * levels).floor().clamp(0, levels - 1) / (levels - 1)

    def log_bound(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return a bound of the log probability of images' levels, (B,): its mean over the noise is at most that.

        x: in the network's range; noise: as `network.noise` draws it.
        """
        uniform, log_q = self.network.noise(x, noise)
        return self.log_density(x, uniform) - log_q

    def log_density(self, x: Tensor, uniform: Tensor) -> Tensor:
        """Return log p of images in the network's range with noise in [0, 1) added, in units of one level, (B,)."""
        levels, black = self.settings.levels, lowest(self.settings.value_range)
        level = (((x - black) / (1 - black)) * (levels - 1)).round()
        edged = EDGE + (1 - 2 * EDGE) * (level + uniform) / levels
        found = torch.logit(edged)
        # of the logit; the change of units from [0, 1] to levels is the last term
        slope = math.log(1 - 2 * EDGE) - edged.log() - torch.log1p(-edged) - math.log(levels)
        z, more = self.network(found)
        base = -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        return base + more + slope.flatten(1).sum(1)


class Learner:
    """Raises the density; see `diffusion.family`. Losses are in nats a pixel."""

    def __init__(self, settings, shape: tuple[int, int, int], device: Device):
        self.model = Flow.new(settings, shape, device)
        self.network = self.model.network
        self.optimizers = OPTIMIZERS[settings.optimizer](self.network, settings.learning_rate)

    def prepare(self, x0: Tensor, source: torch.Generator, testing: bool = False) -> tuple[Tensor, Tensor]:
        """Draw the noise for images (B, C, H, W)."""
        return x0, self.network.noise.draw(x0.shape, source)

    def step(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Update the weights by one batch; minus the bound before the update."""
        loss = self.test(self.model, batch).mean()
        update(self.optimizers, loss)
        return {"train": loss.detach()}

    def test(self, model: Flow, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return minus the bound of each image, (B,)."""
        return -model.log_bound(*batch) / batch[0][0].numel()

    def trained(self, network: nn.Module) -> Flow:
        """Return the model to draw from, with these weights."""
        return replace(self.model, network=network.eval())


@torch.no_grad()
def bound(
    model: Flow, images: np.ndarray, progress=None, draws: int | None = 16, seed: int = 0, batch_size=500, **how
) -> Bits:
    """Bound the likelihood of uint8 images (N, C, H, W), in bits per dimension, by `draws` draws of the noise.

    Raises:
        ValueError: no images or others than the model's, levels that the model has not, or draws < 1.
    """
    given, K = checked(model, images), draws or 1
    if K < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    model.settings.settle(images)  # refuses more gray levels than it has
    found = []
    for number, part in enumerate(given.split(batch_size)):
        x = to_network(part.to(model.device.torch), model.settings.value_range)
        source = generator(seed, BOUND_STREAM, number)
        noises = (model.network.noise.draw(x.shape, source).to(x.device) for _ in range(K))
        bounds = torch.stack([model.log_bound(x, noise) for noise in noises]).double()
        found.append(torch.logsumexp(bounds, dim=0) - math.log(K))
        if progress:
            progress(len(part))
    bits = -torch.cat(found).cpu().numpy() / (math.prod(model.shape) * math.log(2))
    return Bits(np.zeros_like(bits), bits, f"a bound by {K} draw{'s' * (K > 1)} of the noise within a level")
