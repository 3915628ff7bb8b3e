"""A run's folder: who may write it, what lies in it, and how it is taken up again.

run.json (written last: its presence means whole), losses.csv, model.safetensors, checkpoint.safetensors.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import numpy as np
from safetensors import safe_open

from diffusion.denoising.model import Model, load_model, save_model
from diffusion.denoising.sampling import Samples
from diffusion.devices import Device
from diffusion.settings import TrainSettings
from diffusion.store import sources
from diffusion.store.files import (
    read_images,
    read_json,
    replacing,
    sha256,
    uninterrupted,
    verify_checksum,
    write_array,
    write_json,
)
from diffusion.store.records import computed_by, description, write_losses
from diffusion.training import DivergedError, EpochRecord, Trainer

RUN, LOSSES, MODEL, CHECKPOINT = "run.json", "losses.csv", "model.safetensors", "checkpoint.safetensors"
STARTED = "started.json"  # identity of a run that is not finished
DIVERGED = "diverged.json"  # why the last attempt at it came to nothing
LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Sole writer of a folder; the lock is the kernel's, so a dead process does not hold it.

    Raises:
        ValueError: another process holds it.
        FileNotFoundError: there is no such folder.
    """
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist: train first, or check the path")
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ValueError(f"{folder} is being written by another process: wait for it, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def read_data(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """train.npy and, where there is one, test.npy of a data set, as uint8 (N, C, H, W).

    Raises:
        ValueError: broken, wrong type or shape, changed since it was made, or train and test of different shapes.
        OSError: missing or unreadable.
    """
    train = read_images(folder / "train.npy")
    test = read_images(folder / "test.npy") if (folder / "test.npy").exists() else None
    if test is not None and test.shape[1:] != train.shape[1:]:
        raise ValueError(f"{folder}: train and test images differ in shape ({train.shape[1:]} and {test.shape[1:]})")
    return train, test


def data_identity(folder: Path) -> dict[str, str]:
    """The sha256 of the images a run was trained on: what makes 'the same data' checkable."""
    return {name: sha256(folder / name) for name in ("train.npy", "test.npy") if (folder / name).exists()}


def identity(settings: TrainSettings, dataset: Path) -> dict:
    """What a run is: its settings, the sha256 of its images, and that of the modules that shape a trained model."""
    return {
        "settings": settings.model_dump(mode="json"),
        "data": data_identity(dataset),
        "sources": sources_digest(),
    }


def sources_digest() -> str:
    """Return the sha256 of the modules that shape a trained model."""
    return sources.digest("diffusion.training")


def difference(folder: Path, wanted: dict) -> str | None:
    """What sets the run in the folder apart from an identity, in words; None if nothing does, or no run is there."""
    claim = folder / (RUN if (folder / RUN).exists() else STARTED)
    if not claim.exists():
        return "a checkpoint of unknown origin" if (folder / CHECKPOINT).exists() else None
    try:
        content = read_json(claim)
    except ValueError:
        return f"a broken {claim.name}"
    other = [key for key, value in wanted.items() if content.get(key) != value]
    return f"a run of other {' and '.join(other)}" if other else None


def make_way(folder: Path, wanted: dict, replace: bool) -> None:
    """Leave in the folder what belongs to the run of that identity alone.

    Raises:
        ValueError: it holds something else, and `replace` is not given.
    """
    other = difference(folder, wanted)
    if other and not replace:
        raise ValueError(f"{folder} holds {other}: choose another folder, or pass --replace")
    if other:
        clear(folder)


def is_finished(folder: Path) -> bool:
    return all((folder / name).exists() for name in (RUN, LOSSES, MODEL))


def clear(folder: Path) -> None:
    """Remove a run's files, the samples drawn from it and its bounds, and nothing else, from its folder."""
    names = [path.name.removesuffix("-frames.npy") for path in folder.glob("*-frames.npy")]
    names += [path.stem for path in folder.glob("*.csv") if path.with_suffix(".npy").exists()]
    for name in names:
        for made in (f"{name}.json", f"{name}.npy", f"{name}.csv", f"{name}-frames.npy"):
            (folder / made).unlink(missing_ok=True)
    for name in (RUN, LOSSES, MODEL, CHECKPOINT, STARTED, DIVERGED):
        (folder / name).unlink(missing_ok=True)


def resumed(
    trainer: Trainer,
    make: Callable[[], Trainer],
    folder: Path,
    wanted: dict,
    start_from: Path | None,
    replace: bool = False,
) -> Trainer:
    """The new trainer with the folder's checkpoint, or else that of `start_from`, a shorter run that this one extends.

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
            _restore(trainer, (folder if ours else start_from) / CHECKPOINT)
    except ValueError:
        if not (ours and replace):
            raise
        clear(folder)
        return resumed(make(), make, folder, wanted, start_from)
    return trainer


def _check_start(folder: Path, wanted: dict) -> None:
    """That the run to go on from saw the images of the run that is wanted; its checkpoint knows the settings alone."""
    if read_json(folder / RUN).get("data") != wanted["data"]:
        raise ValueError(f"{folder} was trained on other images: leave out --start-from to train anew")


def _restore(trainer: Trainer, checkpoint: Path) -> None:
    trainer.restore(checkpoint)
    if trainer.epoch > trainer.settings.epochs:
        raise ValueError(f"{checkpoint} is at epoch {trainer.epoch}, past the {trainer.settings.epochs} asked for")


def saved_epoch(folder: Path) -> int:
    """The epoch that the folder's checkpoint holds, 0 without one."""
    if not (folder / CHECKPOINT).exists():
        return 0
    with safe_open(folder / CHECKPOINT, "pt") as stream:
        return len(json.loads(stream.metadata()["records"]))


def standing(folder: Path) -> str:
    """What is saved of an unfinished run, in words."""
    epoch = saved_epoch(folder)
    return f"{folder / CHECKPOINT} holds epoch {epoch}" if epoch else f"{folder} holds no finished epoch yet"


def train_in(
    folder: Path,
    trainer: Trainer,
    wanted: dict,
    on_epoch: Callable[[EpochRecord], None],
    progress=None,
) -> None:
    """Train to the end in a locked folder, saving the whole state after each epoch, then write the results.

    `wanted` is the run's `identity`.

    Raises:
        DivergedError: naming epoch, step and the last good checkpoint.
        FileNotFoundError: the folder was taken away.
    """
    start = time.perf_counter()
    write_json(folder / STARTED, wanted)
    (folder / DIVERGED).unlink(missing_ok=True)
    try:
        for record in trainer.epochs(progress):
            _check_test_loss(trainer, record)
            with _saving(folder):
                trainer.save(folder / CHECKPOINT)
            on_epoch(record)
    except DivergedError as error:
        write_json(folder / DIVERGED, {"reason": str(error)})
        raise DivergedError(f"{error}; {standing(folder)}; lower --learning-rate") from None
    with _saving(folder):
        write_results(folder, trainer, wanted, time.perf_counter() - start)


def _check_test_loss(trainer: Trainer, record: EpochRecord) -> None:
    if trainer.test_images is not None and not math.isfinite(record.test_mean):
        raise DivergedError(
            f"the test loss was {record.test_mean} after epoch {record.epoch}, step {trainer.steps_per_epoch}"
        )


@contextlib.contextmanager
def _saving(folder: Path) -> Iterator[None]:
    """What is written in a locked folder: not interrupted, and never into a new folder that nobody has locked."""
    if not (folder / LOCK).exists():
        raise FileNotFoundError(f"{folder} vanished while it was written: run the command again")
    with uninterrupted():
        yield


def write_results(folder: Path, trainer: Trainer, wanted: dict, wall: float) -> None:
    save_model(trainer.trained, folder / MODEL)
    write_losses(folder / LOSSES, trainer.records)
    files = {name: sha256(folder / name) for name in (LOSSES, MODEL)}
    write_json(folder / RUN, description(trainer, wanted, wall) | {"files": files})
    (folder / STARTED).unlink(missing_ok=True)


def read_model(folder: Path, device: Device) -> Model:
    """The trained model of a run, its checksum verified.

    Raises:
        ValueError: broken, or changed since it was trained.
        OSError: missing or unreadable.
    """
    model = load_model(folder / MODEL, device)
    verify_checksum(folder / MODEL, RUN)
    return model


def write_samples(folder: Path, name: str, samples: Samples, model: Model, options: dict, seconds: float) -> None:
    """NAME.npy, NAME-frames.npy and NAME.json with the options, the frames' steps and the time it took."""
    writers = {
        f"{name}-frames.npy": lambda path: write_array(path, samples.frames),
        f"{name}.npy": lambda path: write_array(path, samples.images),
    }
    timing = {"seconds": seconds, "seconds_per_image": seconds / len(samples.images)}
    record = {**options, "frame_steps": samples.steps, **computed_by(model.device), **timing}
    write_together(folder, name, writers, record)


def write_together(folder: Path, name: str, writers: dict[str, Callable[[Path], None]], record: dict) -> None:
    """What was made of a run's model, all or none, in a locked folder.

    Each file by what writes it to a path, and NAME.json: the record with the sha256 of the model and of the files.
    """
    with _saving(folder), contextlib.ExitStack() as last_is_first_in_place:
        told = last_is_first_in_place.enter_context(replacing(folder / f"{name}.json"))
        partials = {file: last_is_first_in_place.enter_context(replacing(folder / file)) for file in writers}
        for file, partial in partials.items():
            writers[file](partial)
        digests = {file: sha256(partial) for file, partial in partials.items()}
        write_json(told, record | {"model": sha256(folder / MODEL), "files": digests})


def timed(work: Callable):
    """(seconds, result) of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
