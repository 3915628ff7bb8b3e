"""Reading what runs and data sets left, checked; and what is missing as a hole.

Readers raise ValueError for a broken file, FileNotFoundError for a missing one; `or_hole` turns the latter into None.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from diffusion.store.files import listed, read_array, read_json, verify_checksum

__all__ = [
    "DIGEST",
    "LOSS_COLUMNS",
    "SET_NAMES",
    "SHORT_NAMES",
    "Frames",
    "absence",
    "first_seed",
    "noise_schedules",
    "of_samples",
    "or_hole",
    "read_frames",
    "read_losses",
    "read_samples",
    "resampled_here",
    "verify_model",
]

SET_NAMES = {"low": "low resolution", "high": "720 px", "array": "array"}  # as shown to people
SHORT_NAMES = SET_NAMES | {"low": "low"}  # where there is little room
DIGEST = "samples"  # column of measures.csv: the sha256 of the samples that were measured
LOSS_COLUMNS = ("epoch", "train_mean", "train_min", "train_max", "test_mean", "seconds", "test_seconds")

T = TypeVar("T")


def or_hole(read: Callable[..., T], *arguments) -> T | None:
    """What `read` reads, or None where its file does not exist: a run that diverged or was not made."""
    try:
        return read(*arguments)
    except FileNotFoundError:
        return None


def of_samples(read: Callable[..., T], run, *arguments) -> T | None:
    """The same of measures: what is left of those of samples that are gone, as the run was made anew, is a hole.

    Raises:
        ValueError: other samples stand there than were measured.
    """
    if not run.samples_file.exists():
        return None
    told = or_hole(read_json, run.samples_file.with_suffix(".json")) or {}
    made, measured = listed(told, run.samples_file.name), or_hole(_measured_samples, run)
    if made and measured and made != measured:
        raise ValueError(f"{run.measure_file} is of other samples than {run.samples_file}: measure again")
    return or_hole(read, *arguments)


def _measured_samples(run) -> str | None:
    with run.measure_file.open(encoding="utf-8", errors="replace", newline="") as stream:
        return next(csv.DictReader(stream), {}).get(DIGEST)


def verify_model(path: Path) -> None:
    """Compare the model that what a record tells of was made with to the run's own, where both are told.

    Raises:
        ValueError: they differ, as the run was made anew.
    """
    theirs = (or_hole(read_json, path) or {}).get("model")
    ours = listed(or_hole(read_json, path.with_name("run.json")) or {}, "model.safetensors")
    if ours and theirs and ours != theirs:
        raise ValueError(f"{path} tells of another model than the run's own: make it again")


def absence(run, *files: str) -> str | None:
    """Why a run has no result, in words; None where it is trained and has these files besides.

    Raises:
        ValueError: the record of its divergence is broken.
    """
    if not (run.folder / "run.json").exists():
        record = or_hole(read_json, run.folder / "diverged.json")
        if record is not None:
            return f"diverged: {record.get('reason', 'no reason is written')}"
        return "training is not finished" if (run.folder / "started.json").exists() else "not trained"
    return next((f"no {name}" for name in files if not (run.folder / name).exists()), None)


def read_losses(run):
    """losses.csv of a run as a DataFrame, an epoch a row, epochs ascending."""
    import pandas as pd

    path = run.folder / "losses.csv"
    try:
        losses = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table of losses ({_line(error)}): train the run again") from None
    if missing := [name for name in LOSS_COLUMNS if name not in losses]:
        raise ValueError(f"{path} has no column {missing[0]!r}: train the run again")
    if not len(losses) or not all(pd.api.types.is_numeric_dtype(losses[name]) for name in LOSS_COLUMNS):
        raise ValueError(f"{path} holds no epochs, or other things than numbers: train the run again")
    verify_checksum(path, "run.json")
    return losses


@dataclass(frozen=True)
class Frames:
    """The way of the first images: values float32 (K, F, H, W) or (K, F, H, W, 3), unclipped; steps: F, T down to 0."""

    values: np.ndarray
    steps: list[int]


def read_frames(run) -> Frames:
    """samples-frames.npy with the time steps of its moments from samples.json."""
    path, record = run.folder / "samples-frames.npy", run.folder / "samples.json"
    values, steps = read_array(path), read_json(record).get("frame_steps")
    whole = isinstance(steps, list) and all(type(t) is int for t in steps) and steps == sorted(set(steps), reverse=True)
    if not whole or not steps:
        raise ValueError(f"{record} lacks the frames' time steps, descending: sample the run again")
    if values.ndim not in (4, 5) or values.shape[1] != len(steps) or 0 in values.shape or values.dtype.kind != "f":
        raise ValueError(f"{path} has shape {values.shape}, not (images, {len(steps)} moments, ...): sample again")
    verify_checksum(path, record.name)
    return Frames(values, steps)


def read_samples(run) -> np.ndarray:
    """Images of a run, or of its other samples: float32 (N, H, W) or (N, H, W, 3) in [0, 1]."""
    path = run.samples_file
    values = read_array(path)
    if values.ndim not in (3, 4) or 0 in values.shape or values.dtype.kind != "f":
        raise ValueError(f"{path} has shape {values.shape} and type {values.dtype}, not float images: sample again")
    verify_checksum(path, path.with_suffix(".json").name)
    verify_model(path.with_suffix(".json"))
    return values


def _line(error) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def first_seed(plan) -> list:
    """The grid's runs that figures show: those of the first seed."""
    return [run for run in plan.grid if run.seed == plan.scale.seeds[0]]


def resampled_here(plan) -> list:
    """The other samplings that figures show: those of the first seed on the grid's last set."""
    shown = plan.scale.seeds[0], plan.study.grid.preparation[-1]
    return [one for one in plan.resampled if (one.run.seed, one.run.preparation) == shown]


def noise_schedules(plan) -> dict:
    """The study's schedules by name, as its runs use them."""
    settings = {run.schedule: run.training for run in first_seed(plan)}
    return {name: one.noise_schedule() for name, one in settings.items()}
