"""Adam as the thesis uses it."""

from collections.abc import Iterable

import torch
from torch import nn

__all__ = ["adam", "adam_on"]


def adam(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Make Adam for all parameters."""
    return [adam_on(network.parameters(), learning_rate)]


def adam_on(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Make Adam for some parameters, in its fused form where the device has that."""
    parameters = list(parameters)
    return torch.optim.Adam(parameters, learning_rate, fused=parameters[0].device.type in ("cpu", "cuda"))
