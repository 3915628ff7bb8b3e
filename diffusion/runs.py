"""A run's folder: what lies in it, and how it is taken up again.

run.json (written last: its presence means whole), losses.csv, model.safetensors, checkpoint.safetensors.
"""

import math
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffusion.checkpoints import LARGEST_FILE, load_model, restore, saved_progress
from diffusion.devices import Device
from diffusion.family import CARRIERS, training_sources
from diffusion.results import write_results
from diffusion.saving import Saver
from diffusion.settings import FamilySettings, read_settings
from diffusion.store import ledger, sources
from diffusion.store.files import check_digest, is_whole, load_images, read_json, write_json
from diffusion.store.locks import saving
from diffusion.store.names import CHECKPOINT, DIVERGED, LOSSES, MODEL, RUN, STARTED
from diffusion.store.opening import read_whole
from diffusion.store.stops import uninterrupted
from diffusion.training import DivergedError, EpochRecord, Trainer

__all__ = [
    "difference",
    "identity",
    "is_finished",
    "load_data",
    "make_way",
    "read_data",
    "read_model",
    "resumed",
    "sources_digest",
    "standing",
    "train_in",
]

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def read_data(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Read train.npy and, where there is one, test.npy of a data set, as uint8 (N, C, H, W).

    Raises:
        ValueError: broken, wrong type or shape, changed since it was made, or train and test of different shapes.
        OSError: missing or unreadable.
    """
    return load_data(folder)[0]


def load_data(folder: Path) -> tuple[tuple[np.ndarray, np.ndarray | None], dict[str, str]]:
    """Read images as `read_data` does, with the sha256 of each file's bytes as they were read."""
    if not (folder / "train.npy").exists() and _holds_pictures(folder):
        raise ValueError(
            f"{folder} holds picture files and no train.npy: make a data set of them first, `triangles import "
            f"{shlex.quote(str(folder))} --out DATA`"
        )
    found = {name: load_images(folder / name) for name in ("train.npy", "test.npy") if (folder / name).exists()}
    train, test = found.get("train.npy") or load_images(folder / "train.npy"), found.get("test.npy")
    if test is not None and test.values.shape[1:] != train.values.shape[1:]:
        shapes = f"{train.values.shape[1:]} and {test.values.shape[1:]}"
        raise ValueError(f"{folder}: train and test images differ in shape ({shapes})")
    return (train.values, test and test.values), {name: one.sha256 for name, one in found.items()}


def _holds_pictures(folder: Path) -> bool:
    """Tell whether a folder, or one in it, holds picture files."""
    if not folder.is_dir():
        return False
    inside = [folder, *(path for path in folder.iterdir() if path.is_dir())]
    return any(path.suffix.lower() in PICTURES for some in inside for path in some.iterdir())


def identity(settings: FamilySettings, data: dict[str, str]) -> dict:
    """Return what a run is: its settings, the sha256 of its images (`load_data`), and that of its model's sources."""
    return {
        "settings": settings.model_dump(mode="json"),
        "data": data,
        "sources": sources_digest(settings),
    }


def sources_digest(settings: FamilySettings) -> str:
    """Return the sha256 of the modules that shape a model trained with these settings."""
    return sources.digest(*training_sources(settings), without=CARRIERS)


def difference(folder: Path, wanted: dict) -> str | None:
    """Say what sets the run in the folder apart from an identity; None if nothing does, or no run is there."""
    claim = folder / (RUN if (folder / RUN).exists() else STARTED)
    if not claim.exists():
        return "a checkpoint of unknown origin" if (folder / CHECKPOINT).exists() else None
    try:
        content = read_json(claim)
    except ValueError:
        return f"a broken {claim.name}"
    content["settings"] = _completed(content.get("settings"))
    if claim.name == STARTED and not (folder / CHECKPOINT).exists():
        return None  # nothing has come of it yet
    other = [key for key, value in wanted.items() if content.get(key) != value]
    if other == ["settings"]:
        return _tell_settings(folder, content["settings"], wanted["settings"])
    if other:
        return f"a run of other {' and '.join(other)}"
    changed = [name for name in (LOSSES, MODEL) if is_finished(folder) and not is_whole(folder / name)]
    return f"this run, but another {' and '.join(changed)} than was made" if changed else None


def _tell_settings(folder: Path, theirs, ours: dict) -> str:
    """Name the settings in which a run differs, and what to do where only its length does."""
    if not isinstance(theirs, dict):
        return "a run of other settings"
    names = [name for name in ours if name in theirs and theirs[name] != ours[name]]  # others follow from these
    told = ", ".join(f"--{name.replace('_', '-')} {_as_option(theirs.get(name))}" for name in names[:6])
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    longer = names == ["epochs"] and theirs["epochs"] < ours["epochs"]
    hint = f" (to go on from it, give another --out and --start-from {folder})" if longer else ""
    return f"a run of other settings, {told}{more}{hint}"


def _as_option(value) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _completed(settings):
    """Settings as they stand in a file, with the defaults of fields that are newer than the file."""
    try:
        return read_settings(settings).model_dump(mode="json")
    except ValueError:
        return settings


def make_way(folder: Path, wanted: dict, replace: bool) -> None:
    """Leave of what is ours in a locked folder only what belongs to the run of that identity.

    Raises:
        ValueError: it holds something else, and `replace` is not given; or a file that is not ours has a name that the
            run needs.
    """
    other = difference(folder, wanted)
    if other and not replace:
        raise ValueError(f"{folder} holds {other}: choose another folder, or pass --replace")
    if other:
        clear(folder)
    ledger.announce(folder, ledger.OF_A_RUN)


def is_finished(folder: Path) -> bool:
    """Return whether all files of a finished run are there."""
    return all((folder / name).exists() for name in (RUN, LOSSES, MODEL))


def clear(folder: Path) -> None:
    """Remove a run's files, the samples drawn from it and its bounds: what records of ours list, and nothing else."""
    ledger.remove(folder, ledger.made_in(folder))


def resumed(
    trainer: Trainer,
    make: Callable[[], Trainer],
    folder: Path,
    wanted: dict,
    start_from: Path | None,
    replace: bool = False,
) -> Trainer:
    """Give a new trainer the folder's checkpoint, or else that of `start_from`, a shorter run that this one extends.

    `wanted` is the run's `identity`. With `replace`, a broken checkpoint in the folder is dropped, and a trainer that
    `make` makes starts over.

    Raises:
        ValueError: the checkpoint is broken, of another course of training or of more epochs than are wanted, or
            `start_from` was trained on other images.
        OSError: `start_from` has no checkpoint, or is not finished.
    """
    ours = (folder / CHECKPOINT).exists()
    try:
        if start_from and not ours:
            _check_start(start_from, wanted)
        if ours or start_from:
            _restore(trainer, (folder if ours else start_from) / CHECKPOINT, wanted)
    except ValueError:
        if not (ours and replace):
            raise
        clear(folder)
        return resumed(make(), make, folder, wanted, start_from)
    return trainer


def _check_start(folder: Path, wanted: dict) -> None:
    """Check that the run to go on from is whole, and saw the wanted run's images."""
    if read_json(folder / RUN).get("data") != wanted["data"]:
        raise ValueError(f"{folder} was trained on other images: leave out --start-from to train from the start")


def _restore(trainer: Trainer, checkpoint: Path, wanted: dict) -> None:
    restore(trainer, checkpoint, wanted)
    if trainer.epoch > trainer.settings.epochs:
        raise ValueError(f"{checkpoint} is at epoch {trainer.epoch}, past the {trainer.settings.epochs} asked for")


def standing(folder: Path) -> str:
    """Say what is saved of an unfinished run."""
    epochs, steps = saved_progress(folder / CHECKPOINT)
    if not epochs and not steps:
        return f"{folder} holds nothing yet"
    more = f"{steps} step{'s' * (steps > 1)} of epoch {epochs + 1}"
    held = f"epoch {epochs} and {more}" if epochs and steps else f"epoch {epochs}" if epochs else more
    return f"{folder / CHECKPOINT} holds {held}"


def train_in(
    folder: Path,
    trainer: Trainer,
    wanted: dict,
    on_epoch: Callable[[EpochRecord], None],
    progress=None,
    until: float = math.inf,
) -> bool:
    """Train to the end in a locked folder, saving the whole state now and then, and write the results.

    `wanted` is the run's `identity`. Ctrl-C and SIGTERM take effect after the step at hand, when the state is saved. So
    does the end of the time given, `until` by `time.monotonic`: then False is returned, and the same call goes on.

    Raises:
        DivergedError: naming epoch, step and the last good checkpoint.
        FileNotFoundError: the folder was taken away.
    """
    start = time.perf_counter()
    with saving(folder):
        write_json(folder / STARTED, wanted)
        (folder / DIVERGED).unlink(missing_ok=True)
    try:
        if not _train(folder, trainer, wanted, on_epoch, progress, until):
            return False
    except DivergedError as error:
        with saving(folder):
            write_json(folder / DIVERGED, {"reason": str(error)} | wanted)
        raise DivergedError(f"{error}; {standing(folder)}; lower --learning-rate") from None
    with saving(folder):
        write_results(folder, trainer, wanted, time.perf_counter() - start)
        (folder / STARTED).unlink(missing_ok=True)
    return True


class _EnoughError(Exception):
    """The training is to end here, with its state saved."""


def _train(folder: Path, trainer: Trainer, wanted: dict, on_epoch, progress, until: float) -> bool:
    """Whether all epochs are done, and not the time given; a stop is raised when the state is saved."""
    with uninterrupted() as stops, Saver(trainer, folder, wanted) as saver:
        began = trainer.epoch, len(trainer.losses)

        def between() -> None:
            moved = (trainer.epoch, len(trainer.losses)) != began  # else a short time would end in a test for ever
            if stops or (moved and time.monotonic() > until):
                saver.save()
                raise _EnoughError
            saver.step_ended()

        try:
            for record in trainer.epochs(progress, between):
                _check_test_loss(trainer, record)
                saver.epoch_ended()
                on_epoch(record)
        except _EnoughError:
            return False
        saver.save()
    return True


def _check_test_loss(trainer: Trainer, record: EpochRecord) -> None:
    if trainer.test_images is not None and not math.isfinite(record.test_mean):
        raise DivergedError(
            f"the test loss was {record.test_mean} after epoch {record.epoch}, step {trainer.steps_per_epoch}"
        )


def read_model(folder: Path, device: Device):
    """Read the trained model of a run, with the sha256 of what was read, which is that of its record.

    Raises:
        ValueError: broken, or changed since it was trained.
        OSError: missing, not trained to its end, or unreadable.
    """
    path = folder / MODEL
    if not path.exists():
        if (folder / CHECKPOINT).exists():
            raise FileNotFoundError(f"{folder} is not trained to its end: {standing(folder)}; train on first")
        raise FileNotFoundError(f"{path} does not exist: train first, or check the path")
    content = read_whole(path, LARGEST_FILE)
    model = load_model(path, device, content)
    check_digest(path, content.sha256, RUN)
    return model, content.sha256
