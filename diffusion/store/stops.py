"""Ctrl-C and SIGTERM, put off until what must be whole is whole."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

__all__ = ["REPEAT_AFTER", "uninterrupted"]

REPEAT_AFTER = 1.0  # seconds: a terminal and a workflow may both pass on the same Ctrl-C


@contextlib.contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM take effect only when the block has ended, so that what it writes is written.

    The block may look into the list that it is given for those that came. Another one, later, takes effect at once.
    """
    came, times = [], []
    if threading.current_thread() is not threading.main_thread():  # Python delivers signals only in the main thread
        yield came
        return

    def note(number, frame):
        came.append(number)
        times.append(time.monotonic())
        if times[-1] - times[0] > REPEAT_AFTER and callable(before[number]):
            came.clear()
            before[number](number, frame)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)
