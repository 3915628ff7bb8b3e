"""Data sets of triangles in a folder: written whole or not at all, read and checked, summed up in a few facts.

A folder holds train.npy and test.npy, uint8 (N, H, W) with inside = 255; vertices_train.npy and vertices_test.npy,
float64 (N, 3, 2) in the unit square; and dataset.json, written last: where it stands, the set is whole.
"""

import os
import shutil
import sys
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

from triangles.geometry import SPLITS, draw_vertices
from triangles.production import produce
from triangles.rendering import render, render_plain
from triangles.settings import PREPARATIONS, Settings, resolve
from triangles.storage import digest, folder_digest, load_array, load_record, save_chunks, save_record

__all__ = [
    "PREPARATIONS",
    "DataSet",
    "Settings",
    "facts",
    "read_dataset",
    "read_record",
    "render",
    "render_plain",
    "resolve",
    "write_dataset",
]

ARRAYS = ("train.npy", "test.npy", "vertices_train.npy", "vertices_test.npy")
RECORD = "dataset.json"
FILES = "files"
PARTIAL = ".partial"


@dataclass(frozen=True)
class DataSet:
    """A data set in memory, as the module's docstring describes it, and the record of dataset.json."""

    train: np.ndarray
    test: np.ndarray
    vertices_train: np.ndarray
    vertices_test: np.ndarray
    settings: Settings
    record: dict


def facts(images):
    """Shares of uint8 images (N, H, W) as a dictionary.

    gray: pixels that are neither 0 nor 255; clearly_gray: more than 8 levels from both; mid_gray: pixels in
    32..223; covered: mean / 255; empty: images without any pixel above 127.
    """
    histogram = np.bincount(images.ravel(), minlength=256) / images.size
    return {
        "images": len(images),
        "gray": float(histogram[1:255].sum()),
        "clearly_gray": float(histogram[9:247].sum()),
        "mid_gray": float(histogram[32:224].sum()),
        "covered": float(histogram @ np.arange(256) / 255),
        "empty": int((images.max(axis=(1, 2)) < 128).sum()),
    }


def write_dataset(folder, settings, workers=1, files=False, replace=False, progress=None):
    """Make a data set in `folder`; True if it was made, False if the same one was there whole already.

    `files` leaves the image files as well; `replace` makes room where another or a damaged set stands. `progress`
    is called with the number of images done since its last call. The bytes do not depend on `workers`; with more
    than one, a script that calls this needs the usual `if __name__ == "__main__"`. Raises ValueError where the
    folder holds something else, and OSError where it cannot be written; what was there stays as it was.
    """
    folder = Path(folder)
    if files and settings.format == "npy":
        raise ValueError("image files were asked for, but format npy makes none; give format png or jpeg")
    if _is_there(folder, settings, files, replace):
        return False
    with _partial_folder(folder) as partial:
        if _is_there(folder, settings, files, replace):  # another process may have made it meanwhile
            return False
        record = _write_parts(partial, settings, workers, files, progress)
        save_record(partial / RECORD, record)
        _move_in(partial, folder, files)
    return True


def _is_there(folder, settings, files, replace):
    """Whether this very set is in the folder, whole; ValueError where something else is and may not be replaced."""
    found = [name for name in (RECORD, *ARRAYS, FILES) if (folder / name).exists()]
    if not found:
        return False
    try:
        record = read_record(folder)
        differing = [k for k, v in asdict(settings).items() if record["settings"][k] != v]
        if ("image_files" in record) != files:
            differing.append("files")
        if differing:
            raise ValueError(f"{folder} holds a data set that differs in {', '.join(differing)}")
        _check_digests(folder, record)
    except (ValueError, OSError) as error:
        if replace:
            return False
        raise ValueError(f"{error}; give --replace to start over, or another folder") from error
    return True


@contextmanager
def _partial_folder(folder):
    """A folder inside `folder` that only we write to, removed at the end whatever happens.

    After a kill it stays behind, and the next call clears it: the lock of a dead process does not hold.
    """
    from filelock import FileLock, Timeout

    made, partial = not folder.exists(), folder / PARTIAL
    partial.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(partial / "lock", blocking=False):
            try:
                _clear(partial)
                yield partial
            except OSError as error:
                error.filename = error.filename or str(folder)
                raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)
                if made and not any(folder.iterdir()):
                    folder.rmdir()
    except Timeout as error:
        raise ValueError(f"{folder} is being written by another process; wait, or give another folder") from error


