"""Prepare worker processes for a parent that is interrupted or killed."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

__all__ = ["start"]


def start():
    """Leave Ctrl-C to the parent, and end when the parent is killed; each worker calls this first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
