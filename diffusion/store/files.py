"""Write what is whole and read what is checked: image arrays, JSON, text; and compare files with recorded digests."""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from diffusion.store.opening import digest_of, open_regular, read_whole, sha256
from diffusion.store.surroundings.memory import check_fits
from diffusion.store.temporaries import replacing

__all__ = [
    "CHECKSUM",
    "Loaded",
    "as_images",
    "beside",
    "check_digest",
    "is_whole",
    "listed",
    "load_array",
    "load_images",
    "read_array",
    "read_images",
    "read_json",
    "replacing",
    "sha256",
    "verify_checksum",
    "vouch",
    "write_array",
    "write_json",
    "write_text",
]

LARGEST_RECORD = 16 * 2**20  # bytes
FOREIGN, ANNOUNCED = "dataset.json", ".files.json"  # a name that others use too; what only we write beside it
VOUCHING = ("dataset.json", "run.json", ".measures.json")  # records of several files, besides each file's own
CHECKSUM = "checksum"  # key of a record's digest of all else in it; records of older versions have none
LARGEST_HEADER = 2**16  # bytes of an array's header; NumPy's own takes 128


def write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: dict) -> None:
    """Write a JSON object with a digest of its content, by which `read_json` knows whether it was changed."""
    sealed = content | {CHECKSUM: _checksum(json.loads(json.dumps(content)))}
    write_text(path, json.dumps(sealed, indent=2, ensure_ascii=False) + "\n")


def _checksum(content: dict) -> str:
    """Return a digest of what a JSON object says, however it is spelled; `triangles` takes the same of its records."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_array(path: Path, array: np.ndarray) -> None:
    """The bytes of `numpy.save` in C order, which itself does not say of a full disk that it is one."""
    array = np.asarray(array, order="C")
    with replacing(path) as partial, partial.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
        stream.write(array.data)


def read_json(path: Path) -> dict:
    """Read the JSON object at `path`, without its checksum.

    Raises:
        ValueError: not JSON, not an object, another one than was written, not a regular file, or too large.
        OSError: missing or unreadable.
    """
    content = read_whole(path, LARGEST_RECORD)
    try:
        content = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}): make it again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object: make it again")
    if CHECKSUM in content and content.pop(CHECKSUM) != _checksum(content):
        raise ValueError(f"{path} was changed after it was made (its checksum differs): make it again")
    return content


class Loaded(NamedTuple):
    """An array, and the digest of the very bytes that it was read from."""

    values: np.ndarray
    sha256: str


def load_array(path: Path) -> Loaded:
    """Read a .npy file once: its array, and the sha256 of what was read. A header that lies allocates nothing.

    Raises:
        ValueError: not a whole .npy file of plain numbers.
        OSError: missing or unreadable.
    """
    try:
        with open_regular(path) as stream:
            return _load(path, stream, os.fstat(stream.fileno()).st_size)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: make it first, or check the path") from None


def _load(path: Path, stream, size: int) -> Loaded:
    shape, in_columns, dtype = _header(path, stream)
    head = stream.tell()
    whole = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if head + whole > size:
        raise ValueError(
            f"{path} is not a whole array of numbers (cut short: {size} of {head + whole} bytes): make it again"
        )
    if head + whole < size:
        raise ValueError(f"{path} goes on after the end of its array: make it again")
    check_fits(path, whole)
    values = np.empty(shape, dtype, order="F" if in_columns else "C")
    flat = values.reshape(-1, order="A").view(np.uint8)
    if stream.readinto(flat.data) != whole or stream.read(1):
        raise ValueError(f"{path} changed while it was read: wait until it is made, and try again")
    stream.seek(0)
    total = hashlib.sha256(stream.read(head))
    total.update(flat.data)
    return Loaded(values, total.hexdigest())


def _header(path: Path, stream) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of a .npy file: (shape, whether in Fortran's order, type); ValueError for any other bytes."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
        shape, in_columns, dtype = readers[version](stream, max_header_size=LARGEST_HEADER)
        if any(side < 0 for side in shape) or len(shape) > 8:
            raise ValueError(f"shape {str(shape)[:80]}")
    except OSError:
        raise
    except Exception as error:  # numpy's header parser fails in many ways on bytes that are no header
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a whole array of numbers ({reason}): make it again") from None
    if dtype.kind not in "biuf":
        raise ValueError(f"{path} holds {dtype}, not plain numbers: make it again")
    return shape, in_columns, dtype


def read_array(path: Path) -> np.ndarray:
    """Read the array at `path`, see `load_array`."""
    return load_array(path).values


def read_images(path: Path) -> np.ndarray:
    """Read uint8 images, (N, H, W) or (N, H, W, C) with C = 1 or 3, as (N, C, H, W), see `load_images`."""
    return load_images(path).values


def load_images(path: Path) -> Loaded:
    """Read uint8 images, (N, H, W) or (N, H, W, C) with C = 1 or 3, as (N, C, H, W), with their file's digest.

    Where a `dataset.json` beside it lists a sha256 for the file, that of the bytes that were read is compared.

    Raises:
        ValueError: wrong type or shape, no images, or a checksum that does not match.
        OSError: missing or unreadable.
    """
    path = Path(path)
    found = load_array(path)
    check_digest(path, found.sha256)
    return Loaded(as_images(found.values, str(path)), found.sha256)


def as_images(images: np.ndarray, where: str = "images") -> np.ndarray:
    """uint8 (N, H, W) or (N, H, W, C) -> a copy (N, C, H, W), which shares no memory; ValueError for anything else."""
    if images.dtype != np.uint8:
        raise ValueError(f"{where}: images must be uint8 (0 ... 255), not {images.dtype}")
    if images.ndim == 3 and images.shape[2] in (3, 4) and images.shape[1] > 4:
        raise ValueError(
            f"{where}: shape {images.shape} is that of one picture with {images.shape[2]} channels, not of many gray "
            f"ones: stack pictures to (N, H, W) or (N, H, W, 3)"
        )
    if images.ndim == 4 and images.shape[-1] == 4:
        raise ValueError(f"{where}: shape {images.shape} has a fourth channel, for transparency: leave it out")
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[-1] not in (1, 3):
        raise ValueError(f"{where}: shape {images.shape} has its channels first: move them to the end, (N, H, W, C)")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"{where}: images must have shape (N, H, W) or (N, H, W, 1 or 3), not {images.shape}")
    return np.array(images.transpose(0, 3, 1, 2), order="C")


def verify_checksum(path: Path, manifest: str = "dataset.json") -> None:
    """Compare a file with the sha256 that the `manifest` beside it lists, if there is one, see `check_digest`."""
    if os.path.lexists(path.with_name(manifest)):
        check_digest(path, sha256(path), manifest)


def check_digest(path: Path, found: str, manifest: str = "dataset.json") -> None:
    """Compare the digest of what was read from a file with the one that the `manifest` beside it lists, if any.

    Raises:
        ValueError: the file is another one than was made, or the manifest is broken.
    """
    record = path.with_name(manifest)
    if not os.path.lexists(record) or _is_foreign(record):
        return
    expected = listed(read_json(record), path.name, str(record))
    if expected is not None and expected != found:
        raise ValueError(f"{path} was changed after it was made (its sha256 differs from {manifest}): make it again")


def _is_foreign(record: Path) -> bool:
    """Return whether a dataset.json is JSON, but no object: another program's, in a folder that none of ours made."""
    if record.name != FOREIGN or record.with_name(ANNOUNCED).exists():
        return False
    try:
        return not isinstance(json.loads(read_whole(record, LARGEST_RECORD).decode("utf-8")), dict)
    except (ValueError, RecursionError):
        return False


