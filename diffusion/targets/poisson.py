"""The brightness of a pixel, for counts."""

from diffusion.processes.states import Prediction

__all__ = ["Poisson"]

LEAST = 1e-6  # brightness that an estimate is at least: at zero a white pixel would cost infinitely much


class Poisson:
    """x_0 in [0, 1], through softplus, by x log(x / x_hat) - x + x_hat: its optimum is E[x_0 | x_t].

    The loss of Chen and Zhou 2023, without the steps' weights.
    """

    needs = frozenset()
    value_ranges = ("unit",)
    is_reported = False

    def wanted(self, x0, hidden, t, process):
        return x0

    def loss(self, output, wanted):
        from diffusion.processes.poisson import kl

        return kl(wanted, self._estimate(output))

    def read(self, output, xt, t, process) -> Prediction:
        x0 = self._estimate(output)
        return Prediction(x0, process.hidden(x0, xt, t))

    def _estimate(self, output):
        from torch.nn import functional

        return functional.softplus(output) + LEAST
