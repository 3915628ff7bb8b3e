"""Write whole files or none: under a temporary name, synced, then renamed; leftovers of the dead are swept."""

import contextlib
import errno
import glob
import hashlib
import os
import re
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from diffusion.store.locks import check_held

__all__ = ["replacing", "sync_folder"]

NUMBER = re.compile(r"\.(?P<host>[0-9a-f]{12})\.(?P<process>\d+)\.(?P<start>[0-9a-f]*-\d*)\.partial$")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well, and vanishes otherwise.

    The file is on the disk before it has its name, and the name before the block's end returns, so that a record which
    is written later never vouches for what a power cut could take. If `path` is already such a temporary file, it is
    yielded unchanged; a nested one would never be cleaned up after a crash.

    Raises:
        OSError: naming `path`, whatever call failed.
        ValueError: the folder is a symlink, or another one by now than this process had locked.
    """
    path = Path(path)
    if path.name.startswith(".") and path.name.endswith(_suffix()):
        with _named(path, path):
            yield path
        return
    partial = path.with_name(f".{path.name}{_suffix()}")
    try:
        with _named(path, partial):
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_way(path.parent)
            _remove_left_over(path)
            _claim(partial)
            yield partial
            _sync(partial)
            check_held(path.parent)
            os.replace(partial, path)
            sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextlib.contextmanager
def _named(path: Path, partial: Path) -> Iterator[None]:
    """Make an OSError of the block that names no file, or the partial one, name `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(partial)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _check_way(folder: Path) -> None:
    if folder.is_symlink():
        raise ValueError(f"{folder} is a symlink, and nothing is written through one: give the folder that it leads to")


def _claim(partial: Path) -> None:
    """Make the temporary file: it must be new, so that nothing is written through a link that was put there."""
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))


def _sync(path: Path) -> None:
    """Have the bytes on the disk before the name is: some file systems report a full disk only now."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk; where the system syncs no folders, do nothing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:  # a folder that one may write to and not list
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _remove_left_over(path: Path) -> None:
    """Remove the temporary files of `path` whose process is surely dead: one of this machine's, and no longer there."""
    for old in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        if _is_dead(old.name[len(path.name) + 1 :]):
            old.unlink(missing_ok=True)


def _is_dead(suffix: str) -> bool:
    told = NUMBER.fullmatch(suffix)
    if not told or told["host"] != _host():
        return False
    boot, _, ticks = told["start"].partition("-")
    if boot != _boot():
        return bool(boot and _boot())  # the machine was started again since
    process = int(told["process"])
    return not _alive(process) or (bool(ticks) and _started(process) not in ("", ticks))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _suffix() -> str:
    """Return the end of this process's temporary names: where, which process, and when it started."""
    process = os.getpid()
    return f".{_host()}.{process}.{_boot()}-{_started(process)}.partial"


@cache
def _host() -> str:
    """Return 12 digits that stand for this machine, and for the container in it whose process numbers these are."""
    words = [socket.gethostname(), _read("/etc/machine-id")]
    with contextlib.suppress(OSError):
        words.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


@cache
def _boot() -> str:
    """Return 8 digits that stand for this start of the machine; empty where the system does not tell."""
    return _read("/proc/sys/kernel/random/boot_id")[:8]


def _started(process: int) -> str:
    """Return when a process started, in ticks since the machine did; empty where the system does not tell."""
    return (_read(f"/proc/{process}/stat").rpartition(")")[2].split() or [""] * 20)[19]


def _read(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""
