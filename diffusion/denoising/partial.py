"""A model for a part of the way: to start from images that still show something, at a like share under any schedule."""

from dataclasses import replace

import numpy as np

from diffusion.denoising.model import Model

__all__ = ["from_abar"]


def from_abar(model: Model, abar: float) -> Model:
    """Return the model, its process ended at the first step whose abar_t, the share of signal power, is at most `abar`.

    The network and the steps before are the same, so sampling from images noised to the new end is sampling from the
    middle of the old way.

    Raises:
        ValueError: `abar` is not in (0, 1), the process has none, or never gets as noisy as that.
    """
    if not 0 < abar < 1:
        raise ValueError(f"abar is {abar}, but a share between 0 and 1 is needed")
    if "abar" not in model.process.extras:
        raise ValueError(f"process {model.settings.process!r} has no abar to start from: leave --from-abar out")
    whole = model.process.schedule
    noisy = np.flatnonzero(whole.abar <= abar)
    if not len(noisy):
        raise ValueError(
            f"schedule {whole.name} leaves {whole.abar[-1]:.3g} of the signal's power at its last step: "
            f"{abar} or less is never reached; give a larger share, or none to start there"
        )
    return replace(model, process=model.process.ended(int(noisy[0]) + 1))
