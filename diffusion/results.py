"""What is written beside a run: its model, losses and record, the samples drawn from it, its bounds."""

import contextlib
import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from diffusion.checkpoints import save_model
from diffusion.devices import computed_by
from diffusion.family import FAMILIES
from diffusion.images import SHOWN, Samples, write_sheet
from diffusion.store import provenance
from diffusion.store.files import replacing, sha256, write_array
from diffusion.store.ledger import announce
from diffusion.store.locks import saving
from diffusion.store.names import LOSSES, MODEL, RUN
from diffusion.store.records import LikelihoodRecord, Record, RunRecord, RunSeconds, SamplesRecord
from diffusion.training import EpochRecord, Trainer

__all__ = ["describe", "timed", "write_bound", "write_losses", "write_results", "write_samples", "write_together"]


def write_results(folder: Path, trainer: Trainer, wanted: dict, wall: float) -> None:
    """Write a finished run's model, losses and run.json, the record last; wall: seconds that this process took."""
    save_model(trainer.trained, folder / MODEL)
    write_losses(folder / LOSSES, trainer.records)
    files = {name: sha256(folder / name) for name in (LOSSES, MODEL)}
    describe(trainer, wanted, wall).model_copy(update={"files": files}).write(folder / RUN)


def write_losses(path: Path, records: Sequence[EpochRecord]) -> None:
    """Write losses.csv: an epoch a row, in full precision."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(records[0].row), lineterminator="\n")
        table.writeheader()
        table.writerows(record.row for record in records)


def describe(trainer: Trainer, wanted: dict, wall: float) -> RunRecord:
    """Return what it takes to remake a run, and where its time went."""
    settings, records = trainer.settings, trainer.records
    training = sum(r.seconds for r in records)
    images = min(trainer.steps_per_epoch * settings.batch_size, len(trainer.images)) * len(records)
    return RunRecord(
        **wanted,
        family=settings.family,
        capabilities=sorted(FAMILIES[settings.family].capabilities),
        image_shape=list(trainer.shape),
        training_images=len(trainer.images),
        parameters=trainer.parameters,
        **computed_by(trainer.trained.device),
        machine=provenance.machine(),
        versions=provenance.versions(),
        revision=provenance.revision(),
        seconds=RunSeconds(
            training=training,
            loading=sum(r.loading_seconds for r in records),
            test=sum(r.test_seconds for r in records),
            last_process=wall,
        ),
        images_per_second=images / training if training else None,
    )


def write_samples(folder: Path, name: str, samples: Samples, model, options: dict, seconds: float) -> None:
    """Write NAME.npy, a contact sheet NAME.png, and NAME.json with the options and the time it took.

    Of a path, NAME-frames.npy and its steps as well.
    """
    writers = {
        f"{name}.npy": lambda path: write_array(path, samples.images),
        f"{name}.png": lambda path: write_sheet(path, samples.images[:SHOWN]),
    }
    told = dict(options)
    if samples.frames is not None:
        writers = {f"{name}-frames.npy": lambda path: write_array(path, samples.frames)} | writers
        told["frame_steps"] = samples.steps
    timing = {"seconds": seconds, "seconds_per_image": seconds / len(samples.images)}
    write_together(folder, name, writers, SamplesRecord(**told, **computed_by(model.device), **timing))


def write_bound(folder: Path, name: str, found, model, options: dict, seconds: float) -> None:
    """Write NAME.npy (the bound's pairs), NAME.csv (its table) and NAME.json with terms, errors, options and time."""
    writers = {
        f"{name}.npy": lambda path: write_array(path, found.pairs),
        f"{name}.csv": lambda path: found.table.to_csv(path, index=False),
    }
    told = options | found.record | {"unit": "bits/dim", "seconds": seconds} | computed_by(model.device)
    write_together(folder, name, writers, LikelihoodRecord(**told))


def write_together(folder: Path, name: str, writers: dict[str, Callable[[Path], None]], record: Record) -> None:
    """Write what was made of a run's model, all or none, in a locked folder.

    Each file by what writes it to a path, and NAME.json: the record with the sha256 of the files.
    """
    with saving(folder), contextlib.ExitStack() as last_is_first_in_place:
        announce(folder, [f"{name}.json", *writers])
        told = last_is_first_in_place.enter_context(replacing(folder / f"{name}.json"))
        partials = {file: last_is_first_in_place.enter_context(replacing(folder / file)) for file in writers}
        for file, partial in partials.items():
            writers[file](partial)
        digests = {file: sha256(partial) for file, partial in partials.items()}
        record.model_copy(update={"files": digests}).write(told)


def timed(work: Callable):
    """Return (seconds, result) of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
