"""Reading what is checked and writing what is whole: image arrays, JSON, atomic replacement."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it doesn't."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: dict) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_array(path: Path, array: np.ndarray) -> None:
    with replacing(path) as partial, partial.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


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
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: make it first, or check the path") from None
    except (
        ValueError,
        EOFError,
        SyntaxError,
        TypeError,
        OverflowError,
        AttributeError,
        RecursionError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a whole array of numbers ({reason}): make it again") from None


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


def verify_checksum(path: Path) -> None:
    """Compare the file with the sha256 that the dataset.json beside it lists, if there is one."""
    manifest = path.with_name("dataset.json")
    if not manifest.exists():
        return
    expected = read_json(manifest).get("files", {})
    expected = expected.get(path.name) if isinstance(expected, dict) else None
    if expected is not None and expected != sha256(path):
        raise ValueError(f"{path} was changed after it was made (its sha256 differs from dataset.json): make it again")


def sha256(path: Path) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
