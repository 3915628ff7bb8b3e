"""Write the arrays and the record of a data set in order, and read them without trust."""

import hashlib
import json
from pathlib import Path

import numpy as np

__all__ = ["digest", "folder_digest", "load_array", "load_record", "save_chunks", "save_record"]

LARGEST_RECORD = 1_000_000  # bytes


def save_chunks(path, chunks, shape, dtype):
    """Write `chunks`, consecutive parts of an array of `shape` along its first axis, as one .npy file.

    Written front to back, and not through a memory map, where a full disk would kill the process instead of
    raising OSError. The bytes are those of `numpy.save`.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).data)


def load_array(path, dtype, shape):
    """Read the array in a .npy file.

    Raises:
        ValueError: no whole array of this type and shape.
        OSError: missing or unreadable.
    """
    mend = "make the data set again with `triangles generate --replace`"
    try:
        # A map is refused where the file is shorter than its header claims, before any memory is taken.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as error:  # numpy's header parser fails in many ways on bytes that are no header
        raise ValueError(f"{path} is no whole .npy array ({_first_line(error)}): {mend}") from error
    if (mapped.dtype, mapped.shape) != (np.dtype(dtype), shape):
        needed = f"{np.dtype(dtype)} {shape}"
        raise ValueError(f"{path} holds {mapped.dtype} {mapped.shape}, but {needed} is needed: {mend}")
    if mapped.offset + mapped.nbytes != path.stat().st_size:
        raise ValueError(f"{path} goes on after the end of its array: {mend}")
    return np.array(mapped)


def _first_line(error):
    return (str(error) or type(error).__name__).splitlines()[0][:120]


def digest(path):
    """Return the sha256 of a file as a hexadecimal string."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder):
    """Count a folder's files and take the sha256 over their names and contents, in the order of the names."""
    total = hashlib.sha256()
    paths = sorted(Path(folder).iterdir())
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return {"count": len(paths), "sha256": total.hexdigest()}


def save_record(path, record):
    """Write a dictionary as indented JSON."""
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_record(path):
    """Read the dictionary in a JSON file.

    Raises:
        ValueError: it holds none, or more than a data set's record would.
        OSError: missing or unreadable.
    """
    if path.stat().st_size > LARGEST_RECORD:
        raise ValueError(f"{path} is too large for a data set's record: make the data set again")
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON ({_first_line(error)}): make the data set again") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} holds no JSON object: make the data set again")
    return record


def _no_constant(name):
    raise ValueError(f"{name} is no JSON number")
