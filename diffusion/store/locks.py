"""Who may write in a folder, and when; a writer knows that the folder is still its own."""

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from diffusion.store.stops import uninterrupted

__all__ = ["LOCK", "check_held", "locked", "saving"]

LOCK = ".lock"
OFTEN = 0.05  # seconds between two looks at a lock that another process holds
GRACE = 2.0  # seconds that one who does not wait gives others, who may be reading

_HELD: dict[Path, int] = {}  # folder -> descriptor of the lock that this process holds on it


@contextlib.contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Make this process the only writer of a folder; the lock is the kernel's, so a dead process does not hold it.

    wait: until another process that holds it is done, and say so; else refuse after two seconds. To lock what this
    process holds already changes nothing.

    Raises:
        ValueError: another process holds it, it is a symlink, or `.lock` is not a file of ours.
        FileNotFoundError: there is no such folder.
    """
    key = _key(folder)
    if key in _HELD:
        check_held(folder)
        yield
        return
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist: train first, or check the path")
    if folder.is_symlink():
        raise ValueError(f"{folder} is a symlink, and nothing is written through one: give the folder that it leads to")
    descriptor = _acquire(folder, wait)
    _HELD[key] = descriptor
    try:
        yield
    finally:
        del _HELD[key]
        os.close(descriptor)


def _key(folder: Path) -> Path:
    return Path(os.path.abspath(folder))


def _acquire(folder: Path, wait: bool) -> int:
    """Return the descriptor of the folder's lock, which is the file that its path names once it is held."""
    import fcntl

    told, since = False, time.monotonic()
    while True:
        descriptor = _open(folder / LOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            late = time.monotonic() - since > GRACE
            if late and not wait:
                message = f"{folder} is being written by another process: wait for it, or stop it"
                raise ValueError(message) from None
            if late and not told:
                print(f"waiting: another process writes in {folder}", file=sys.stderr)
                told = True
            time.sleep(OFTEN)
            continue
        except BaseException:
            os.close(descriptor)
            raise
        if _is_at(descriptor, folder / LOCK):
            return descriptor
        os.close(descriptor)  # the folder was taken away, or made anew, between opening and locking


def _open(path: Path) -> int:
    """Open a lock's file, or make it; never through a symlink, and never a file with something in it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if path.is_symlink():
            raise ValueError(f"{path} is a symlink, and locks are no one else's files: remove it") from None
        raise OSError(error.errno, error.strerror, str(path)) from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_size:
        os.close(descriptor)
        raise ValueError(f"{path} is not an empty file, so it is no lock of ours: move it away")
    return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def check_held(folder: Path) -> None:
    """Check that a folder on which this process took a lock is still the one that it locked.

    Whoever removed the folder and made another under its name is its owner now: we write nothing there. The descriptor
    keeps the old lock's number taken, so no new file can have it. A folder that we never locked passes.

    Raises:
        FileNotFoundError: the folder was taken away.
        ValueError: another one has its name.
    """
    descriptor = _HELD.get(_key(folder))
    if descriptor is None or _is_at(descriptor, folder / LOCK):
        return
    if os.path.lexists(folder / LOCK):
        raise ValueError(
            f"{folder} was replaced while it was written, and is another command's now: nothing is written"
        )
    raise FileNotFoundError(f"{folder} vanished while it was written: run the command again")


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Let a block write in a locked folder: it is not interrupted, and fills no folder but the one that was locked.

    Raises:
        FileNotFoundError: the folder was taken away.
        ValueError: another folder has its name, or it was never locked.
    """
    if _key(folder) not in _HELD:
        raise ValueError(f"{folder} is not locked by this process: call `locked` first")
    check_held(folder)
    with uninterrupted():
        yield
