"""Random numbers for one purpose each, on the CPU: equal seeds give equal numbers on every device."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["generator", "seeded"]

ONE_SEEDED = threading.RLock()  # torch fills new weights from a generator that all threads share


def generator(seed: int, stream: int, index: int = 0) -> torch.Generator:
    """Return a CPU generator for one purpose: different (seed, stream, index) give independent streams."""
    entropy = np.random.SeedSequence([seed, stream, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(entropy >> np.uint64(1)))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's common generator, begun at a seed, inside: one thread at a time; it is as before afterwards."""
    with ONE_SEEDED, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