def _clear(partial):
    for path in partial.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def _write_parts(partial, settings, workers, files, progress):
    """Write the arrays, and the image files if asked for; the record that belongs to them."""
    begin = perf_counter()
    vertices = {split: draw_vertices(settings, split) for split in SPLITS}
    drawn = perf_counter()
    if files:
        for split in SPLITS:
            (partial / FILES / split).mkdir(parents=True)
    with closing(produce(vertices, settings, workers, partial / FILES if files else None)) as images:
        for split, corners in vertices.items():
            shape = (len(corners), settings.size, settings.size)
            save_chunks(partial / f"{split}.npy", _counted(images, len(corners), progress), shape, np.uint8)
            save_chunks(partial / f"vertices_{split}.npy", [corners], corners.shape, np.float64)
    made = perf_counter()
    record = _record(partial, settings, files)
    seconds = {"vertices": drawn - begin, "images": made - drawn, "checksums": perf_counter() - made}
    return record | {"workers": workers, "seconds": {k: round(v, 4) for k, v in seconds.items()}}


def _counted(images, count, progress):
    """The next `count` images of an iterator of chunks, which ends at the end of a chunk."""
    while count > 0:
        chunk = next(images)
        count -= len(chunk)
        yield chunk
        if progress is not None:
            progress(len(chunk))


def _record(partial, settings, files):
    """What dataset.json says, but for the seconds."""
    record = {
        "kind": "triangles",
        "settings": asdict(settings),
        "versions": versions(),
        "files": {name: digest(partial / name) for name in ARRAYS},
    }
    if files:
        record["image_files"] = {split: folder_digest(partial / FILES / split) for split in SPLITS}
    return record


def versions():
    """Versions of all that shapes the arrays."""
    from PIL import features

    names = {name: version(name) for name in ("triangle-diffusion", "numpy", "pillow")}
    return {"python": sys.version.split()[0], **names, "libjpeg": features.version("jpg")}


def _move_in(partial, folder, files):
    """Rename everything into place, the record last; without it the folder counts as unfinished."""
    (folder / RECORD).unlink(missing_ok=True)
    pictures = [f"{FILES}/{split}" for split in SPLITS]
    for name in pictures:
        shutil.rmtree(folder / name, ignore_errors=True)
    if files:
        (folder / FILES).mkdir(exist_ok=True)
    for name in (*ARRAYS, *(pictures if files else []), RECORD):
        os.replace(partial / name, folder / name)


def read_record(folder):
    """The record of a whole data set; FileNotFoundError where there is none, ValueError where it is broken."""
    path = Path(folder) / RECORD
    if not path.exists():
        raise FileNotFoundError(
            f"{folder} holds no whole data set ({RECORD} is missing); make it with `triangles generate`"
        )
    record = load_record(path)
    settings, files = record.get("settings"), record.get("files")
    if not isinstance(settings, dict) or not isinstance(files, dict) or sorted(files) != sorted(ARRAYS):
        raise ValueError(f"{path} lacks the settings or the files of a data set; make the data set again")
    try:
        Settings(**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has impossible settings ({error}); make the data set again") from error
    pictures = record.get("image_files", {})
    if not isinstance(pictures, dict) or not set(pictures) <= set(SPLITS):
        raise ValueError(f"{path} has an image_files entry that is none; make the data set again")
    return record


def _check_digests(folder, record):
    for name, expected in record["files"].items():
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder / name} is missing; make the data set again")
        if digest(folder / name) != expected:
            raise ValueError(f"{folder / name} was changed after it was made (its sha256 differs)")
    for split, expected in record.get("image_files", {}).items():
        if folder_digest(folder / FILES / split) != expected:
            raise ValueError(f"{folder / FILES / split} was changed after it was made (its sha256 differs)")


def read_dataset(folder):
    """Read a data set and check type, shape, range and checksums; ValueError or OSError says what is wrong."""
    folder = Path(folder)
    record = read_record(folder)
    settings = Settings(**record["settings"])
    arrays = {}
    for split, count in zip(SPLITS, (settings.count, settings.test_count), strict=True):
        images = load_array(folder / f"{split}.npy", np.uint8, (count, settings.size, settings.size))
        vertices = load_array(folder / f"vertices_{split}.npy", np.float64, (count, 3, 2))
        if not ((vertices >= 0) & (vertices <= 1)).all():
            raise ValueError(f"{folder}/vertices_{split}.npy leaves the unit square; make the data set again")
        arrays |= {split: images, f"vertices_{split}": vertices}
    _check_digests(folder, record)
    return DataSet(**arrays, settings=settings, record=record)
