"""Targets whose loss is the squared error.

Equations: [H] Ho et al. 2020, [S] Salimans and Ho 2022.
"""

from diffusion.processes.states import Prediction

__all__ = ["X0", "Eps", "V"]


class _Squared:
    """A target whose loss is the squared error."""

    needs = frozenset()
    value_ranges = ("symmetric", "unit")
    is_reported = False

    def loss(self, output, wanted):
        return (output - wanted).square()


class Eps(_Squared):
    """The noise  [H eq. 14]."""

    needs = frozenset({"eps"})
    is_reported = True

    def wanted(self, x0, hidden, t, process):
        return hidden

    def read(self, output, xt, t, process) -> Prediction:
        return Prediction(process.clean(output, xt, t), output, given="eps")


class X0(_Squared):
    """The clean image."""

    def wanted(self, x0, hidden, t, process):
        return x0

    def read(self, output, xt, t, process) -> Prediction:
        return Prediction(output, process.hidden(output, xt, t))


class V(_Squared):
    """v = sqrt(abar) eps - sqrt(1 - abar) x_0  [S app. D]."""

    needs = frozenset({"eps", "abar"})

    def wanted(self, x0, hidden, t, process):
        return process.at("sqrt_abar", t, x0) * hidden - process.at("sqrt_1m_abar", t, x0) * x0

    def read(self, output, xt, t, process) -> Prediction:
        a, s = process.at("sqrt_abar", t, xt), process.at("sqrt_1m_abar", t, xt)
        return Prediction(a * xt - s * output, s * xt + a * output)
