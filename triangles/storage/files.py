"""Write the arrays and the record of a data set in order, and read them without trust.

What is written is on the disk before the record that vouches for it. Nothing is written or deleted through a symlink or
in a folder that something is mounted on. Only regular files are read.
"""

import errno
import hashlib
import json
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = [
    "Loaded",
    "check_folder",
    "digest",
    "folder_digest",
    "load_array",
    "load_record",
    "lock",
    "open_regular",
    "save_chunks",
    "save_record",
    "sync_folder",
]

LARGEST_RECORD = 1_000_000  # bytes
CHECKSUM = "checksum"  # key of a record's digest of all else in it; records of older versions have none


class Loaded(NamedTuple):
    """An array, and the digest of the very bytes that it was read from."""

    values: np.ndarray
    sha256: str


def save_chunks(path, chunks, shape, dtype):
    """Write `chunks`, consecutive parts of an array of `shape` along its first axis, as one new .npy file.

    Written front to back, and not through a memory map, where a full disk would kill the process instead of
    raising OSError. The bytes are those of `numpy.save`, and they are on the disk when this returns.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with open(path, "xb") as file:  # new, so that no link is followed
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).data)
        _sync(file)


def _sync(file):
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder):
    """Have a folder's names on the disk; where the system syncs no folders, do nothing."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def load_array(path, dtype, shape):
    """Read the array in a .npy file, with the digest of what was read.

    Raises:
        ValueError: no whole array of this type and shape.
        OSError: missing or unreadable.
    """
    mend = "make the data set again with `triangles generate --replace`"
    with open_regular(path) as file:
        found = _header(path, file, mend)
        if found != (np.dtype(dtype), shape):
            needed = f"{np.dtype(dtype)} {shape}"
            raise ValueError(f"{path} holds {found[0]} {found[1]}, but {needed} is needed: {mend}")
        head, values = file.tell(), np.empty(shape, dtype)
        size = os.fstat(file.fileno()).st_size
        if head + values.nbytes > size:
            raise ValueError(f"{path} is no whole .npy array (cut short): {mend}")
        if head + values.nbytes < size:
            raise ValueError(f"{path} goes on after the end of its array: {mend}")
        file.readinto(values.reshape(-1).view(np.uint8).data)
        file.seek(0)
        total = hashlib.sha256(file.read(head))
    total.update(values.data)
    return Loaded(values, total.hexdigest())


def _header(path, file, mend):
    """Read the header of a .npy file in C order: (type, shape)."""
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("of another version")
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if in_columns and len(shape) > 1:
            raise ValueError("in Fortran's order")
        if dtype.hasobject:
            raise ValueError("objects")
    except OSError:
        raise
    except Exception as error:  # numpy's header parser fails in many ways on bytes that are no header
        raise ValueError(f"{path} is no whole .npy array ({_first_line(error)}): {mend}") from error
    return dtype, shape


def _first_line(error):
    return (str(error) or type(error).__name__).splitlines()[0][:120]


@contextmanager
def open_regular(path):
    """Open a file to read its bytes; never wait for a FIFO, never touch a device.

    Raises:
        ValueError: something other than a regular file, or a link to one.
        OSError: missing or unreadable.
    """
    _check_regular(path, os.stat(path))  # before it is opened, which some devices would notice
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        _check_regular(path, os.fstat(descriptor))
        yield file


def _check_regular(path, about):
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(about.st_mode):
        raise ValueError(
            f"{path} is no regular file (a pipe, socket or device): move it away and make the data set again"
        )


def digest(path):
    """Return the sha256 of a file as a hexadecimal string."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder):
    """Count a folder's files and take the sha256 over their names and contents, in the order of the names."""
    total = hashlib.sha256()
    paths = sorted(Path(folder).iterdir())
    for path in paths:
        with open_regular(path) as file:
            total.update(path.name.encode() + b"\0" + file.read())
    return {"count": len(paths), "sha256": total.hexdigest()}


def save_record(path, record):
    """Write a dictionary with a digest of its content as indented JSON in a new file, on the disk when this returns."""
    sealed = record | {CHECKSUM: _checksum(json.loads(json.dumps(record)))}
    with open(path, "x", encoding="utf-8") as file:
        file.write(json.dumps(sealed, indent=2) + "\n")
        _sync(file)


def _checksum(record):
    """Return a digest of what a JSON object says, however it is spelled; `diffusion` checks the same of data sets."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def load_record(path):
    """Read the dictionary in a JSON file, without its checksum.

    Raises:
        ValueError: it holds none, another one than was written, or more than a data set's record would.
        OSError: missing or unreadable.
    """
    with open_regular(path) as file:
        content = file.read(LARGEST_RECORD + 1)
    if len(content) > LARGEST_RECORD:
        raise ValueError(f"{path} is too large for a data set's record: make the data set again")
    try:
        record = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON ({_first_line(error)}): make the data set again") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} holds no JSON object: make the data set again")
    if CHECKSUM in record and record.pop(CHECKSUM) != _checksum(record):
        raise ValueError(f"{path} was changed after it was made (its checksum differs): make the data set again")
    return record


def _no_constant(name):
    raise ValueError(f"{name} is no JSON number")


def check_folder(path):
    """Check that a path is free, or a folder of the file system around it that no link leads to.

    Raises:
        ValueError: a symlink, a mount, or no folder.
    """
    if not os.path.lexists(path):
        return
    if os.path.islink(path) or not os.path.isdir(path):
        kind = "a symlink" if os.path.islink(path) else "no folder"
        raise ValueError(f"{path} is {kind}, and nothing is written or deleted there: move it away")
    if os.path.ismount(path) or os.path.abspath(path) in _mounts():
        raise ValueError(f"{path} has something mounted on it, and nothing is written or deleted there: unmount it")


def _mounts():
    """List the paths that something is mounted on, another part of the same file system included; none if untold."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            paths = [line.split()[4] for line in file]
    except (OSError, IndexError):
        return set()
    return {path.encode("utf-8", "surrogateescape").decode("unicode_escape") for path in paths}


@contextmanager
def lock(path):
    """Hold a lock on a file for the block; the lock is the kernel's, so a dead process does not hold it.

    Yields:
        A function that tells whether the path still names the file that is locked.

    Raises:
        BlockingIOError: another process holds it.
        ValueError: the path is not an empty file or free.
    """
    import fcntl

    if os.path.islink(path):
        raise ValueError(f"{path} is a symlink, and nothing is written there: move it away")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or os.fstat(descriptor).st_size:
            raise ValueError(f"{path} is not an empty file, so it is no lock of ours: move it away")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lambda: _is_at(descriptor, path)
    finally:
        os.close(descriptor)


def _is_at(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
