"""Two U-Nets behind one call, network(x_t, t): the thesis's (section 4.1) and a residual one with attention.

Shapes: x (B, C, H, W) float, t (B,) integer time-step indices; the result has x's shape.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SinusoidalEmbedding(nn.Module):
    """t (B,) -> (B, dims): sines, then cosines, of t over geometrically spread periods (Vaswani et al. 2017, 3.5)."""

    def __init__(self, dims: int):
        super().__init__()
        half = dims // 2
        frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device="cpu") / max(half - 1, 1))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None].float() * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)


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
    """

    def __init__(self, channels: int, widths: Sequence[int], time_dims: int = 128, full_skip: bool = False):
        super().__init__()
        down, up = list(widths), list(widths)[::-1]
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
    """

    def __init__(self, channels: int, widths: Sequence[int], time_dims: int = 128):
        super().__init__()
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


def build(kind: str, channels: int, widths: Sequence[int], time_dims: int = 128, full_skip: bool = False) -> nn.Module:
    """The network of the given kind, `thesis` or `residual`, with random weights from torch's global generator.

    Raises:
        ValueError: unknown kind, no widths, or `full_skip` asked of the residual network (it always has one).
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must be two or more positive numbers, not {tuple(widths)}")
    if kind == "thesis":
        return ThesisUNet(channels, widths, time_dims, full_skip)
    if kind == "residual" and not full_skip:
        return ResidualUNet(channels, widths, time_dims)
    if kind == "residual":
        raise ValueError("full_skip belongs to the thesis network: the residual one always has that path")
    raise ValueError(f"unknown network {kind!r}: choose thesis or residual")


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
