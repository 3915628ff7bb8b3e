"""Keep the user's environment out of what the commands make: no variable of it may change or break a result."""

import os
import sys
import sysconfig

__all__ = ["find_shadow", "shut_out"]

ROOMS = ("triangles", "diffusion", "studies")
OURS = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))  # the folder that the rooms lie in
HARMLESS = ("test", "tests")  # nobody imports them, though libraries leave them about

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


def find_shadow() -> str:
    """Return a refusal where a folder of PYTHONPATH has a module that would stand in the place of a library's; or "".

    Python looks there first. Another `numpy` or `yaml` would break the commands or change what they make, unsaid. For
    modules of one's own, such as plugins, the variable is free. Imports only what Python itself has loaded.
    """
    libraries = {os.path.realpath(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    for folder in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if os.path.realpath(folder) in {os.path.realpath(OURS), *libraries}:
            continue
        for name in sorted(_list_modules(folder)):
            if name in (*ROOMS, *sys.stdlib_module_names) or any(_has_module(place, name) for place in libraries):
                return f"PYTHONPATH has {folder}, whose {name} Python takes for another: unset it, or move {name} away"
    return ""


def _list_modules(folder: str) -> set[str]:
    """List what can be imported from a folder; a folder without `__init__.py` in it gives way to a library's."""
    try:
        names = os.listdir(folder)
    except OSError:
        return set()
    found = {name.partition(".")[0] for name in names if name.endswith((".py", ".pyc", ".so"))}
    return (found | {name for name in names if _is_package(folder, name)}) - set(HARMLESS)


def _has_module(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, f"{name}.py")) or _is_package(folder, name)


def _is_package(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name, "__init__.py"))
