"""The time step as a network sees it."""

import math

import torch
from torch import Tensor, nn


class SinusoidalEmbedding(nn.Module):
    """Map t (B,) to (B, dims): sines, then cosines, of t over geometrically spread periods (Vaswani et al. 2017)."""

    def __init__(self, dims: int):
        super().__init__()
        half = dims // 2
        frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device="cpu") / max(half - 1, 1))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None].float() * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)
