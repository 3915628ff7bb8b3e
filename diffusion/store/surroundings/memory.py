"""Know before it is tried whether an array fits into memory: a system may kill who only tries."""

import contextlib
from pathlib import Path

__all__ = ["TooLargeError", "check_fits", "free_memory"]


class TooLargeError(MemoryError):
    """A file holds more than fits in memory; the text says how much, and what to do."""


def check_fits(path: Path, size: int) -> None:
    """Refuse an array of so many bytes that is larger than the memory that is free.

    Raises:
        TooLargeError: it is.
    """
    free = free_memory()
    if free is not None and size > free:
        raise TooLargeError(
            f"{path} holds {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free here: make it with fewer or "
            "smaller images, or use a machine with more memory"
        )


def free_memory() -> int | None:
    """Return how many bytes this process may still take, as the machine and the process's own limit have it."""
    known = []
    with contextlib.suppress(OSError, ValueError, StopIteration, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        known += [max(0, limit - taken)] if limit != resource.RLIM_INFINITY else []
    return min(known, default=None)
