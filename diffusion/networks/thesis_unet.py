"""The thesis's U-Net (section 4.1), called as network(x_t, t).

Shapes: x (B, C, H, W) float, t (B,) integer time-step indices; the result has x's shape.
"""

import itertools

import torch
from torch import Tensor, nn

from diffusion.networks.embedding import SinusoidalEmbedding


class ThesisBlock(nn.Module):
    """conv - ReLU - norm - add ReLU(Linear(embedding)) - conv - ReLU - norm - resample by two.

    An up block takes its input and a skip of the same shape, concatenated.
    """

    def __init__(self, channels_in: int, channels_out: int, time_dims: int, up: bool):
        super().__init__()
        self.time = nn.Linear(time_dims, channels_out)
        self.conv1 = nn.Conv2d(2 * channels_in if up else channels_in, channels_out, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels_out)
        resample = nn.ConvTranspose2d if up else nn.Conv2d
        self.resample = resample(channels_out, channels_out, 4, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        x = self.norm1(torch.relu(self.conv1(x)))
        x = x + torch.relu(self.time(embedding))[:, :, None, None]
        return self.resample(self.norm2(torch.relu(self.conv2(x))))


class ThesisUNet(nn.Module):
    """The thesis's network at any widths; (64, 128, 256, 512, 1024) and one channel give 62,713,025 parameters.

    The skips are the down blocks' outputs, so the bottleneck is concatenated with itself and nothing is passed
    across at full resolution; `full_skip` adds that path, from the first convolution to a 3x3 one at the end.
    The image's sides must be divisible by 2 ** (len(widths) - 1).

    Args:
        channels: of the images.
        settings: with `widths`, `time_dims` and `full_skip`.
    """

    def __init__(self, channels: int, settings):
        super().__init__()
        time_dims, full_skip = settings.time_dims, settings.full_skip
        down, up = list(settings.widths), list(settings.widths)[::-1]
        self.embedding = SinusoidalEmbedding(time_dims)
        self.first = nn.Conv2d(channels, down[0], 3, padding=1)
        self.down = nn.ModuleList(ThesisBlock(i, o, time_dims, up=False) for i, o in itertools.pairwise(down))
        self.up = nn.ModuleList(ThesisBlock(i, o, time_dims, up=True) for i, o in itertools.pairwise(up))
        self.merge = nn.Conv2d(2 * down[0], 2 * down[0], 3, padding=1) if full_skip else None
        self.last = nn.Conv2d(2 * down[0] if full_skip else down[0], channels, 1)
        self.divisor = 2 ** (len(down) - 1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        embedding = self.embedding(t)
        h = first = self.first(x)
        skips = []
        for block in self.down:
            h = block(h, embedding)  # (B, widths[i + 1], H / 2^(i + 1), W / 2^(i + 1))
            skips.append(h)
        for block in self.up:
            h = block(torch.cat([h, skips.pop()], dim=1), embedding)
        if self.merge is not None:
            h = torch.relu(self.merge(torch.cat([h, first], dim=1)))
        return self.last(h)
