"""A U-Net of residual blocks with attention, called as network(x_t, t).

Shapes: x (B, C, H, W) float, t (B,) integer time-step indices; the result has x's shape.
"""

import math

import torch
from torch import Tensor, nn

from diffusion.networks.embedding import SinusoidalEmbedding


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels)


class ResidualBlock(nn.Module):
    """norm - SiLU - conv - scale and shift by the embedding - norm - SiLU - conv, plus the input."""

    def __init__(self, channels_in: int, channels_out: int, time_dims: int):
        super().__init__()
        self.norm1, self.norm2 = _group_norm(channels_in), _group_norm(channels_out)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.time = nn.Linear(time_dims, 2 * channels_out)
        self.shortcut = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(nn.functional.silu(self.norm1(x)))
        scale, shift = self.time(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(nn.functional.silu(h))


class Attention(nn.Module):
    """Self-attention over the pixels of a feature map (B, C, H, W), plus the input."""

    def __init__(self, channels: int, head_channels: int = 32):
        super().__init__()
        self.heads = math.gcd(max(channels // head_channels, 1), channels)
        self.norm = _group_norm(channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        qkv = self.qkv(self.norm(x)).reshape(B, 3, self.heads, C // self.heads, H * W)
        q, k, v = qkv.transpose(-1, -2).unbind(dim=1)  # each (B, heads, H W, C / heads)
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        return x + self.out(h.transpose(-1, -2).reshape(B, C, H, W))


class _Level(nn.Module):
    """One resolution: a residual block, with attention after it where the maps are small enough to afford it."""

    def __init__(self, channels_in: int, channels_out: int, time_dims: int, attend: bool):
        super().__init__()
        self.block = ResidualBlock(channels_in, channels_out, time_dims)
        self.attention = Attention(channels_out) if attend else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.attention(self.block(x, embedding))


class ResidualUNet(nn.Module):
    """U-Net of ResNet blocks with GroupNorm, attention at the two deepest resolutions and skips at every one.

    The image's sides must be divisible by 2 ** (len(widths) - 1).

    Args:
        channels: of the images.
        settings: with `widths` and `time_dims`.
    """

    def __init__(self, channels: int, settings):
        super().__init__()
        widths, time_dims = settings.widths, settings.time_dims
        depth, dims = len(widths), 2 * time_dims
        self.embedding = nn.Sequential(
            SinusoidalEmbedding(time_dims), nn.Linear(time_dims, dims), nn.SiLU(), nn.Linear(dims, dims)
        )
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        before = [widths[0], *widths[:-1]]
        attend = [level >= depth - 2 for level in range(depth)]
        self.down = nn.ModuleList(map(_Level, before, widths, [dims] * depth, attend))
        self.shrink = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.middle = _Level(widths[-1], widths[-1], dims, attend=True)
        inputs = [2 * widths[-1], *[widths[i] + widths[i + 1] for i in reversed(range(depth - 1))]]
        self.up = nn.ModuleList(map(_Level, inputs, widths[::-1], [dims] * depth, attend[::-1]))
        self.norm, self.last = _group_norm(widths[0]), nn.Conv2d(widths[0], channels, 3, padding=1)
        self.divisor = 2 ** (depth - 1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        embedding, h, skips = self.embedding(t), self.first(x), []
        for i, level in enumerate(self.down):
            h = level(h, embedding)
            skips.append(h)
            h = self.shrink[i](h) if i < len(self.shrink) else h
        h = self.middle(h, embedding)
        for i, level in enumerate(self.up):
            h = nn.functional.interpolate(h, scale_factor=2.0) if i else h
            h = level(torch.cat([h, skips.pop()], dim=1), embedding)
        return self.last(nn.functional.silu(self.norm(h)))
