"""Random draws and batches made ahead by a thread, while the device works on those before."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from queue import Empty, Full, Queue
from typing import Any

import torch
from torch import Tensor

from diffusion.accelerator.trees import mapped

__all__ = ["ahead", "fed"]

DEPTH = 6  # items that wait at most
PATIENCE = 0.05  # seconds between two looks at whether anybody still wants more


class _End:
    """The last thing in a queue: how the iterator ended."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def ahead(items: Iterable[Any], depth: int = DEPTH) -> Iterator[Any]:
    """Yield the same items in the same order, up to `depth` of them made in advance by a thread.

    What the iterator raises is raised here, after the items before it. Closing the result ends the thread, so an
    iterator that owns generators must not be used by anybody else meanwhile.
    """
    queue, unwanted = Queue(depth), threading.Event()

    def offer(item: Any) -> bool:
        while not unwanted.is_set():
            try:
                queue.put(item, timeout=PATIENCE)
                return True
            except Full:
                pass
        return False

    def make() -> None:
        try:
            if all(offer(item) for item in items):
                offer(_End())
        except BaseException as error:
            offer(_End(error))

    thread = threading.Thread(target=make, daemon=True, name="ahead")
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error:
            raise item.error
    finally:
        unwanted.set()
        _empty(queue)
        thread.join()


def _empty(queue: Queue) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        pass


def fed(items: Iterable[Any], device: torch.device) -> Iterator[Any]:
    """Yield trees of CPU tensors (see `trees.mapped`) on the device, the same and in the same order.

    For a CPU they are made when they are asked for. For a GPU a thread makes them ahead, in page-locked memory, from
    which they are copied while the device computes.
    """
    if device.type == "cpu":
        yield from items
        return
    waiting = (mapped(Tensor.pin_memory, item) for item in items) if device.type == "cuda" else items
    with closing(ahead(waiting)) as made:
        for item in made:
            yield mapped(lambda tensor: tensor.to(device, non_blocking=True), item)
