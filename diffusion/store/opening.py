"""Open what is to be read: regular files only, of a bounded size, each byte read once and digested as it is read."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["Whole", "contents", "digest_of", "open_regular", "read_whole", "sha256"]

LARGEST_TEXT = 64 * 2**20  # bytes of a table, a record or a figure that is read whole


class Whole(bytes):
    """A file's bytes, as they were read; `sha256`: their digest."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self).hexdigest()


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes; never wait for a FIFO, never touch a device.

    Raises:
        ValueError: something other than a regular file, or a link to one; a link to nothing.
        OSError: missing or unreadable.
    """
    _check_regular(path, _look_at(path))  # before it is opened, which some devices would notice
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        _check_regular(path, os.fstat(descriptor))
        yield stream


def _look_at(path: Path) -> os.stat_result:
    """Return what a path leads to; ValueError for a link to nothing, which is no missing file: something was there."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise ValueError(f"{path} is a symlink to nothing: remove it, and make it again") from None
        raise


def _check_regular(path: Path, about: os.stat_result) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(21, "Is a directory", str(path))
    if not stat.S_ISREG(about.st_mode):
        raise ValueError(f"{path} is no regular file (a pipe, socket or device): move it away, and make it again")


def read_whole(path: Path, largest: int = LARGEST_TEXT) -> Whole:
    """Read a file's bytes, once.

    Raises:
        ValueError: not a regular file, or larger than `largest` bytes.
        OSError: missing or unreadable.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > largest:
            raise ValueError(f"{path} is over {largest >> 20} MiB, more than such a file can be: make it again")
        return Whole(stream.read(size))


def sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes as hexadecimal digits."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_KNOWN: dict[tuple, str] = {}


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, or a word for one that cannot be read; each state of a file is read once.

    For plans, which ask for the same files many times. A state is what the kernel says of a file: its number, size and
    both of its times, of which no one can set the second.
    """
    try:
        about = os.stat(path)
        key = (str(path), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        if key not in _KNOWN:
            _KNOWN[key] = sha256(path)
        return _KNOWN[key]
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError):
        return "unreadable"


def contents(paths: Iterable[Path]) -> str:
    """Return a digest over the contents of files in their order, whatever their names and times; see `digest_of`."""
    return hashlib.sha256("\n".join(digest_of(path) for path in paths).encode()).hexdigest()
