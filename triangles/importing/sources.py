"""Where pictures come from: a folder, a zip file or an array. Each lists them in one order and reads one at a time.

A source has `names`, in the order in which pictures are numbered, `left_out`, {what: how many}, and `read(number)`,
which gives a picture's bytes, or its pixels. Only regular files are read; links out of a folder are not followed.
"""

import os
import stat
from collections import Counter
from pathlib import Path
from zipfile import BadZipFile, ZipFile
from zlib import error as DeflateError

import numpy as np

from triangles.storage.files import open_regular

__all__ = ["ENDINGS", "ArraySource", "FolderSource", "ZipSource", "open_source", "open_source_of"]

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
LARGEST_FILE = 2**28  # bytes of one picture's file
HIDDEN = ("__MACOSX", "Thumbs.db", "desktop.ini")


def open_source(path, values=None, channels=None):
    """Open a source of pictures, by what the path is.

    Args:
        path: folder, .zip, .npy or .npz file.
        values, channels: of arrays, see `triangles.imported.Imported`.

    Raises:
        ValueError: neither of these, or one that cannot be read.
        OSError: missing or unreadable.
    """
    path = Path(path)
    about = os.stat(path)
    if stat.S_ISDIR(about.st_mode):
        source = FolderSource(path)
    elif path.suffix.lower() == ".zip":
        source = ZipSource(path)
    elif path.suffix.lower() in (".npy", ".npz"):
        return ArraySource(path, values, channels)
    else:
        raise ValueError(f"{path} is no folder, .zip, .npy or .npz file: put pictures into a folder, and give that")
    for name, given in (("values", values), ("channels", channels)):
        if given is not None:
            raise ValueError(f"{name} is {given!r}, but only arrays need it: leave it out")
    return source


def open_source_of(settings):
    """Open the source that `triangles.imported.Imported` settings name."""
    return open_source(settings.source, settings.values, settings.channels)


def _is_hidden(name):
    return any(part.startswith(".") or part in HIDDEN for part in name.replace("\\", "/").split("/"))


class FolderSource:
    """Pictures in a folder and its subfolders, in the order of their names' bytes."""

    def __init__(self, path):
        self.path, self.left_out, found = Path(path), Counter(), []
        inside = os.path.realpath(path) + os.sep
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            for name in names:
                whole = os.path.join(folder, name)
                if _is_hidden(name):
                    continue
                if not name.lower().endswith(ENDINGS):
                    self.left_out["files that are no pictures"] += 1
                elif not os.path.realpath(whole).startswith(inside):
                    self.left_out["links out of the folder"] += 1
                else:
                    found.append(os.path.relpath(whole, path))
        self.names = sorted(found, key=os.fsencode)

    @property
    def files(self):
        return [self.path / name for name in self.names]

    def read(self, number):
        """Return a file's bytes."""
        with open_regular(self.path / self.names[number]) as file:
            return _bounded(file.read(LARGEST_FILE + 1))


class ZipSource:
    """Pictures in a zip file, in the order of their names; nothing is unpacked to the disk."""

    def __init__(self, path):
        self.path, self.left_out, self.names = Path(path), Counter(), []
        try:
            with ZipFile(self.path) as archive:
                found = [info.filename for info in archive.infolist() if not info.is_dir()]
        except (BadZipFile, NotImplementedError, EOFError) as error:
            raise ValueError(f"{path} is no whole zip file ({error}): pack it again") from None
        for name in sorted(name for name in found if not _is_hidden(name)):
            if name.lower().endswith(ENDINGS):
                self.names.append(name)
            else:
                self.left_out["files that are no pictures"] += 1

    @property
    def files(self):
        return [self.path]

    def read(self, number):
        """Return a member's bytes.

        Raises:
            ValueError: it is broken, locked by a password, or too large.
        """
        try:
            with ZipFile(self.path) as archive, archive.open(self.names[number]) as member:
                return _bounded(member.read(LARGEST_FILE + 1))
        except (BadZipFile, NotImplementedError, RuntimeError, EOFError, DeflateError) as error:
            raise ValueError(str(error)) from None


