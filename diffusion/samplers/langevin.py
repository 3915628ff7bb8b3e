"""Langevin sampling by the score: annealed, and as a corrector of ancestral steps.

Equations: [S] Song and Ermon 2019, algorithm 1; [P] Song et al. 2021, algorithms 3 and 5 for a process that preserves
variance. The score of x_i is -eps_hat / sqrt(1 - abar_i).
"""

from diffusion.samplers.ancestral import Ancestral

__all__ = ["Corrected", "Langevin", "langevin_step", "step_size"]

CORRECTIONS = 1
SNR = 0.16  # [P table 5]'s where variance explodes; where it is preserved, 0.01 beside ancestral steps, 0.27 alone


def langevin_step(x, score, size, noise):
    """Return x + size score + sqrt(2 size) noise  [S eq. 4, with size for alpha / 2].

    size: (B, 1, 1, 1) or a number.
    """
    return x + size * score + (2 * size) ** 0.5 * noise


def step_size(score, noise, snr: float, kept: float):
    """Return the size of each image's step, (B, 1, 1, 1): 2 alpha (snr |noise| / |score|)^2  [P alg. 5].

    kept: alpha_i = 1 - beta_i. Norms are each image's own, so that no image hangs on its batch.
    """
    lengths = [one.flatten(1).norm(dim=1).clamp(min=1e-12) for one in (noise, score)]
    return (2 * kept * (snr * lengths[0] / lengths[1]) ** 2).reshape(-1, *[1] * (score.ndim - 1))


class _ByScore:
    """What both share.

    Args:
        corrections: Langevin steps at each level, at least 1.
        snr: length of a step's noise that a step along the score is given, above 0 and below 1. From 1 on steps
            overshoot even where the law is a normal one.

    Raises:
        ValueError: corrections below 1, an snr outside (0, 1).
    """

    options = frozenset({"corrections", "snr"})
    needs = frozenset({"eps", "abar"})

    def __init__(self, corrections: int = CORRECTIONS, snr: float = SNR):
        if corrections < 1:
            raise ValueError(f"corrections must be at least 1, not {corrections}")
        if not 0 < snr < 1:
            raise ValueError(f"snr must lie above 0 and below 1, from where on Langevin steps diverge, not {snr:g}")
        self.corrections, self.snr = corrections, snr

    def _correct(self, denoise, process, x, i, noise):
        """Take Langevin steps at level i."""
        for _ in range(self.corrections):
            score, drawn = -denoise(x, i).eps / process.at("sqrt_1m_abar", i, x), noise()
            x = langevin_step(x, score, step_size(score, drawn, self.snr, 1 - process.schedule.betas[i]), drawn)
        return x


class Langevin(_ByScore):
    """Take Langevin steps at each level and go on to the next; at the end return the estimate of x_0."""

    def calls(self, steps: int) -> int:
        """Return the calls of all corrections and of the estimate at the end."""
        return steps * self.corrections + 1

    def step(self, denoise, process, x, i, memory, noise):
        x = self._correct(denoise, process, x, i, noise)
        return denoise(x, 0).x0 if i == 0 else x


class Corrected(_ByScore):
    """Take an ancestral step, then Langevin steps at the level that it led to."""

    def calls(self, steps: int) -> int:
        """Return the calls of all steps, and of corrections after each but the last."""
        return steps + (steps - 1) * self.corrections

    def step(self, denoise, process, x, i, memory, noise):
        x = Ancestral().step(denoise, process, x, i, memory, noise)
        return self._correct(denoise, process, x, i - 1, noise) if i else x
