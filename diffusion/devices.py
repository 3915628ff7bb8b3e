"""Which device computes, in which precision, with how many threads."""

import warnings
from dataclasses import dataclass
from functools import cache

import torch

__all__ = ["Device", "choose", "computed_by"]

MOST_THREADS = 1024  # with very many the process dies without a word


@dataclass(frozen=True)
class Device:
    """Where the network runs: torch device, `float32` or `bfloat16` autocast, and a name for people.

    graphs: replay what is repeated as one CUDA graph; false everywhere but on CUDA. compiles: train through
    `torch.compile`.
    """

    torch: torch.device
    precision: str
    name: str
    graphs: bool = False
    compiles: bool = False

    def autocast(self) -> torch.autocast:
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.torch.type, dtype=torch.bfloat16 if enabled else None, enabled=enabled)


def computed_by(device: Device) -> dict[str, str | int]:
    """Return a device's name, its precision and the number of threads, for a record."""
    compiled = {"compiled": True} if device.compiles else {}
    return {"device": device.name, "precision": device.precision, "threads": torch.get_num_threads()} | compiled


def choose(device: str = "auto", precision: str = "auto", threads: int | None = None, compiles: bool = False) -> Device:
    """Choose the device to use: CUDA if there is one, else Apple's mps, else the CPU; `precision` auto takes bfloat16
    where the hardware multiplies it natively (CUDA, or a CPU with AMX or AVX512-BF16). compiles: train through
    `torch.compile`, which takes a compiler and a minute before the first step.

    Raises:
        ValueError: a device this machine lacks, `compiles` without CUDA, or threads not in 1 ... 1024.
    """
    if threads is not None:
        if not 1 <= threads <= MOST_THREADS:
            raise ValueError(f"threads must lie in 1 ... {MOST_THREADS}, not {threads}")
        torch.set_num_threads(threads)
    kind = _available() if device == "auto" else device
    if kind not in ("cpu", "cuda", "mps") or (kind != "cpu" and not _present(kind)):
        reason = f" ({_why_no_cuda()})" if kind == "cuda" and _why_no_cuda() else ""
        raise ValueError(f"device {device!r} is not on this machine{reason}: use {_available()} or auto")
    if compiles and kind != "cuda":
        raise ValueError(f"--compile is for CUDA, and {kind} computes here: leave it out")
    # the same numbers twice on one machine matter more than the last few percent of speed
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    if precision == "auto":
        precision = "bfloat16" if _native_bfloat16(kind) else "float32"
    return Device(torch.device(kind), precision, _name(kind), graphs=kind == "cuda", compiles=compiles)


def _present(kind: str) -> bool:
    return not _why_no_cuda() if kind == "cuda" else torch.backends.mps.is_available()


@cache
def _why_no_cuda() -> str:
    """Say why there is no CUDA device, nothing where there is one; torch itself warns of an old driver at length."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return ""
    reasons = [str(one.message).splitlines()[0].split(" Please ")[0] for one in said]
    return reasons[0] if reasons else "torch was built without CUDA" if not torch.version.cuda else "torch finds none"


def _available() -> str:
    return next((kind for kind in ("cuda", "mps") if _present(kind)), "cpu")


def _native_bfloat16(kind: str) -> bool:
    if kind == "cpu":
        return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return kind == "cuda" and torch.cuda.is_bf16_supported()


def _name(kind: str) -> str:
    if kind == "cuda":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}" if kind == "cpu" else "Apple mps"
