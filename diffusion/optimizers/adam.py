"""Adam as the thesis uses it."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["adam", "adam_on", "rate_for"]


def adam(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Make Adam for all parameters."""
    return [adam_on(network.parameters(), learning_rate)]


def adam_on(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Make Adam for some parameters, in its fused form where the device has that; on CUDA fit for a graph."""
    parameters = list(parameters)
    kind = parameters[0].device.type
    rate = rate_for(parameters[0], learning_rate)
    return torch.optim.Adam(parameters, rate, fused=kind in ("cpu", "cuda"), capturable=kind == "cuda")


def rate_for(parameter: nn.Parameter, learning_rate: float) -> float | Tensor:
    """Return the rate as an optimizer takes it: for parameters on CUDA a tensor, which each replay of a graph reads."""
    if parameter.device.type != "cuda":
        return learning_rate
    return torch.tensor(learning_rate, device=parameter.device)
