"""Who may write in a folder, and when."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from diffusion.store.stops import uninterrupted

__all__ = ["LOCK", "locked", "saving"]

LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make this process the only writer of a folder; the lock is the kernel's, so a dead process does not hold it.

    Raises:
        ValueError: another process holds it.
        FileNotFoundError: there is no such folder.
    """
    import filelock

    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist: train first, or check the path")
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ValueError(f"{folder} is being written by another process: wait for it, or stop it") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Let a block write in a locked folder: it is not interrupted, and never fills a new folder that nobody locked.

    Raises:
        FileNotFoundError: the folder was taken away.
    """
    if not (folder / LOCK).exists():
        raise FileNotFoundError(f"{folder} vanished while it was written: run the command again")
    with uninterrupted():
        yield
