"""Deterministic DDIM: Song et al. 2021 [D]."""

__all__ = ["DDIM"]


class DDIM:
    """Set x_{t'} = sqrt(abar_{t'}) x0_hat + sqrt(1 - abar_{t'}) eps_hat  [D eq. 12 with sigma = 0]."""

    options = frozenset()
    needs = frozenset({"eps"})

    def step(self, denoise, process, x, i, memory, noise):
        found = denoise(x, i)
        return process.noised(found.x0, i - 1, found.eps) if i else found.x0
