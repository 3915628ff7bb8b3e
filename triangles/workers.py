"""Prepare worker processes for a parent that is interrupted or killed."""

import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager
from multiprocessing.connection import wait

__all__ = ["start", "starting"]

STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def starting():
    """Start processes in the block that no stop can hit before they are ready; their parent gets it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start():
    """Leave Ctrl-C to the parent, and end when the parent is killed; each worker calls this first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
