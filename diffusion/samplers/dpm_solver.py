"""DPM-Solver++(2M): Lu et al. 2022 [L], algorithm 2."""

import numpy as np

__all__ = ["DPMSolver"]


class DPMSolver:
    """Solve the probability flow to second order in the half log-SNR lambda, to first order at both ends."""

    options = frozenset()
    needs = frozenset({"abar"})

    def step(self, denoise, process, x, i, memory, noise):
        x0 = denoise(x, i).x0
        if i == 0:
            return x0
        abar = process.schedule.abar
        lam = 0.5 * np.log(abar / (1 - abar))
        h = lam[i - 1] - lam[i]
        D = x0 + (x0 - memory["x0"]) * (h / (2 * memory["h"])) if memory else x0  # [L eq. 12]
        memory |= {"x0": x0, "h": h}
        sigma_ratio = np.sqrt((1 - abar[i - 1]) / (1 - abar[i]))
        return float(sigma_ratio) * x - float(np.sqrt(abar[i - 1]) * np.expm1(-h)) * D
