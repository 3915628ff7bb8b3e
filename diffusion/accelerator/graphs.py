"""Many small kernels as one CUDA graph: captured once for each layout of the input, replayed from then on."""

import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from diffusion.accelerator.trees import layout, mapped
from diffusion.devices import Device

__all__ = ["Captured", "captured"]

ONE_CAPTURE = threading.Lock()  # of all threads: a capture synchronises the whole device before it begins
MINE = threading.local()  # stream: a thread's own
WARM_UP = 3  # calls made one kernel after another, in which libraries choose and allocate


def captured(function: Callable[[Any], Any], device: Device, what: str) -> Callable[[Any], Any]:
    """Return the function, replayed from CUDA graphs where the device has them; elsewhere it is returned as it is.

    The function takes one tree of tensors on the device (see `trees.mapped`) and returns one. It may change tensors
    that it always finds at the same place, such as weights; it must not read a tensor's values into Python, and takes
    any number that changes from call to call from a tensor.

    what: names the function in the line that says why it could not be captured.
    """
    return Captured(function, what) if device.graphs else function


class Captured:
    """A function in CUDA graphs; where one cannot be captured, the function itself, with one line on stderr."""

    def __init__(self, function: Callable[[Any], Any], what: str):
        self.function, self.what = function, what
        self._graphs, self._calls, self._refused = {}, Counter(), False
        self.stream = _own_stream()

    def __call__(self, given: Any) -> Any:
        """Call the function with a tree whose tensors may have any values; its results are the caller's to keep."""
        key = layout(given)
        if key not in self._graphs:
            self._calls[key] += 1
            if self._refused or self._calls[key] <= WARM_UP:
                return self._beside(given)
            if not self._capture(key, given):
                return self.function(given)
        graph, inputs, results = self._graphs[key]
        mapped(Tensor.copy_, inputs, given)
        graph.replay()
        return mapped(Tensor.clone, results)

    def _beside(self, given: Any) -> Any:
        """On the stream where a capture follows: what autograd and the libraries set up belongs to a stream."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            results = self.function(given)
        torch.cuda.current_stream().wait_stream(self.stream)
        return results

    def _capture(self, key: tuple, given: Any) -> bool:
        graph, inputs = torch.cuda.CUDAGraph(), mapped(Tensor.clone, given)
        try:
            # other threads go on making draws: only what this one does may break the capture
            with ONE_CAPTURE, torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                results = self.function(inputs)
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            print(f"{self.what} runs without a CUDA graph: {reason}", file=sys.stderr)
            torch.cuda.synchronize()
            self._refused = True
            return False
        self._graphs[key] = graph, inputs, results
        return True


def _own_stream() -> torch.cuda.Stream:
    """Return one stream a thread: torch hands out 32 in turn, and no capture may share one."""
    if not hasattr(MINE, "stream"):
        MINE.stream = torch.cuda.Stream()
    return MINE.stream
