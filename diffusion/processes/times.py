"""How the time steps of a batch are drawn: (T, count, source) -> indices (count,) of 0 ... T - 1, int64."""

import torch
from torch import Tensor

__all__ = ["stratified", "uniform"]


def uniform(timesteps: int, count: int, source: torch.Generator) -> Tensor:
    """Draw each index by itself."""
    return torch.randint(0, timesteps, (count,), generator=source)


def stratified(timesteps: int, count: int, source: torch.Generator) -> Tensor:
    """Draw one shared offset, so that a batch covers 0 ... T - 1 evenly; each index by itself is still uniform.

    Kingma et al. 2021, appendix I.1 (low-discrepancy sampler).
    """
    u = (torch.rand(1, generator=source) + torch.arange(count) / count) % 1
    return (u * timesteps).long().clamp_(max=timesteps - 1)
