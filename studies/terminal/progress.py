"""Read from a job's log how far it is. The programs write a line there every few seconds and after each epoch."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from diffusion.store.names import CHECKPOINT, RUN, STARTED
from diffusion.store.opening import open_regular

__all__ = ["Progress", "find_half_done", "read_progress", "saved_progress"]

TAIL = 4096  # bytes of a log that are read
SAID = re.compile(r"^epoch (\d+)/(\d+)(?:, (\d+)%)?: (.*)$", re.MULTILINE)
COUNTED = re.compile(r"^(\d+)% of [\d,]+ calls")
LOSSES = "losses."  # names of the tensors that hold the losses of the epoch at hand
LARGEST_HEADER = 10**8


@dataclass(frozen=True)
class Progress:
    """How far a job is. said: in words; share: of its work, in [0, 1], None if unknown."""

    said: str = ""
    share: float | None = None


def read_progress(log: Path) -> Progress:
    """Return what the end of a log says of its job's progress; nothing where it says nothing."""
    text = _read_tail(log)
    if not text:
        return Progress()
    if found := SAID.findall(text):
        epoch, epochs, percent, words = found[-1]
        done = int(epoch) - 1 + int(percent) / 100 if percent else int(epoch)
        return Progress(f"epoch {epoch}/{epochs}, {_shorten(words)}", done / int(epochs))
    if counted := COUNTED.match(text.splitlines()[-1]):
        return Progress(f"{counted[1]}%", int(counted[1]) / 100)
    return Progress()


def _shorten(words: str) -> str:
    """Keep loss and speed of an epoch's line."""
    loss, speed = re.search(r"(?:train|loss) (\d[\d.]*)", words), re.search(r"([\d,]+) images/s", words)
    return ", ".join([f"loss {float(loss[1]):.3g}"] * bool(loss) + [f"{speed[1]} images/s"] * bool(speed))


def find_half_done(plan) -> list[str]:
    """Say which of the plan's runs have begun and not ended, and how far each is saved."""
    begun = [run for run in plan.runs if (run.folder / STARTED).exists() and not (run.folder / RUN).exists()]
    saved = {run: saved_progress(run.folder / CHECKPOINT) for run in begun}
    return [_tell(plan.tell(run), run.training.epochs, *progress) for run, progress in saved.items() if any(progress)]


def _tell(run: str, planned: int, epochs: int, steps: int) -> str:
    more = f"{steps} step{'s' * (steps > 1)} of epoch {epochs + 1}"
    held = f"epoch {epochs}{f' and {more}' if steps else ''}" if epochs else more
    return f"{held} of {planned} of {run}"


def saved_progress(checkpoint: Path) -> tuple[int, int]:
    """Return how many epochs a training's checkpoint holds, and how many steps of the next; without torch.

    A safetensors file begins with the length of a JSON header, 8 bytes, and that header.
    """
    try:
        with open_regular(checkpoint) as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(length, LARGEST_HEADER)))
        steps = [about["shape"][0] for name, about in header.items() if name.startswith(LOSSES)]
        return len(json.loads(header["__metadata__"]["records"])), max(steps, default=0)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return 0, 0


def _read_tail(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - TAIL))
            return stream.read().decode(errors="replace").replace("\r", "\n").strip()
    except OSError:
        return ""
