"""Adam as the thesis uses it, and Muon for the convolutions beside it."""

import torch
from torch import Tensor, nn

MUON_RATE = 10.0  # Muon's updates have a fixed size per matrix, so its rate is this much larger than Adam's
MUON_MOMENTUM = 0.95


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix to `matrix` (R, C), roughly, by Newton-Schulz iteration.

    Jordan et al. 2024 (Muon); singular values end between about 0.7 and 1.2, which is what the update needs.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    X = matrix / (matrix.norm() + 1e-7)  # only roughly: bfloat16 does, where the hardware has it
    tall = X.shape[0] > X.shape[1]
    X = X.T if tall else X
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if tall else X


class ConvolutionMuon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for convolution kernels flattened to (out, in x k x k).

    torch.optim.Muon takes matrices alone; kernels are what this project trains.
    """

    def __init__(self, parameters, lr: float, momentum: float = MUON_MOMENTUM, dtype: torch.dtype = torch.float32):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for kernel in group["params"]:
                state = self.state[kernel]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(kernel)
                buffer = state["momentum_buffer"].lerp_(kernel.grad, 1 - group["momentum"])
                update = kernel.grad.lerp(buffer, group["momentum"]).flatten(1)
                scale = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
                step = orthogonalised(update.to(self.dtype)).to(kernel.dtype)
                kernel.add_(step.view_as(kernel), alpha=-group["lr"] * scale)


def build(kind: str, network: nn.Module, learning_rate: float, precision: str) -> list[torch.optim.Optimizer]:
    """`adam`: Adam on everything. `muon`: Muon on the inner convolutions, Adam on all else.

    `precision` is that of Muon's matrix products; parameters and moments stay float32.
    """
    parameters = dict(network.named_parameters())
    kernels = {k: p for k, p in parameters.items() if p.ndim == 4 and not k.startswith(("first", "last"))}
    if kind == "adam":
        return [torch.optim.Adam(parameters.values(), learning_rate, fused=_fused(network))]
    rest = [p for k, p in parameters.items() if k not in kernels]
    return [
        torch.optim.Adam(rest, learning_rate, fused=_fused(network)),
        ConvolutionMuon(kernels.values(), learning_rate * MUON_RATE, dtype=getattr(torch, precision)),
    ]


def _fused(network: nn.Module) -> bool:
    return next(network.parameters()).device.type in ("cpu", "cuda")
