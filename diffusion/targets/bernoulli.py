"""The probability that a pixel is white."""

from diffusion.processes.states import Prediction

__all__ = ["Bernoulli"]


class Bernoulli:
    """The log-odds of a pixel being white, (x_0 + 1) / 2 = 1, by cross-entropy: its optimum is E[x_0 | x_t] too."""

    needs = frozenset()
    value_ranges = ("symmetric",)
    is_reported = False

    def wanted(self, x0, hidden, t, process):
        return (x0 + 1) / 2

    def loss(self, output, wanted):
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(output, wanted, reduction="none")

    def read(self, output, xt, t, process) -> Prediction:
        # the mean of a +-1 pixel whose log-odds are `output`
        x0 = (output / 2).tanh()
        return Prediction(x0, process.hidden(x0, xt, t))
