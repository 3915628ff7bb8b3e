"""Random numbers for one purpose each, on the CPU: equal seeds give equal numbers on every device."""

import numpy as np
import torch

__all__ = ["generator"]


def generator(seed: int, stream: int, index: int = 0) -> torch.Generator:
    """Return a CPU generator for one purpose: different (seed, stream, index) give independent streams."""
    entropy = np.random.SeedSequence([seed, stream, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(entropy >> np.uint64(1)))
