"""What of the lab's members needs torch: a network, and a family that draws each pixel from a normal distribution."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from diffusion.images import Samples, as_arrays, to_unit
from diffusion.optimizers import OPTIMIZERS
from diffusion.streams import generator

DRAW_STREAM = 77


class Flat(nn.Module):
    """A network: two convolutions at full resolution, which see the time as one more channel."""

    divisor = 1

    def __init__(self, channels, settings):
        super().__init__()
        self.first = nn.Conv2d(channels + 1, settings.widths[0], 3, padding=1)
        self.last = nn.Conv2d(settings.widths[0], channels, 3, padding=1)

    def forward(self, x, t):
        time = (t.float() / 1000).reshape(-1, 1, 1, 1).expand(len(x), 1, *x.shape[2:])
        return self.last(torch.relu(self.first(torch.cat([x, time], dim=1))))


class Pixels(nn.Module):
    """Mean and log deviation of each pixel."""

    def __init__(self, shape):
        super().__init__()
        self.mean, self.log_deviation = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(shape))


@dataclass
class Model:
    settings: object
    shape: tuple
    network: nn.Module
    device: object
    calls = 1

    @staticmethod
    def build(settings, shape):
        return Pixels(shape)

    @classmethod
    def new(cls, settings, shape, device):
        return cls(settings, tuple(shape), cls.build(settings, shape).to(device.torch), device)


class Learner:
    """Fits the normal distributions by maximum likelihood."""

    def __init__(self, settings, shape, device):
        self.model = Model.new(settings, shape, device)
        self.network = self.model.network
        self.optimizers = OPTIMIZERS[settings.optimizer](self.network, settings.learning_rate)

    def prepare(self, x0, source, testing=False):
        return x0

    def step(self, batch):
        squared = (batch - self.network.mean).square()
        loss = (squared / (2 * (2 * self.network.log_deviation).exp()) + self.network.log_deviation).mean()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return {"train": loss.detach(), "squared": squared.mean().detach()}

    def test(self, model, batch):
        return (batch - model.network.mean).square().flatten(1).mean(1)

    def trained(self, network):
        return replace(self.model, network=network.eval())


@torch.no_grad()
def draw(model, count, noised=None, progress=None, seed=0, **how):
    images = []
    for i in range(count):
        z = torch.randn(model.shape, generator=generator(seed, DRAW_STREAM, i))
        x = model.network.mean.cpu() + model.settings.spread * model.network.log_deviation.exp().cpu() * z
        images.append(to_unit(x, model.settings.value_range).clamp(0, 1))
        if progress:
            progress(1)
    return Samples(as_arrays(torch.stack(images)))
