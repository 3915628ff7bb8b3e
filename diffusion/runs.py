"""A run's folder: who may write it, what lies in it, and how it is taken up again.

run.json (written last: its presence means whole), losses.csv, model.safetensors, checkpoint.safetensors.
"""

import contextlib
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import torch

from diffusion.files import read_images, read_json, replacing, sha256, write_array, write_json
from diffusion.model import Model, save_model
from diffusion.sampling import Samples
from diffusion.settings import TrainSettings
from diffusion.training import DivergedError, EpochRecord, Trainer

RUN, LOSSES, MODEL, CHECKPOINT = "run.json", "losses.csv", "model.safetensors", "checkpoint.safetensors"
STARTED = "started.json"  # settings and data of a run that is not finished
PACKAGES = ("triangle-diffusion", "torch", "numpy", "safetensors")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Sole writer of a folder; the lock is the kernel's, so a dead process does not hold it.

    Raises:
        ValueError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
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


def is_ours(folder: Path, settings: TrainSettings, data: dict[str, str]) -> bool:
    """Whether what the folder holds, if anything, belongs to a run of exactly these settings and data.

    Raises:
        ValueError: run.json is broken.
    """
    claim = folder / (RUN if (folder / RUN).exists() else STARTED)
    if not claim.exists():
        return not (folder / CHECKPOINT).exists()
    content = read_json(claim)
    return content.get("settings") == settings.model_dump(mode="json") and content.get("data") == data


def is_finished(folder: Path) -> bool:
    return all((folder / name).exists() for name in (RUN, LOSSES, MODEL))


def clear(folder: Path) -> None:
    """Remove a run's files, and nothing else, from its folder."""
    for name in (RUN, LOSSES, MODEL, CHECKPOINT, STARTED):
        (folder / name).unlink(missing_ok=True)


def take_up(trainer: Trainer, folder: Path, start_from: Path | None = None) -> None:
    """Restore the folder's checkpoint, or else the one of `start_from`, a shorter run that this one extends.

    Raises:
        ValueError: the checkpoint is broken or belongs to another course of training.
        OSError: `start_from` has no checkpoint.
    """
    if (folder / CHECKPOINT).exists():
        trainer.restore(folder / CHECKPOINT)
    elif start_from is not None:
        trainer.restore(start_from / CHECKPOINT)


def train_in(
    folder: Path,
    trainer: Trainer,
    data: dict[str, str],
    on_epoch: Callable[[EpochRecord], None],
    progress=None,
) -> None:
    """Train to the end in a locked folder, saving the whole state after each epoch, then write the results.

    Raises:
        DivergedError: naming epoch, step and the last good checkpoint.
    """
    start, checkpoint = time.perf_counter(), folder / CHECKPOINT
    write_json(folder / STARTED, {"settings": trainer.settings.model_dump(mode="json"), "data": data})
    try:
        for record in trainer.epochs(progress):
            trainer.save(checkpoint)
            on_epoch(record)
    except DivergedError as error:
        last = f"{checkpoint} holds epoch {trainer.epoch}" if trainer.epoch else "there is no checkpoint yet"
        raise DivergedError(f"{error}; {last}; lower --learning-rate") from None
    write_results(folder, trainer, data, time.perf_counter() - start)


def write_results(folder: Path, trainer: Trainer, data: dict[str, str], wall: float) -> None:
    save_model(trainer.trained, folder / MODEL)
    with replacing(folder / LOSSES) as partial:
        pd.DataFrame(trainer.records).to_csv(partial, index=False)
    write_json(folder / RUN, description(trainer, data, wall))
    (folder / STARTED).unlink(missing_ok=True)


def write_samples(folder: Path, name: str, samples: Samples, model: Model, options: dict, seconds: float) -> None:
    """NAME.npy, NAME-frames.npy and, last, NAME.json with the options, the frames' steps and the time it took."""
    write_array(folder / f"{name}.npy", samples.images)
    write_array(folder / f"{name}-frames.npy", samples.frames)
    device = {
        "device": model.device.name,
        "precision": model.device.precision,
        "threads": torch.get_num_threads(),
    }
    timing = {"seconds": seconds, "seconds_per_image": seconds / len(samples.images)}
    write_json(folder / f"{name}.json", {**options, "frame_steps": samples.steps, **device, **timing})


def timed(work: Callable):
    """(seconds, result) of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def description(trainer: Trainer, data: dict[str, str], wall: float) -> dict:
    """What it takes to remake a run, and where its time went."""
    training = sum(r.seconds for r in trainer.records)
    images = trainer.steps_per_epoch * trainer.settings.batch_size * len(trainer.records)
    return {
        "settings": trainer.settings.model_dump(mode="json"),
        "data": data,
        "image_shape": list(trainer.model.shape),
        "training_images": len(trainer.images),
        "parameters": trainer.parameters,
        "device": trainer.device.name,
        "precision": trainer.device.precision,
        "threads": torch.get_num_threads(),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": versions(),
        "revision": revision(),
        "seconds": {
            "training": training,
            "test": sum(r.test_seconds for r in trainer.records),
            "last process": wall,
        },
        "images_per_second": images / training if training else None,
    }


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def revision() -> str | None:
    """The git revision of the package's sources, where they are a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return None
