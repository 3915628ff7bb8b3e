"""Ancestral sampling: Ho et al. 2020 [H], algorithm 2, and listing 4.2 of the thesis."""

__all__ = ["Ancestral"]


class Ancestral:
    """Draw x_{t-1} from the model's reverse step; at the last step take its mean.

    Args:
        variance: one of the process's `variances`, for a Gaussian sigma_t^2 = beta_t (the thesis, the default) or
            `beta-tilde` [H section 3.2].
    """

    options = frozenset({"variance"})
    needs = frozenset()

    def __init__(self, variance: str | None = None):
        self.chosen = {} if variance is None else {"variance": variance}

    def step(self, denoise, process, x, i, memory, noise):
        return process.backward(denoise(x, i), x, i, noise if i else None, **self.chosen)
