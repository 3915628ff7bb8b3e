"""Read tables without trust, one checked reader a kind of file: CSV, packed or not, and NumPy's .npz of columns."""

import io
import lzma
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from diffusion.store.opening import LARGEST_TEXT, Whole, read_whole

__all__ = ["read_columns", "read_csv"]

LARGEST_COLUMNS = 256 * 2**20  # bytes, unpacked: thousands of times what a run's samples need
BROKEN = (ValueError, EOFError, KeyError, TypeError, MemoryError, NotImplementedError, BadZipFile, zlib.error)


def read_csv(path: Path, mend: str, columns=(), numbers=(), **how):
    """Read a CSV table in which these columns stand.

    Args:
        path: of the file; unpacked if its name ends in .xz.
        mend: what to do about a broken one, in words.
        columns: names that must be there.
        numbers: those of them that hold numbers only.
        how: more for `pandas.read_csv`.

    Returns:
        A DataFrame; its `attrs["sha256"]` is the digest of the bytes that were read.

    Raises:
        ValueError: no whole table, a column is missing, or holds other things than numbers.
        OSError: missing or unreadable.
    """
    import pandas as pd

    content = read_whole(path)
    try:
        plain = _unpack(content) if path.suffix == ".xz" else content
        frame = pd.read_csv(io.BytesIO(plain), **how)
    except (ValueError, OverflowError, MemoryError, RecursionError, lzma.LZMAError) as error:
        raise ValueError(f"{path} is not a table ({_line(error)}): {mend}") from None
    if missing := [name for name in columns if name not in frame]:
        raise ValueError(f"{path} has no column {missing[0]!r}: {mend}")
    if wrong := [name for name in numbers if not pd.api.types.is_numeric_dtype(frame[name])]:
        raise ValueError(f"{path} holds other things than numbers in column {wrong[0]!r}: {mend}")
    frame.attrs["sha256"] = content.sha256
    return frame


def read_columns(path: Path, mend: str, columns=()):
    """Read an .npz file whose members are columns of numbers of one length; arguments and result as of `read_csv`.

    Raises:
        ValueError: not whole, more than 256 MiB, not columns of numbers, or without one of `columns`.
        OSError: missing or unreadable.
    """
    import pandas as pd

    content = read_whole(path, LARGEST_COLUMNS)
    try:
        table = pd.DataFrame(_unpacked(content))
        if not all(pd.api.types.is_numeric_dtype(table[name]) for name in table):
            raise ValueError("other things than numbers")
    except BROKEN as error:
        raise ValueError(f"{path} is not a whole table of measures ({_line(error)}): {mend}") from None
    if missing := [name for name in columns if name not in table]:
        raise ValueError(f"{path} has no column {missing[0]!r}, made by another version: {mend}")
    table.attrs["sha256"] = content.sha256
    return table


def _unpack(content: bytes) -> bytes:
    """Return what was packed; ValueError where its end is missing or something stands after it."""
    unpacker = lzma.LZMADecompressor()
    plain = unpacker.decompress(content, max_length=LARGEST_TEXT)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"cut short, goes on after its end, or over {LARGEST_TEXT >> 20} MiB")
    return plain


def _unpacked(content: Whole) -> dict[str, np.ndarray]:
    """Return the members of an archive that is nothing but an archive."""
    with ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_COLUMNS:
            raise ValueError(f"over {LARGEST_COLUMNS >> 20} MiB")
        if archive.testzip() is not None or not _ends(content, archive):
            raise ValueError("damaged, or something stands before or after it")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _ends(content: Whole, archive: ZipFile) -> bool:
    """Return whether an archive fills its file; zip readers skip what stands before it or after it."""
    first = min((member.header_offset for member in archive.infolist()), default=0)
    return first == 0 and content[-22:-18] == b"PK\x05\x06" and content[-2:] == b"\0\0"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
