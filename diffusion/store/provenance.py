"""What computed a result: the machine, the packages' versions, the revision of the sources."""

import contextlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["machine", "revision", "versions"]

PACKAGES = ("triangle-diffusion", "torch", "numpy", "safetensors")


def machine() -> dict[str, str]:
    """Return the operating system, the processor and Python's version."""
    return {"system": platform.system(), "processor": platform.machine(), "python": platform.python_version()}


def versions() -> dict[str, str]:
    """Return the versions of the packages that shape a result."""
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def revision() -> str | None:
    """Return the git revision of the package's sources, where they are a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return None
