"""A generative adversarial network (Goodfellow et al. 2014), as [R] sets it out.

The discriminator f learns to tell real images from the generator's by the Bernoulli loss [R eq. 1 and 2]; the generator
g learns to be taken for real [R eq. 3], by the loss that keeps its slope where it is easily told (section 3 there). The
discriminator's slope at real images is penalised (R1, Mescheder et al. 2018). It has no likelihood.
"""

import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffusion.devices import Device
from diffusion.images import lowest
from diffusion.optimizers import OPTIMIZERS
from diffusion.rivals.model import Rival, halvings, update

__all__ = ["Gan", "Learner", "discriminate", "forge"]

SLOPE = 0.2  # of leaky rectifiers below zero
LEAST = 1e-8


class Networks(nn.Module):
    """Generator and discriminator, doubling or halving by stages."""

    def __init__(self, shape: tuple[int, int, int], latent: int, width: int):
        super().__init__()
        channels, height, breadth = shape
        stages = min(halvings(height), halvings(breadth))
        widths = [width * 2**stage for stage in range(stages + 1)]
        inner = widths[-1], height >> stages, breadth >> stages
        flat = math.prod(inner)
        up = [nn.Linear(latent, flat), nn.Unflatten(1, inner), nn.GroupNorm(1, widths[-1]), nn.SiLU()]
        for a, b in pairwise(widths[::-1]):
            up += [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(1, b), nn.SiLU()]
        self.generator = nn.Sequential(*up, nn.Conv2d(width, channels, 3, padding=1))
        down = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE)]
        for a, b in pairwise(widths):
            down += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.discriminator = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, 1))


class Gan(Rival):
    """A trained generator, and the discriminator that it was trained against."""

    @staticmethod
    def build(settings, shape: tuple[int, int, int]) -> nn.Module:
        """Make both networks, with weights from torch's global generator."""
        return Networks(shape, settings.latent, settings.width)

    def latents(self, source: torch.Generator) -> tuple[Tensor]:
        """Draw one image's z from N(0, I)."""
        return (torch.randn(self.settings.latent, generator=source),)

    def images(self, z: Tensor) -> Tensor:
        """Return g(z), (B, C, H, W) in the network's range."""
        black = lowest(self.settings.value_range)
        return black + (1 - black) * self.call(self.network.generator, z).sigmoid()


def discriminate(of_real: Tensor, of_fake: Tensor) -> Tensor:
    """Return the discriminator's loss of its logits, of each pair  [R eq. 2]."""
    return F.softplus(-of_real) + F.softplus(of_fake)


def forge(of_fake: Tensor) -> Tensor:
    """Return the generator's loss of the discriminator's logits: minus the log of being taken for real."""
    return F.softplus(-of_fake)


def slope(of_real: Tensor, real: Tensor) -> Tensor:
    """Return half the squared norm of the logits' gradient at real images, (B,)."""
    (gradient,) = torch.autograd.grad(of_real.sum(), real, create_graph=True)
    return 0.5 * gradient.flatten(1).square().sum(1)


class Learner:
    """Updates the discriminator, then the generator; see `diffusion.family`."""

    def __init__(self, settings, shape: tuple[int, int, int], device: Device):
        self.model = Gan.new(settings, shape, device)
        self.network = self.model.network
        make = OPTIMIZERS[settings.optimizer]
        self.parts = [
            make(part, settings.learning_rate) for part in (self.network.discriminator, self.network.generator)
        ]
        for optimizer in (one for part in self.parts for one in part):
            for group in optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (0.5, 0.99)  # Radford et al. 2016: by Adam's own 0.9 the two swing
        self.optimizers = [one for part in self.parts for one in part]

    def prepare(self, x0: Tensor, source: torch.Generator, testing: bool = False) -> tuple[Tensor, Tensor]:
        """Draw z for images (B, C, H, W)."""
        return x0, torch.randn((len(x0), self.model.settings.latent), generator=source)

    def step(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Update both by one batch.

        Returns the discriminator's loss; the generator's; the share that the discriminator tells right; and the spread
        of a pixel over generated images as a share of that over real ones, near 0 where the generator has collapsed.
        """
        (real, z), judge = batch, self.network.discriminator
        fake = self.model.images(z)
        told = real.detach().requires_grad_()
        of_real, of_fake = self.model.call(judge, told), self.model.call(judge, fake.detach())
        loss = discriminate(of_real, of_fake).mean()
        penalty = self.model.settings.penalty
        update(self.parts[0], loss + penalty * slope(of_real, told).mean() if penalty else loss)
        forged = forge(self.model.call(judge, fake)).mean()
        update(self.parts[1], forged)
        right = 0.5 * ((of_real > 0).float().mean() + (of_fake < 0).float().mean())
        spread = fake.detach().std(0, unbiased=False).mean() / real.std(0, unbiased=False).mean().clamp(min=LEAST)
        return {"train": loss.detach(), "generator": forged.detach(), "accuracy": right, "spread": spread}

    def test(self, model: Gan, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the discriminator's loss of each image beside a generated one, (B,)."""
        real, z = batch
        judge = model.network.discriminator
        return discriminate(model.call(judge, real), model.call(judge, model.images(z))).squeeze(1)

    def trained(self, network: nn.Module) -> Gan:
        """Return the model to draw from, with these weights."""
        return replace(self.model, network=network.eval())