def listed(record: dict, file: str, where: str = "the record") -> str | None:
    """Return the sha256 that a record lists of a file, None where it lists none.

    Raises:
        ValueError: its `files` are no names with digests.
    """
    files = record.get("files", {})
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise ValueError(f"{where} lists files that are no names with digests: make it again")
    return files.get(file)


def beside(path: Path) -> str:
    """Return the name of the record that vouches for a file which has none of its own: `.cells.json` of cells.csv."""
    return f".{path.stem}.json"


def is_whole(path: Path) -> bool:
    """Return whether a file is what the records beside it say that was made; one that none of them lists is.

    A broken record vouches for nothing, so neither it nor what it should list is whole.
    """
    if path.suffix == ".json" and path.exists() and not _is_record(path):
        return False
    for name in {beside(path), f"{path.stem}.json", *VOUCHING} - {path.name}:
        record = path.with_name(name)
        if os.path.lexists(record):
            try:
                expected = listed(read_json(record), path.name)
            except (ValueError, OSError):
                return False
            if expected not in (None, digest_of(path)):
                return False
    return True


def _is_record(path: Path) -> bool:
    try:
        read_json(path)
    except (ValueError, OSError):
        return False
    return True


def vouch(paths: Iterable[Path]) -> None:
    """Record the digests of files that were just written together, last, in the record `beside` the first of them."""
    first, *others = paths
    write_json(first.with_name(beside(first)), {"files": {path.name: sha256(path) for path in (first, *others)}})
