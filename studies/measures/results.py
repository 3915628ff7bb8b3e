"""Read what runs and data sets left, checked; what is missing is a hole.

Readers raise ValueError for a broken file, FileNotFoundError for a missing one; `or_hole` turns the latter into None.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from diffusion.store.files import Loaded, beside, check_digest, listed, load_array, read_json
from diffusion.store.tables import read_columns, read_csv

__all__ = [
    "COLUMNS",
    "DIGEST",
    "LOSS_COLUMNS",
    "PER_IMAGE",
    "Frames",
    "absence",
    "find_ways",
    "first_seed",
    "kept_file",
    "load_samples",
    "noise_schedules",
    "of_samples",
    "or_hole",
    "read_frames",
    "read_kept_measures",
    "read_losses",
    "read_measures",
    "read_samples",
    "read_table",
    "resampled_here",
    "seeds_by_cell",
    "verify_model",
]

DIGEST = "sha256"  # column of measures.csv: of the samples that were measured
FIRST_DIGEST = "samples"  # what older files call it, which name no sampling
LOSS_COLUMNS = ("epoch", "train_mean", "train_min", "train_max", "test_mean", "seconds", "test_seconds")

COLUMNS = ("data", "model", "samples", "seed", "measure", "value", "unit", "n")
NEEDED = ("measure", "value", "unit", "n")  # which cell a file is of, its run says
MEASURES, PER_IMAGE = "measures.csv", "per-image.npz"
CHANNELS = ((), (1,), (3,))  # what may follow the height and width of an image

T = TypeVar("T")


def or_hole(read: Callable[..., T], *arguments) -> T | None:
    """Return what `read` reads, or None where its file does not exist: a run that diverged or was not made."""
    try:
        return read(*arguments)
    except FileNotFoundError:
        return None


def of_samples(read: Callable[..., T], run, *arguments) -> T | None:
    """Read a run's measures, or return None if the samples they were computed from no longer exist.

    Raises:
        ValueError: other samples stand there than were measured.
    """
    if not os.path.lexists(run.samples_file):
        return None
    record = run.samples_file.with_suffix(".json")
    made = listed(or_hole(read_json, record) or {}, run.samples_file.name, str(record))
    measured = or_hole(_measured_samples, run)
    if made and measured and made != measured:
        raise ValueError(f"{run.measure_file} is of other samples than {run.samples_file}: measure again")
    return or_hole(read, *arguments)


def _measured_samples(run) -> str | None:
    frame = read_measures(run)
    name = DIGEST if DIGEST in frame else FIRST_DIGEST
    return str(frame[name].iloc[0]) if name in frame and len(frame) else None


def verify_model(path: Path) -> None:
    """Check that a result was produced by this run's current model; skip it if either checksum is missing.

    Raises:
        ValueError: the two differ: the run was trained again.
    """
    theirs = (or_hole(read_json, path) or {}).get("model")
    run = path.with_name("run.json")
    ours = listed(or_hole(read_json, run) or {}, "model.safetensors", str(run))
    if ours and theirs and ours != theirs:
        raise ValueError(f"{path} tells of another model than the run's own: make it again")


def absence(run, *files: str) -> str | None:
    """Say why a run has no result; None where it is trained and has these files besides.

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
    """Read losses.csv of a run: a DataFrame, an epoch a row, epochs ascending."""
    path, mend = run.folder / "losses.csv", "train the run again"
    losses = read_csv(path, mend, LOSS_COLUMNS, LOSS_COLUMNS)
    if not len(losses):
        raise ValueError(f"{path} holds no epochs: {mend}")
    check_digest(path, losses.attrs["sha256"], "run.json")
    return losses


@dataclass(frozen=True)
class Frames:
    """The way of the first images: values float32 (K, F, H, W) or (K, F, H, W, 3), unclipped; steps: F, T down to 0."""

    values: np.ndarray
    steps: list[int]


def read_frames(run) -> Frames:
    """Read samples-frames.npy with the time steps of its moments from samples.json."""
    path, record = run.folder / "samples-frames.npy", run.folder / "samples.json"
    (values, found), steps = load_array(path), read_json(record).get("frame_steps")
    whole = isinstance(steps, list) and all(type(t) is int for t in steps) and steps == sorted(set(steps), reverse=True)
    if not whole or not steps:
        raise ValueError(f"{record} lacks the frames' time steps, descending: sample the run again")
    if values.ndim not in (4, 5) or values.shape[1] != len(steps) or not _is_of_images(values, 4):
        raise ValueError(f"{path} has shape {values.shape}, not (images, {len(steps)} moments, ...): sample again")
    check_digest(path, found, record.name)
    return Frames(values, steps)


