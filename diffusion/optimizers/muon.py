"""Muon for the convolutions, and Adam beside it."""

import torch
from torch import Tensor, nn

from diffusion.optimizers.adam import adam_on, rate_for

__all__ = ["ConvolutionMuon", "as_matrix", "inverse_roots", "muon", "orthogonalised"]

MUON_RATE = 10.0  # Muon's updates have a fixed size per matrix, so its rate is this much larger than Adam's
MUON_MOMENTUM = 0.95


def inverse_roots(grams: Tensor, steps: int = 5) -> Tensor:
    """Return P with P X near the closest semi-orthogonal matrix to X, for each Gram matrix X X^T (..., R, R).

    Jordan et al. 2024 (Muon): X <- (a I + b A + c A^2) X with A = X X^T takes singular values to between about 0.7 and
    1.2, which is what the update needs. Each step multiplies X from the left by a polynomial Q of A, and Q commutes
    with A, so the products are gathered here on the small side and X, up to 36 times as long, is multiplied once.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    length = grams.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None].sqrt() + 1e-7  # X's Frobenius norm
    A, product = grams / length.square(), None
    for step in range(steps):
        Q = torch.baddbmm(A, A, A, beta=b, alpha=c)
        Q.diagonal(dim1=-2, dim2=-1).add_(a)
        product = Q if product is None else Q @ product
        A = Q @ A @ Q if step < steps - 1 else A
    return product / length


def orthogonalised(matrices: list[Tensor]) -> list[Tensor]:
    """Return roughly the nearest semi-orthogonal matrix to each (R, C); equal smaller sides share a batch."""
    wide = [X.T if X.shape[0] > X.shape[1] else X for X in matrices]
    results = list(matrices)
    for rows in {X.shape[0] for X in wide}:
        places = [i for i, X in enumerate(wide) if X.shape[0] == rows]
        products = inverse_roots(torch.stack([wide[i] @ wide[i].T for i in places]))
        for i, product in zip(places, products, strict=True):
            result = product @ wide[i]
            results[i] = result if wide[i] is matrices[i] else result.T
    return results


def as_matrix(kernel: Tensor) -> Tensor:
    """View a convolution kernel (O, I, k, k) as (O, k x k x I); a copy unless channels lie last in memory."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)


class ConvolutionMuon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for convolution kernels as matrices.

    torch.optim.Muon takes only matrices.
    """

    kept = ("momentum_buffer",)  # of each parameter, once a step is done

    def __init__(self, parameters, lr: float | Tensor, momentum: float = MUON_MOMENTUM):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            kernels, momentum = group["params"], group["momentum"]
            gradients = [kernel.grad for kernel in kernels]
            buffers = [self._buffer(kernel) for kernel in kernels]
            torch._foreach_lerp_(buffers, gradients, 1 - momentum)
            updates = orthogonalised([as_matrix(u) for u in torch._foreach_lerp(gradients, buffers, momentum)])
            for kernel, update in zip(kernels, updates, strict=True):
                out, _, *sides = kernel.shape
                scale = max(1.0, out / update.shape[1]) ** 0.5
                self._move(kernel, update.reshape(out, *sides, -1).permute(0, 3, 1, 2), group["lr"], scale)

    @staticmethod
    def _move(kernel: Tensor, update: Tensor, rate: float | Tensor, scale: float) -> None:
        if isinstance(rate, Tensor):
            kernel.sub_(update * (rate * scale))
        else:
            kernel.add_(update, alpha=-rate * scale)

    def _buffer(self, kernel: Tensor) -> Tensor:
        state = self.state[kernel]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(kernel)
        return state["momentum_buffer"]


def muon(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Make Muon for the inner convolutions, and Adam for all else: the layers named first and last, and vectors."""
    parameters = dict(network.named_parameters())
    kernels = {k: p for k, p in parameters.items() if p.ndim == 4 and not k.startswith(("first", "last"))}
    rest = [p for k, p in parameters.items() if k not in kernels]
    rate = rate_for(rest[0], learning_rate * MUON_RATE)
    return [adam_on(rest, learning_rate), ConvolutionMuon(kernels.values(), rate)]
