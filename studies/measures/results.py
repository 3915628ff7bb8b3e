"""Read what runs and data sets left, checked; what is missing is a hole.

Readers raise ValueError for a broken file, FileNotFoundError for a missing one; `or_hole` turns the latter into None.
"""

import csv
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile, ZipFile

import numpy as np

from diffusion.store.files import listed, read_array, read_json, verify_checksum

__all__ = [
    "COLUMNS",
    "DIGEST",
    "LOSS_COLUMNS",
    "PER_IMAGE",
    "Frames",
    "absence",
    "first_seed",
    "noise_schedules",
    "of_samples",
    "or_hole",
    "read_frames",
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
PER_IMAGE = "per-image.npz"
LARGEST_TABLE = 256 * 2**20  # bytes: thousands of times what a run's samples need
BROKEN = (ValueError, EOFError, KeyError, TypeError, MemoryError, NotImplementedError, BadZipFile, zlib.error)

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
    if not run.samples_file.exists():
        return None
    told = or_hole(read_json, run.samples_file.with_suffix(".json")) or {}
    made, measured = listed(told, run.samples_file.name), or_hole(_measured_samples, run)
    if made and measured and made != measured:
        raise ValueError(f"{run.measure_file} is of other samples than {run.samples_file}: measure again")
    return or_hole(read, *arguments)


def _measured_samples(run) -> str | None:
    with run.measure_file.open(encoding="utf-8", errors="replace", newline="") as stream:
        row = next(csv.DictReader(stream), {})
    return row.get(DIGEST) if DIGEST in row else row.get(FIRST_DIGEST)


def verify_model(path: Path) -> None:
    """Check that a result was produced by this run's current model; skip it if either checksum is missing.

    Raises:
        ValueError: the two differ: the run was trained again.
    """
    theirs = (or_hole(read_json, path) or {}).get("model")
    ours = listed(or_hole(read_json, path.with_name("run.json")) or {}, "model.safetensors")
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
    """Read samples-frames.npy with the time steps of its moments from samples.json."""
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
    """Read the images of a run, or of its other samples: float32 (N, H, W) or (N, H, W, 3) in [0, 1]."""
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
    """Return the grid's runs that figures show: those of the first seed."""
    return [run for run in plan.grid if run.seed == plan.scale.seeds[0]]


def resampled_here(plan) -> list:
    """Return the other samplings that figures show: those of the first seed on the grid's last data."""
    shown = plan.scale.seeds[0], plan.data_names[-1]
    return [one for one in plan.resampled if (one.run.seed, one.run.data) == shown]


def noise_schedules(plan) -> dict:
    """Return the noise schedule of each of the study's models that has one: {model: NoiseSchedule}."""
    trainings = {run.model: run.training for run in first_seed(plan)}
    return {name: one.noise_schedule() for name, one in trainings.items() if hasattr(one, "noise_schedule")}


def read_table(path, *columns):
    """Read a table of `images.measure_each`, one row an image, in which these columns stand.

    Raises:
        ValueError: not whole, not columns of numbers of one length, or without one of `columns`.
        OSError: missing or unreadable.
    """
    import pandas as pd

    try:
        with ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST_TABLE:
                raise ValueError(f"over {LARGEST_TABLE >> 20} MiB")
        with np.load(path, allow_pickle=False) as stored:
            table = pd.DataFrame({name: stored[name] for name in stored.files})
        if not all(pd.api.types.is_numeric_dtype(table[name]) for name in table):
            raise ValueError("other things than numbers")
        if missing := [name for name in columns if name not in table]:
            raise ValueError(f"it lacks {missing[0]}, made by another version")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: measure first (`snakemake {path}`)") from None
    except BROKEN as error:
        raise ValueError(f"{path} is not a whole table of measures ({error}): measure again") from None
    return table


def read_measures(run):
    """Read the measures of a run, or of its other samples: a DataFrame with at least the columns in `NEEDED`.

    Raises:
        ValueError: a broken file.
        OSError: missing or unreadable.
    """
    import pandas as pd

    path = run.measure_file
    try:
        frame = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table of measures ({str(error).splitlines()[0]}): measure again") from None
    if missing := [name for name in NEEDED if name not in frame]:
        raise ValueError(f"{path} has no column {missing[0]!r}: measure the run again")
    if not all(pd.api.types.is_numeric_dtype(frame[name]) for name in ("value", "n")):
        raise ValueError(f"{path} holds other things than numbers: measure the run again")
    return frame


def seeds_by_cell(plan, measure) -> dict[tuple[str, str], list[float]]:
    """Return {(model, data): the values of the seeds that are there}, NaN left out."""
    values = {}
    for run in plan.grid:
        frame = of_samples(read_measures, run, run)
        if frame is not None:
            found = frame.value[frame.measure == measure].dropna()
            values.setdefault((run.model, run.data), []).extend(found)
    return values
