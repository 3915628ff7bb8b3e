"""Noise within a gray level, which makes levels continuous: uniform, or learnt with the flow.

With any density q(u|x) of noise u in [0, 1) a pixel, E_q[log p(x + u) - log q(u|x)] <= log P(x), the log probability
of the levels x (Theis et al. 2016; Ho et al. 2019, "Flow++", eq. 12). Uniform noise has log q = 0. The bound is tight
where q follows p within the level; uniform noise asks p to be as flat as a box, which no smooth density is.

Members of `DEQUANTISERS` are modules with

draw(shape, source)     all random numbers for images of that shape, on the CPU
forward(x, noise)       u in [0, 1) and log q(u|x), (B,), from these numbers; x in the network's range
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["DEQUANTISERS", "Uniform", "Variational"]

STEEPEST = 2.0  # of a step's log scale
STEPS = 4
BLOCK = 2  # side of the squares of pixels that become channels, of which one half moves by the other


class Uniform(nn.Module):
    """Uniform noise, of which nothing is learnt."""

    def __init__(self, channels: int, width: int):
        super().__init__()

    def draw(self, shape, source: torch.Generator) -> Tensor:
        """Draw the noise itself."""
        return torch.rand(shape, generator=source)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise, and 0 for its log density."""
        return noise, noise.new_zeros(len(noise))


class Step(nn.Module):
    """Half of the channels are scaled and moved by what a network makes of the others and of the image."""

    def __init__(self, channels: int, width: int, first: bool):
        super().__init__()
        self.first = first  # whether the first half is kept
        self.network = nn.Sequential(
            nn.Conv2d(channels + channels // 2, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, channels, 3, padding=1),
        )
        nn.init.zeros_(self.network[-1].weight)  # each step begins as the identity
        nn.init.zeros_(self.network[-1].bias)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return y after the step, and the step's log |dy'/dy|, (B,)."""
        kept, moved = y.chunk(2, dim=1) if self.first else reversed(y.chunk(2, dim=1))
        log_scale, shift = self.network(torch.cat([x, kept], dim=1)).to(y.dtype).chunk(2, dim=1)
        log_scale = STEEPEST * torch.tanh(log_scale / STEEPEST)
        moved = moved * log_scale.exp() + shift
        halves = (kept, moved) if self.first else (moved, kept)
        return torch.cat(halves, dim=1), log_scale.flatten(1).sum(1)


class Variational(nn.Module):
    """Noise u = Phi(y), y a chain of coupling steps of eps ~ N(0, I) that see the image; Phi: the normal's cdf.

    It begins as uniform noise: y = eps, so that log q = 0. In general log q = log N(eps) - log N(y) - log |dy/deps|.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.steps = nn.ModuleList(Step(channels * BLOCK**2, width, number % 2 == 0) for number in range(STEPS))

    def draw(self, shape, source: torch.Generator) -> Tensor:
        """Draw eps."""
        return torch.randn(shape, generator=source)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return u, (B, C, H, W) as `x` and `noise` are, and log q(u|x), (B,)."""
        seen, y, slope = F.pixel_unshuffle(x, BLOCK), F.pixel_unshuffle(noise, BLOCK), 0
        for step in self.steps:
            y, more = step(seen, y)
            slope = slope + more
        y = F.pixel_shuffle(y, BLOCK)
        log_q = 0.5 * (y.square() - noise.square()).flatten(1).sum(1) - slope
        return torch.special.ndtr(y), log_q


DEQUANTISERS = {"uniform": Uniform, "variational": Variational}