def _bounded(data):
    if len(data) > LARGEST_FILE:
        raise ValueError(f"over {LARGEST_FILE >> 20} MiB")
    return data


class ArraySource:
    """Pictures in an array: uint8, bool or uint16, or floating if `values` tells what they span."""

    def __init__(self, path, values=None, channels=None):
        self.path, self.left_out = Path(path), Counter()
        array = self._load()
        where = str(path)
        self.array = _channels_last(array, channels, where)
        self.span = _find_span(array, values, where)
        self.names = [f"picture {i}" for i in range(len(array))]

    @property
    def files(self):
        return [self.path]

    def _load(self):
        with open_regular(self.path):
            pass  # no pipe, no device
        try:
            loaded = np.load(self.path, mmap_mode="r", allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            with loaded:
                if len(loaded.files) != 1:
                    held = ", ".join(map(ascii, loaded.files[:8])) or "nothing"
                    raise ValueError(f"it holds {held}; one array is needed: save that alone")
                return loaded[loaded.files[0]]
        except OSError:
            raise
        except Exception as error:  # numpy fails in many ways on bytes that are no array
            reason = (str(error) or type(error).__name__).splitlines()[0][:160]
            raise ValueError(f"{self.path} is no array that can be read: {reason}") from None

    def read(self, number):
        """Return one picture's pixels: uint8 (H, W) or (H, W, channels).

        Raises:
            ValueError: values that are not in the range, or not finite.
        """
        pixels, (low, high) = np.asarray(self.array[number]), self.span
        if np.issubdtype(pixels.dtype, np.floating):
            if not np.isfinite(pixels).all():
                raise ValueError("holds NaN or infinity")
            if pixels.min(initial=low) < low or pixels.max(initial=high) > high:
                raise ValueError(f"spans {pixels.min():.3g} to {pixels.max():.3g}, and not {low:g} to {high:g}")
        if pixels.dtype == np.uint8:
            return pixels
        return np.rint((pixels.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)


def _find_span(array, values, where):
    """Return what pixels of an array lie between, (least, most)."""
    from triangles.imported import VALUES

    whole = {np.dtype(np.uint8): (0, 255), np.dtype(np.bool_): (0, 1), np.dtype(np.uint16): (0, 65535)}
    if array.dtype in whole:
        if values is not None:
            raise ValueError(f"{where} holds {array.dtype}, whose range is known: leave values out")
        return whole[array.dtype]
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{where} holds {array.dtype}, but uint8, uint16, bool or floating is needed: convert it")
    if values is None:
        raise ValueError(f"{where} holds {array.dtype}: say what its values span, --values=0..1 or --values=-1..1")
    return VALUES[values]


def _channels_last(array, channels, where):
    """Return pictures (N, H, W) or (N, H, W, 1, 3 or 4) of an array in either order."""
    shape = array.shape
    if 0 in shape:
        raise ValueError(f"{where} has shape {shape}, which holds no pixels")
    if array.ndim == 2 or (array.ndim == 3 and shape[2] in (3, 4) and shape[1] > 4):
        raise ValueError(f"{where} has shape {shape}, that of one picture: stack many to (N, H, W) or (N, H, W, 3)")
    if array.ndim == 3:
        return array
    if array.ndim != 4:
        raise ValueError(f"{where} has shape {shape}, but (N, H, W), (N, H, W, C) or (N, C, H, W) is needed")
    last, first = shape[3] in (1, 3, 4), shape[1] in (1, 3, 4)
    if last and first and channels is None:
        raise ValueError(f"{where} has shape {shape}: say where its colours are, --channels=first or --channels=last")
    if (channels == "first" and not first) or (channels == "last" and not last) or not (first or last):
        raise ValueError(f"{where} has shape {shape}, but 1, 3 or 4 channels are needed where colours are")
    if channels == "first" or (channels is None and first):
        return np.moveaxis(array, 1, -1)
    return array
