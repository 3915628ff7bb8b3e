"""Write data sets whole or not at all, read and check them, sum them up in a few facts.

A folder holds train.npy and test.npy, uint8 (N, H, W) or (N, H, W, 3), and the parameters of the pictures, float64
(N, ...): of triangles vertices_train.npy and vertices_test.npy, (N, 3, 2) in the unit square. dataset.json is written
last: where it stands, the set is whole.
"""

import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

from triangles.imported import Imported, settings_of
from triangles.kinds import KINDS
from triangles.production import produce
from triangles.rendering import SPLITS, draw_parameters, render, render_plain
from triangles.settings import PREPARATIONS, RECORD, Settings, resolve
from triangles.storage.files import digest, folder_digest, load_array, load_record, save_chunks, save_record
from triangles.storage.staging import FILES, check_place, move_in, partial_folder

__all__ = [
    "PREPARATIONS",
    "DataSet",
    "Settings",
    "facts",
    "is_there",
    "read_dataset",
    "read_record",
    "render",
    "render_plain",
    "resolve",
    "versions",
    "write_dataset",
]


@dataclass(frozen=True)
class DataSet:
    """A data set in memory, as the module's docstring describes it, and the record of dataset.json.

    parameters_train, parameters_test: None of imported pictures, which have none.
    """

    train: np.ndarray
    test: np.ndarray
    settings: Settings | Imported
    record: dict
    parameters_train: np.ndarray | None = None
    parameters_test: np.ndarray | None = None


def facts(images):
    """Sum up uint8 images (N, H, W) or (N, H, W, 3) in a dictionary; of colours each value counts by itself.

    images: their number. Shares of all pixels: gray, neither 0 nor 255; clearly_gray, more than 8 levels from both;
    mid_gray, in 32..223. covered: mean / 255. empty: the number of images without any pixel above 127; of colours, of
    those that have one colour all over, as a dark shape on black is a shape.
    """
    histogram = np.bincount(images.ravel(), minlength=256) / images.size
    return {
        "images": len(images),
        "gray": float(histogram[1:255].sum()),
        "clearly_gray": float(histogram[9:247].sum()),
        "mid_gray": float(histogram[32:224].sum()),
        "covered": float(histogram @ np.arange(256) / 255),
        "empty": int(_are_empty(images).sum()),
    }


def _are_empty(images):
    if images.ndim == 3 or images.shape[-1] == 1:
        return images.reshape(len(images), -1).max(axis=1) < 128
    return (np.ptp(images.reshape(len(images), -1, images.shape[-1]), axis=1) == 0).all(axis=1)


