"""A run made again from its run.json and its images, in a folder of its own, and compared byte by byte."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from diffusion import devices, runs
from diffusion.checkpoints import read_tensors
from diffusion.denoising import matched, partial, renorming
from diffusion.family import FAMILIES
from diffusion.images import Samples
from diffusion.settings import FamilySettings, explain, read_settings
from diffusion.store import provenance
from diffusion.store.files import read_array, read_json, sha256, verify_checksum
from diffusion.store.ledger import made_in
from diffusion.store.locks import locked
from diffusion.store.names import LOSSES, MODEL, RUN
from diffusion.store.records import SamplesRecord
from diffusion.training import EpochRecord, Trainer

SECONDS = ["seconds", "test_seconds", "loading_seconds"]  # columns of losses.csv that no two runs share
NO_OPTIONS = {
    *("noised", "from_abar", "matched", "renormed", "mean_errors", "frame_steps", "seconds", "seconds_per_image"),
    *("device", "precision", "threads", "model", "files", "data"),
}  # what a record of samples says beside the options that they were drawn with


@dataclass(frozen=True)
class Comparison:
    """A file of the run beside the remade one. largest: the largest absolute difference of their numbers."""

    file: str
    same: bool
    largest: float


def remake(run: Path, dataset: Path, on_epoch: Callable[[EpochRecord], None]) -> list[Comparison]:
    """Train the run again on DATASET's images and draw its samples again, with its device, precision and threads.

    Raises:
        ValueError: a record is broken, losses.csv was changed, or DATASET holds other images than the run was trained
            on.
        OSError: a file is missing or unreadable.
    """
    record = read_json(run / RUN)
    settings, device = _resolved(run, record)
    verify_checksum(run / LOSSES, RUN)
    images, data = runs.load_data(dataset)
    identity = runs.identity(settings, data)
    if identity["data"] != record.get("data"):
        raise ValueError(f"{dataset} holds other images than {run} was trained on (their sha256 differ)")
    drawn = _samples_in(run)  # refuses what is broken before hours are spent
    with tempfile.TemporaryDirectory(prefix="remake-") as name, locked(Path(name)):
        trainer = Trainer(settings, *images, device)
        runs.train_in(Path(name), trainer, identity, on_epoch)
        return [*_compared(run, Path(name)), *_samples_compared(run, drawn, Path(name), *images)]


def surroundings(run: Path) -> list[str]:
    """List what differs here from where the run was made, each in words: reasons for other bytes."""
    record = read_json(run / RUN)
    settings, _ = _resolved(run, record)
    here = {"versions": provenance.versions(), "sources": runs.sources_digest(settings)}
    return [f"{key} differ from the run's" for key, value in here.items() if record.get(key) != value]


def _resolved(run: Path, record: dict) -> tuple[FamilySettings, devices.Device]:
    with _taken_for_granted(run / RUN):
        return read_settings(record["settings"]), _device(record)


@contextlib.contextmanager
def _taken_for_granted(path: Path) -> Iterator[None]:
    """What a file says, in the block: ValueError, naming the file, where it says something else or nothing."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else error
        raise ValueError(f"{path} does not say what it takes to make it again ({reason}): was it edited?") from None


def _device(record: dict) -> devices.Device:
    kind = "cpu" if record["device"].startswith("CPU") else "auto"
    return devices.choose(kind, record["precision"], int(record["threads"]), bool(record.get("compiled")))


def _compared(run: Path, remade: Path) -> Iterator[Comparison]:
    ours, theirs = (read_tensors(folder / MODEL)[0] for folder in (run, remade))
    apart = [_largest(ours[k].numpy(), theirs[k].numpy()) if k in ours else np.inf for k in theirs]
    same = sha256(run / MODEL) == sha256(remade / MODEL)
    yield Comparison(MODEL, same, max(apart, default=0.0))
    ours, theirs = (_losses(folder / LOSSES) for folder in (run, remade))
    yield Comparison(LOSSES, ours.equals(theirs), _largest(ours.to_numpy(), theirs.to_numpy()))


def _losses(path: Path) -> pd.DataFrame:
    with _taken_for_granted(path):
        return pd.read_csv(path, float_precision="round_trip").drop(columns=SECONDS).astype(np.float64)


def _samples_compared(run: Path, drawn: dict[str, dict], remade: Path, train, test) -> Iterator[Comparison]:
    for name, record in drawn.items():
        with _taken_for_granted(run / f"{name}.json"):
            again = _drawn_again(record, runs.read_model(remade, _device(record))[0], train, test)
        files = {f"{name}.npy": again.images, f"{name}-frames.npy": again.frames}
        for file, array in files.items():
            if array is not None:
                before = read_array(run / file)
                same = before.shape == array.shape and before.tobytes() == array.tobytes()
                yield Comparison(file, same, _largest(before, array))


def _samples_in(run: Path) -> dict[str, dict]:
    """Return the records of the samples in a run's folder that are ours, by name.

    Raises:
        ValueError: a record is broken.
        OSError: there is none.
    """
    ours = {name for name in made_in(run) if os.path.lexists(run / name)}
    arrays = {name.removesuffix(".npy") for name in ours if name.endswith(".npy") and not name.endswith("-frames.npy")}
    names = sorted(name for name in arrays if f"{name}.csv" not in ours)  # a bound has a table
    records = {name: read_json(run / f"{name}.json") for name in names}
    for name, record in records.items():
        with _taken_for_granted(run / f"{name}.json"):
            SamplesRecord.model_validate(record)
    return records


def _drawn_again(record: dict, model, train: np.ndarray, test: np.ndarray | None) -> Samples:
    """Samples by the options of a record. Where other images were taken, take the run's own: to start from, those of
    its test set, and for batch norm's statistics those it was trained on."""
    if record.get("renormed"):
        model = renorming.renormed(model, train, record["seed"])
    if record.get("from_abar") is not None:
        model = partial.from_abar(model, record["from_abar"])
    start = test if record.get("noised") else None
    if record.get("matched"):
        start = matched.draw_matched(model, train, record["count"], record["seed"])
    options = {key: value for key, value in record.items() if key not in NO_OPTIONS}
    return FAMILIES[model.settings.family].draw(model, **options, noised=start)


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.nanmax(np.abs(ours.astype(np.float64) - theirs), initial=0.0))
