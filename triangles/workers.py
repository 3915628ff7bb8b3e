"""Prepare worker processes for a parent that is interrupted or killed."""

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import contextmanager
from multiprocessing.connection import wait

__all__ = ["let_go", "mind_the_dead", "start", "starting"]

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


# A task larger than a pipe holds waits to be written until a worker reads it: once all are dead, for good. Python mends
# that itself from 3.11.5 on (CPython issue 94777), by what `let_go` does; there is no public way.
WAITS_FOR_THE_DEAD = sys.version_info < (3, 11, 5)


def mind_the_dead(pool):
    """Make a new pool give up in silence what it can no longer write to its workers."""
    if WAITS_FOR_THE_DEAD:
        pool._call_queue._ignore_epipe = True


def let_go(pool):
    """Close this end of the pipe that a pool's workers read from, so that nothing is written for dead ones."""
    if WAITS_FOR_THE_DEAD and pool._call_queue is not None:
        pool._call_queue._reader.close()


def _end_with_parent():
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
