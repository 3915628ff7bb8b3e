"""How a worker process behaves when its parent is interrupted or killed."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

__all__ = ["start"]


def start():
    """Called first in each worker: Ctrl-C is the parent's to handle, and no worker outlives a killed parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
