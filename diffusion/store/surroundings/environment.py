"""Keep the user's environment out of what the commands make: no variable of it may change or break a result."""

import os
import sys

__all__ = ["shut_out"]

# Thread settings that override --threads, or that bind two jobs side by side to one core.
STEERING = (
    *("OMP_THREAD_LIMIT", "OMP_DYNAMIC", "OMP_SCHEDULE", "OMP_PROC_BIND", "OMP_PLACES", "OMP_MAX_ACTIVE_LEVELS"),
    *("GOMP_CPU_AFFINITY", "KMP_AFFINITY", "MKL_DYNAMIC"),
)


def shut_out() -> None:
    """Set what libraries read when they are loaded, so call this before; open standard streams that are closed.

    Threads that wait at a barrier sleep, unless the user says otherwise: beside other busy processes, two threads that
    spin there train at less than a tenth of the speed.
    """
    _open_streams()
    for name in STEERING:
        os.environ.pop(name, None)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["MPLBACKEND"] = "agg"  # a shell inside Jupyter names one that is not installed here


def _open_streams() -> None:
    """Give closed standard streams /dev/null: else the next file that is opened takes a stream's number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            if os.open(os.devnull, os.O_RDWR) != number:
                continue  # a lower one is closed as well, by other means than the shell's
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
