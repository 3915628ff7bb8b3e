"""What a run says of itself: how it can be made again, what computed it, where its time went, its losses."""

import contextlib
import csv
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from diffusion.devices import Device
from diffusion.store.files import replacing
from diffusion.training import EpochRecord, Trainer

PACKAGES = ("triangle-diffusion", "torch", "numpy", "safetensors")


def computed_by(device: Device) -> dict:
    return {"device": device.name, "precision": device.precision, "threads": torch.get_num_threads()}


def description(trainer: Trainer, wanted: dict, wall: float) -> dict:
    """What it takes to remake a run, and where its time went."""
    training = sum(r.seconds for r in trainer.records)
    an_epoch = min(trainer.steps_per_epoch * trainer.settings.batch_size, len(trainer.images))
    images = an_epoch * len(trainer.records)
    return {
        **wanted,
        "image_shape": list(trainer.model.shape),
        "training_images": len(trainer.images),
        "parameters": trainer.parameters,
        **computed_by(trainer.device),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": versions(),
        "revision": revision(),
        "seconds": {
            "training": training,
            "of that loading": sum(r.loading_seconds for r in trainer.records),
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


def write_losses(path: Path, records: Sequence[EpochRecord]) -> None:
    """losses.csv: an epoch a row, in full precision, under the names of EpochRecord's fields."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, [field.name for field in fields(EpochRecord)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(record) for record in records)
