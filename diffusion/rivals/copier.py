"""A copier: it keeps training images and draws one of them, so its samples look perfect and none is new.

One of the two ends of every scale. A measure of novelty that does not tell it from a model that draws new images is
none. It has no likelihood: images that it has not kept have probability 0.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from diffusion.devices import Device
from diffusion.images import to_network, to_unit
from diffusion.rivals.model import Rival

__all__ = ["Copier", "Learner"]


class Memory(nn.Module):
    """The images that were seen last, uint8 (kept, C, H, W), and how many were seen."""

    def __init__(self, shape: tuple[int, int, int], kept: int):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(0))  # averages and checks of weights want one, if only an empty one
        self.register_buffer("kept", torch.zeros((kept, *shape), dtype=torch.uint8))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def add(self, images: Tensor) -> None:
        """Keep images (B, C, H, W) in place of the oldest."""
        places = (self.seen + torch.arange(len(images), device=images.device)) % len(self.kept)
        self.kept.index_copy_(0, places, images)
        self.seen += len(images)


class Copier(Rival):
    """A memory of training images; its draws are equally likely among those that it keeps."""

    precise = True

    @staticmethod
    def build(settings, shape: tuple[int, int, int]) -> nn.Module:
        """Make an empty memory."""
        return Memory(shape, settings.kept)

    def latents(self, source: torch.Generator) -> tuple[Tensor]:
        """Draw a uniform number, which says which image is taken."""
        return (torch.rand((), generator=source, dtype=torch.float64),)

    def images(self, uniform: Tensor) -> Tensor:
        """Return the kept images at these shares of their row, (B, C, H, W) in the network's range."""
        memory = self.network
        count = memory.seen.clamp(min=1, max=len(memory.kept))
        return to_network(memory.kept[(uniform * count).long()], self.settings.value_range)


class Learner:
    """Keeps what it is shown; see `diffusion.family`. Its loss is the distance to the nearest kept image."""

    def __init__(self, settings, shape: tuple[int, int, int], device: Device):
        self.model = Copier.new(settings, shape, device)
        self.network = self.model.network
        self.optimizers = []

    def prepare(self, x0: Tensor, source: torch.Generator, testing: bool = False) -> Tensor:
        """Return the images (B, C, H, W): nothing is drawn."""
        return x0

    @torch.no_grad()
    def step(self, batch: Tensor) -> dict[str, Tensor]:
        """Keep a batch; the mean distance of its images from those that were kept before."""
        loss = self.test(self.model, batch).mean()
        unit = to_unit(batch, self.model.settings.value_range)
        self.network.add((unit * 255).round().clamp(0, 255).to(torch.uint8))
        return {"train": loss}

    def test(self, model: Copier, batch: Tensor) -> Tensor:
        """Return each image's mean squared distance from the nearest kept one, (B,); places still empty are black."""
        kept = to_network(model.network.kept, model.settings.value_range)
        return torch.cdist(batch.flatten(1), kept.flatten(1)).amin(1).square() / batch[0].numel()

    def trained(self, network: nn.Module) -> Copier:
        """Return the model to draw from, with this memory."""
        return replace(self.model, network=network.eval())
