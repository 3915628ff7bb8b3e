"""Ctrl-C and SIGTERM as exceptions that are never lost.

`diffusion.store.stops` has the same classes, as the two rooms know nothing of each other.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

__all__ = ["Stopped", "Stops", "on_stop"]

REPEAT_AFTER = 1.0  # seconds: a terminal and a workflow may both pass on the same Ctrl-C
AGAIN_AFTER = 0.01  # seconds: by then a callback is over that a signal landed in
AND_AGAIN = 0.1  # seconds


class Stopped(BaseException):
    """Ctrl-C or SIGTERM; `standing` says what is saved and how to go on."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number, self.standing = number, ""

    def __str__(self) -> str:
        word = "interrupted" if self.number == signal.SIGINT else f"stopped by {self.args[0]}"
        return f"{word}: {self.standing}" if self.standing else word


@contextlib.contextmanager
def on_stop(standing: Callable[[], str]) -> Iterator[None]:
    """Say, when the block is stopped, what is saved and how to go on."""
    try:
        yield
    except Stopped as stop:
        stop.standing = standing()
        raise


class Stops:
    """Handle signals: raise an exception at the first, and again each time that Python swallows it.

    Python ignores exceptions in weakref callbacks, in `__del__` and in callbacks of the garbage collector, and a signal
    may land in any of these. `sys.unraisablehook` tells of it, and a timer sends the signal again. Where there are no
    timers, as on Windows, the next signal of the user's gets through.

    Args:
        kind: exception to raise, made with the signal's number.
    """

    def __init__(self, kind: type[BaseException] = Stopped):
        self.kind, self.number, self.since, self.lost = kind, None, 0.0, False
        self.hook = self.alarm = None

    def __enter__(self) -> "Stops":
        self.hook, sys.unraisablehook = sys.unraisablehook, self._mind
        return self

    def __exit__(self, *error) -> None:
        if self.alarm is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.alarm)
        if sys.unraisablehook == self._mind:
            sys.unraisablehook = self.hook

    def __call__(self, number: int, frame) -> None:
        """Raise the exception at the first signal; end the process when another comes later."""
        if self.is_due(number, frame):
            raise self.kind(number)
        if not self.lost and time.monotonic() - self.since > REPEAT_AFTER:
            os._exit(128 + number)

    def is_due(self, number: int, frame) -> bool:
        """Tell whether a handler must raise the exception now; what it raises inside the hook would be lost."""
        due = self.number is None or self.lost
        if due:
            self.number, self.since, self.lost = number, time.monotonic(), False
        while due and frame is not None:
            if frame.f_code is Stops._mind.__code__:
                self._send_later()
                return False
            frame = frame.f_back
        return due

    def _mind(self, unraisable) -> None:
        if self.number is not None and isinstance(unraisable.exc_value, self.kind):
            self._send_later()
        else:
            self.hook(unraisable)

    def _send_later(self) -> None:
        self.lost = True
        if hasattr(signal, "setitimer"):
            before = signal.signal(signal.SIGALRM, self._send)
            self.alarm = before if self.alarm is None else self.alarm
            # again and again: a signal that comes just before the system is asked to wait does not end the waiting
            signal.setitimer(signal.ITIMER_REAL, AGAIN_AFTER, AND_AGAIN)

    def _send(self, number: int, frame) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.lost:
            signal.raise_signal(self.number)  # to whoever handles it now: it may have to wait for what is written
