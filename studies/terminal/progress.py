"""Read from a job's log how far it is. The programs write a line there every few seconds and after each epoch."""

import re
from dataclasses import dataclass
from pathlib import Path

from diffusion.store.names import CHECKPOINT, RUN, STARTED

__all__ = ["Progress", "find_half_done", "read_progress", "saved_epochs"]

TAIL = 4096  # bytes of a log that are read
SAID = re.compile(r"^epoch (\d+)/(\d+)(?:, (\d+)%)?: (.*)$", re.MULTILINE)
COUNTED = re.compile(r"^(\d+)% of [\d,]+ calls")
SAVED = re.compile(r"^epoch (\d+)/(\d+): ", re.MULTILINE)
RESUMED = re.compile(r", epoch (\d+) of (\d+)$", re.MULTILINE)


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


def saved_epochs(log: Path) -> tuple[int, int] | None:
    """Return how many of how many epochs a training's log says are saved; None if it says nothing of any."""
    text = _read_tail(log)
    if found := SAVED.findall(text):
        return int(found[-1][0]), int(found[-1][1])
    if found := RESUMED.findall(text):
        return int(found[-1][0]) - 1, int(found[-1][1])
    return None


def find_half_done(plan) -> list[str]:
    """Say which of the plan's runs have begun and not ended, and how far each is."""
    found = []
    for run in plan.runs:
        begun = (run.folder / STARTED).exists() and (run.folder / CHECKPOINT).exists()
        if begun and not (run.folder / RUN).exists():
            saved = saved_epochs(plan.folder / "logs" / f"train-{run.name}.log")
            found.append(f"epoch {saved[0]} of {saved[1]} of {run.name}" if saved else f"some epochs of {run.name}")
    return found


def _read_tail(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - TAIL))
            return stream.read().decode(errors="replace").replace("\r", "\n").strip()
    except OSError:
        return ""