def _is_of_images(values: np.ndarray, sides: int) -> bool:
    """Return whether an array holds float images, gray or of three colours; sides: all but that of the channels."""
    return values.dtype.kind == "f" and 0 not in values.shape and values.shape[sides:] in CHANNELS


def read_samples(run) -> np.ndarray:
    """Read the images of a run, see `load_samples`."""
    return load_samples(run).values


def load_samples(run) -> Loaded:
    """Read images of a run or of its other samples, float32 (N, H, W) or (N, H, W, 3) in [0, 1], and their digest."""
    path = run.samples_file
    values, found = load_array(path)
    if values.ndim not in (3, 4) or not _is_of_images(values, 3):
        raise ValueError(f"{path} has shape {values.shape} and type {values.dtype}, not float images: sample again")
    check_digest(path, found, path.with_suffix(".json").name)
    verify_model(path.with_suffix(".json"))
    return Loaded(values, found)


def first_seed(plan) -> list:
    """Return the grid's runs that figures show: those of the first seed."""
    return [run for run in plan.grid if run.seed == plan.scale.seeds[0]]


def resampled_here(plan, data: str | None = None) -> list:
    """Return the other samplings that figures show: those of the first seed on `data`, or on the grid's last data."""
    shown = plan.scale.seeds[0], data or plan.data_names[-1]
    return [one for one in plan.resampled if (one.run.seed, one.run.data) == shown]


def find_ways(plan, data: str, model: str) -> dict[str, list]:
    """Return the samplings of a cell that start from noise, by what they are called: {name: [one a seed]}.

    A run's own is called "". Others start from images or their moments, or have other statistics.
    """
    ways: dict[str, list] = {"": [run for run in plan.grid if (run.data, run.model) == (data, model)]}
    for one in plan.resampled:
        if (one.run.data, one.run.model) == (data, model) and not (one.noised or one.matched or one.renormed):
            ways.setdefault(one.name, []).append(one)
    return ways


def noise_schedules(plan) -> dict:
    """Return the noise schedule of each of the study's models that has one: {model: NoiseSchedule}."""
    trainings = {run.model: run.training for run in first_seed(plan)}
    return {name: one.noise_schedule() for name, one in trainings.items() if hasattr(one, "noise_schedule")}


def read_table(path, *columns):
    """Read a table of `images.measure_each`, one row an image, in which these columns stand.

    Raises:
        ValueError: not whole, changed since it was made, not columns of numbers of one length, or without one of them.
        OSError: missing or unreadable.
    """
    try:
        table = read_columns(path, "measure again", columns)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: measure first (`snakemake {path}`)") from None
    record = beside(path.with_name(MEASURES) if path.name == PER_IMAGE else path)
    check_digest(path, table.attrs["sha256"], record)
    return table


def read_measures(run):
    """Read the measures of a run, or of its other samples: a DataFrame with at least the columns in `NEEDED`.

    Raises:
        ValueError: a broken file, or one that was changed since it was made.
        OSError: missing or unreadable.
    """
    path = run.measure_file
    frame = read_csv(path, "measure the run again", NEEDED, ("value", "n"))
    check_digest(path, frame.attrs["sha256"], beside(path))
    return frame


def read_kept_measures(run):
    """Read the measures of a run that `studies reference` kept, see `read_measures`."""
    return read_csv(kept_file(run), "collect the study again", NEEDED, ("value", "n"))


def kept_file(run) -> Path:
    """Return where `studies reference` keeps a run's measures, packed."""
    return run.measure_file.with_suffix(".csv.xz")


def seeds_by_cell(plan, measure) -> dict[tuple[str, str], list[float]]:
    """Return {(model, data): the values of the seeds that are there}, NaN left out."""
    values = {}
    for run in plan.grid:
        frame = of_samples(read_measures, run, run)
        if frame is not None:
            found = frame.value[frame.measure == measure].dropna()
            values.setdefault((run.model, run.data), []).extend(found)
    return values
