"""Reading what is checked and writing what is whole: image arrays, JSON, atomic replacement."""

import contextlib
import glob
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it doesn't.

    A path that is such a temporary one already is given as it is: what a kill left between the two, nobody would sweep.

    Raises:
        OSError: naming `path`, whatever call failed.
    """
    path = Path(path)
    if path.name.startswith(".") and path.name.endswith(f".{os.getpid()}.partial"):
        with _named(path, path):
            yield path
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _named(path, partial):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_left_over(path)
            yield partial
            _settle(partial)
            os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextlib.contextmanager
def _named(path: Path, partial: Path) -> Iterator[None]:
    """An OSError of the block that names no file, or the partial one, names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(partial)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _settle(path: Path) -> None:
    """Have the bytes on the disk before the name is: some file systems report a full disk only now."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _remove_left_over(path: Path) -> None:
    """Remove the temporary files of `path` whose process was killed."""
    for old in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        process = old.name.split(".")[-2]
        if process.isdecimal() and not _alive(int(process)):
            old.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: dict) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_array(path: Path, array: np.ndarray) -> None:
    """The bytes of `numpy.save` in C order, which itself does not say of a full disk that it is one."""
    array = np.asarray(array, order="C")
    with replacing(path) as partial, partial.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
        stream.write(array.data)


def read_json(path: Path) -> dict:
    """The JSON object at `path`.

    Raises:
        ValueError: not JSON, or not an object.
        OSError: missing or unreadable.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}): make it again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object: make it again")
    return content


def read_array(path: Path) -> np.ndarray:
    """The array at `path`, mapped first so that a header that lies about its size allocates nothing.

    Raises:
        ValueError: not a whole .npy file of plain numbers.
        OSError: missing or unreadable.
    """
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: make it first, or check the path") from None
    except OSError:
        raise
    except Exception as error:  # numpy's header parser fails in many ways on bytes that are no header
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a whole array of numbers ({reason}): make it again") from None
    if mapped.dtype.kind not in "biuf":
        raise ValueError(f"{path} holds {mapped.dtype}, not plain numbers: make it again")
    if mapped.offset + mapped.nbytes != Path(path).stat().st_size:
        raise ValueError(f"{path} goes on after the end of its array: make it again")
    return np.array(mapped)


def read_images(path: Path) -> np.ndarray:
    """uint8 images at `path`, (N, H, W) or (N, H, W, C) with C = 1 or 3, as (N, C, H, W).

    Where a `dataset.json` beside it lists a sha256 for the file, the checksum is verified.

    Raises:
        ValueError: wrong type or shape, no images, or a checksum that does not match.
        OSError: missing or unreadable.
    """
    path = Path(path)
    images = read_array(path)
    verify_checksum(path)
    return as_images(images, str(path))


def as_images(images: np.ndarray, where: str = "images") -> np.ndarray:
    """uint8 (N, H, W) or (N, H, W, C) -> (N, C, H, W); ValueError for anything else."""
    if images.dtype != np.uint8:
        raise ValueError(f"{where}: images must be uint8 (0 ... 255), not {images.dtype}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"{where}: images must have shape (N, H, W) or (N, H, W, 1 or 3), not {images.shape}")
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def verify_checksum(path: Path, manifest: str = "dataset.json") -> None:
    """Compare a file with the sha256 that the `manifest` beside it lists, if there is one.

    Raises:
        ValueError: the file is another one than was made, or the manifest is broken.
    """
    record = path.with_name(manifest)
    if not record.exists():
        return
    expected = listed(read_json(record), path.name)
    if expected is not None and expected != sha256(path):
        raise ValueError(f"{path} was changed after it was made (its sha256 differs from {manifest}): make it again")


def listed(record: dict, file: str) -> str | None:
    """The sha256 that a record lists of a file, if it does."""
    files = record.get("files")
    return files.get(file) if isinstance(files, dict) else None


def sha256(path: Path) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