def write_dataset(folder, settings, workers=1, files=False, replace=False, progress=None):
    """Make a data set in a folder; return False if the same one is there whole already, else True.

    Args:
        folder: where to make it. If this fails, what was there stays as it was.
        settings: `Settings`.
        workers: processes; the bytes do not depend on them. With more than one, a script that calls this needs the
            usual `if __name__ == "__main__"`.
        files: leave the image files as well.
        replace: make room where another or a damaged set stands.
        progress: called with the number of images done since its last call.

    Raises:
        ValueError: the folder holds something else, or another process writes there.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    if files and settings.format == "npy":
        raise ValueError("image files were asked for, but format npy makes none: give format png or jpeg")
    if folder.is_symlink():
        raise ValueError(f"{folder} is a symlink, and nothing is written through one: give the folder that it leads to")
    if is_there(folder, settings, files, replace):
        return False
    with partial_folder(folder, settings.files) as (partial, is_ours):
        if is_there(folder, settings, files, replace):  # another process may have made it meanwhile
            return False
        check_place(folder, settings.files if not replace else ())
        record = _write_parts(partial, settings, workers, files, progress)
        save_record(partial / RECORD, record)
        if not is_ours():
            raise ValueError(f"{folder} was replaced while the data set was made: run the command again")
        move_in(partial, folder, settings.files, files)
    return True


def is_there(folder, settings, files, replace):
    """Tell whether this very set is in the folder, whole; refuse what else is there unless it may be replaced."""
    found = [name for name in (*settings.files, FILES) if (folder / name).exists()]
    if not found:
        return False
    try:
        record = read_record(folder)
        there = asdict(settings_of(record, Settings))
        wanted = {name: value for name, value in asdict(settings).items() if name not in settings.found}
        differing = [name for name, value in wanted.items() if there.get(name, settings) != value]
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


def _write_parts(partial, settings, workers, files, progress):
    """Write the arrays, and the image files if asked for; return the record that belongs to them."""
    begin = perf_counter()
    parameters = {split: draw_parameters(settings, split) for split in SPLITS}
    drawn = perf_counter()
    kind = KINDS[settings.kind]
    if files:
        for split in SPLITS:
            (partial / FILES / split).mkdir(parents=True)
    with closing(produce(parameters, settings, workers, partial / FILES if files else None)) as images:
        for split, drawn_ones in parameters.items():
            shape = (len(drawn_ones), *kind.image_shape(settings.size))
            save_chunks(partial / f"{split}.npy", _counted(images, len(drawn_ones), progress), shape, np.uint8)
            path = partial / f"{kind.parameters}_{split}.npy"
            save_chunks(path, [drawn_ones], drawn_ones.shape, np.float64)
    made = perf_counter()
    record = _record(partial, settings, files)
    seconds = {kind.parameters: drawn - begin, "images": made - drawn, "checksums": perf_counter() - made}
    return record | {"workers": workers, "seconds": {k: round(v, 4) for k, v in seconds.items()}}


def _counted(images, count, progress):
    """Yield the next `count` images of an iterator of chunks, which end at the end of a chunk."""
    while count > 0:
        chunk = next(images)
        count -= len(chunk)
        yield chunk
        if progress is not None:
            progress(len(chunk))


def _record(partial, settings, files):
    """Return what dataset.json says, without the seconds."""
    record = {
        "kind": settings.kind,
        "settings": asdict(settings),
        "versions": versions(),
        "files": {name: digest(partial / name) for name in settings.files if name != RECORD},
    }
    if files:
        record["image_files"] = {split: folder_digest(partial / FILES / split) for split in SPLITS}
    return record


def versions():
    """Return the versions of all that shapes the arrays."""
    from PIL import features

    names = {name: version(name) for name in ("triangle-diffusion", "numpy", "pillow")}
    return {"python": sys.version.split()[0], **names, "libjpeg": features.version("jpg")}


def read_record(folder):
    """Read the record of a whole data set.

    Raises:
        FileNotFoundError: there is no whole set.
        ValueError: the record is broken.
    """
    path = Path(folder) / RECORD
    if not path.exists():
        raise FileNotFoundError(
            f"{folder} holds no whole data set ({RECORD} is missing): make it with `triangles generate`"
        )
    record = load_record(path)
    settings, files = record.get("settings"), record.get("files")
    if not isinstance(settings, dict) or not isinstance(files, dict):
        raise ValueError(f"{path} lacks the settings or the files of a data set: make the data set again")
    try:
        names = settings_of(record, Settings).files
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has settings that cannot be ({error}): make the data set again") from error
    if sorted((*files, RECORD)) != sorted(names):
        raise ValueError(f"{path} lists other files than {', '.join(names[:-1])}: make the data set again")
    pictures = record.get("image_files", {})
    if not isinstance(pictures, dict) or not set(pictures) <= set(SPLITS):
        raise ValueError(f"{path} has an image_files entry that names no split: make the data set again")
    return record


def _check_digests(folder, record, found=None):
    """Refuse files that are missing or differ from the record's checksums; found: digests of what was read already."""
    for name, expected in record["files"].items():
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder / name} is missing: make the data set again")
        if (found[name] if found else digest(folder / name)) != expected:
            raise ValueError(f"{folder / name} was changed after it was made (its sha256 differs)")
    for split, expected in record.get("image_files", {}).items():
        if folder_digest(folder / FILES / split) != expected:
            raise ValueError(f"{folder / FILES / split} was changed after it was made (its sha256 differs)")


def read_dataset(folder):
    """Read a data set; check type, shape, range and checksums, these of the very bytes that were read.

    Raises:
        ValueError: not what its record says.
        OSError: missing or unreadable.
    """
    folder = Path(folder)
    record = read_record(folder)
    settings = settings_of(record, Settings)
    arrays, found, shape = {}, {}, image_shape(settings, record)
    for split, count in zip(SPLITS, (settings.count, settings.test_count), strict=True):
        images = load_array(folder / f"{split}.npy", np.uint8, (count, *shape))
        arrays[split], found[f"{split}.npy"] = images
        if KINDS[settings.kind].drawn:
            arrays[f"parameters_{split}"], found[f"{KINDS[settings.kind].parameters}_{split}.npy"] = _read_parameters(
                folder, KINDS[settings.kind], split, count
            )
    _check_digests(folder, record, found)
    return DataSet(**arrays, settings=settings, record=record)


def _read_parameters(folder, kind, split, count):
    path, (least, most) = folder / f"{kind.parameters}_{split}.npy", kind.bounds
    parameters = load_array(path, np.float64, (count, *kind.shape))
    if not ((parameters.values >= least) & (parameters.values <= most)).all():
        raise ValueError(f"{path} leaves the range {least:g}..{most:g}: make the data set again")
    return parameters


def image_shape(settings, record):
    """Return the shape of one image of a set by its settings, and of an imported one by its record too."""
    if KINDS[settings.kind].drawn:
        return settings.image_shape
    if record.get("channels") not in (1, 3):
        raise ValueError("the record of imported pictures names neither 1 nor 3 channels: make the data set again")
    return settings.image_shape(record["channels"])
