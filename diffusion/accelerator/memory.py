"""How many images a network call takes at once."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from diffusion.devices import Device
from diffusion.store.surroundings.memory import TooLargeError

__all__ = ["fitting", "told_what_fits"]

USUAL = 128  # where nothing is gained by more
MOST = 4096
TRIED = 64
SHARE = 0.4  # of the free memory: a graph's own and what was allocated before it is captured lie there side by side


def fitting(call: Callable[[int], Any], count: int, device: Device) -> int:
    """Return how many of `count` images to take at once: on a CUDA device as many as its free memory holds, up to 4096.

    call: draws so many images in one batch; on a CUDA device it is tried, and what it took is measured. The images are
    spread evenly: 5000 are drawn in two batches of 2500.
    """
    if device.torch.type != "cuda":
        return USUAL
    call(TRIED)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call(TRIED)
    each = max(torch.cuda.max_memory_allocated() - before, 1) / TRIED
    torch.cuda.empty_cache()
    most = max(min(int(SHARE * torch.cuda.mem_get_info()[0] / each), MOST), 1)
    batches = -(-count // most)
    return -(-count // batches)


@contextlib.contextmanager
def told_what_fits(batch_size: int, fitting: Callable[[], int], device: Device) -> Iterator[None]:
    """Say, where a card's memory does not hold the block's batches, how many images it would hold.

    Raises:
        TooLargeError: it does not hold them.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        fits = 0
        with contextlib.suppress(torch.OutOfMemoryError):
            fits = min(fitting(), batch_size // 2)
        advice = f"--batch-size {fits} would fit" if fits else "wait for what else is on it, or take another"
        raise TooLargeError(f"{device.name} does not hold {batch_size} images a network call: {advice}") from None
