"""Adam as the thesis uses it, and Muon for the convolutions beside it."""

import torch
from torch import Tensor, nn

MUON_RATE = 10.0  # Muon's updates have a fixed size per matrix, so its rate is this much larger than Adam's
MUON_MOMENTUM = 0.95


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix to `matrix` (R, C), roughly, by Newton-Schulz iteration.

    Jordan et al. 2024 (Muon): X <- (a I + b A + c A^2) X with A = X X^T; singular values end between about 0.7 and
    1.2, which is what the update needs. Every step multiplies X from the left by a polynomial Q of A, and Q commutes
    with A, so the products are gathered on the small side and X, up to 36 times as long, is multiplied once.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    X = matrix / (matrix.norm() + 1e-7)
    tall = X.shape[0] > X.shape[1]
    X = X.T if tall else X
    A, product = X @ X.T, None
    for _ in range(steps):
        Q = torch.addmm(A, A, A, beta=b, alpha=c)
        Q.diagonal().add_(a)
        product = Q if product is None else Q @ product
        A = Q @ A @ Q
    X = product @ X
    return X.T if tall else X


class ConvolutionMuon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for convolution kernels flattened to (out, in x k x k).

    torch.optim.Muon takes matrices alone; kernels are what this project trains.
    """

    def __init__(self, parameters, lr: float, momentum: float = MUON_MOMENTUM):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

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
                kernel.add_(orthogonalised(update).view_as(kernel), alpha=-group["lr"] * scale)


def build(kind: str, network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """`adam`: Adam on everything. `muon`: Muon on the inner convolutions, Adam on all else."""
    parameters = dict(network.named_parameters())
    kernels = {k: p for k, p in parameters.items() if p.ndim == 4 and not k.startswith(("first", "last"))}
    if kind == "adam":
        return [torch.optim.Adam(parameters.values(), learning_rate, fused=_fused(network))]
    rest = [p for k, p in parameters.items() if k not in kernels]
    return [
        torch.optim.Adam(rest, learning_rate, fused=_fused(network)),
        ConvolutionMuon(kernels.values(), learning_rate * MUON_RATE),
    ]


def _fused(network: nn.Module) -> bool:
    return next(network.parameters()).device.type in ("cpu", "cuda")
