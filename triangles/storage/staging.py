"""The folder inside a data set's in which a new one is made, and how its files take their places.

Only files of ours are replaced or removed: those that dataset.json lists, or a ledger, `.files.json`. That lists every
name before a file first has it, so that what a kill left is known as ours too.
"""

import os
import re
from contextlib import contextmanager
from pathlib import Path

from triangles.pixels.codec import FILE_ENDINGS
from triangles.rendering import SPLITS
from triangles.settings import RECORD
from triangles.storage.files import check_folder, digest, load_record, lock, save_record, sync_folder

__all__ = ["FILES", "check_place", "move_in", "partial_folder"]

FILES = "files"
PARTIAL = ".partial"
LOCK = "lock"
LEDGER = ".files.json"
STAGED = "ledger.json"  # the ledger of the folder around it, before it takes its place
PICTURE = re.compile(rf"\d{{5,}}\.({'|'.join(FILE_ENDINGS.values())})")
PICTURES = tuple(f"{FILES}/{split}" for split in SPLITS)


@contextmanager
def partial_folder(folder, names):
    """Yield a folder inside `folder` that only we write to, and what tells whether it still is that one.

    It is removed at the end whatever happens. After a kill it stays behind, and the next call clears it: the lock of a
    dead process does not hold. names: of the files that will be made in it, besides image files.

    Raises:
        ValueError: another process writes there, or something there is not ours.
    """
    made, partial = not folder.exists(), folder / PARTIAL
    check_folder(partial)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        with lock(partial / LOCK) as is_ours:
            try:
                _clear(partial)
                save_record(partial / LEDGER, {"files": sorted([*names, FILES, STAGED])})
                yield partial, is_ours
            except OSError as error:
                error.filename = error.filename or str(folder)
                raise
            finally:
                if is_ours():
                    _clear(partial)
                    (partial / LOCK).unlink()
                    _remove_empty(partial)
                    if made:
                        _remove_empty(folder)
    except BlockingIOError as error:
        raise ValueError(f"{folder} is being written by another process: wait, or give another folder") from error


def _clear(partial):
    """Remove what a data set's making left in its folder, by its ledger there.

    Raises:
        ValueError: something else is there.
    """
    known = _made_in(partial)
    if FILES in known:
        for pictures in PICTURES:
            _clear_pictures(partial / pictures)
        _remove_empty(partial / FILES)
    for name in sorted(known - {LEDGER}):
        if os.path.lexists(partial / name) and not (partial / name).is_dir():
            (partial / name).unlink()
    if strange := sorted(path.name for path in partial.iterdir() if path.name not in (LOCK, LEDGER)):
        raise ValueError(f"{partial / strange[0]} is not ours, and stands where data sets are made: move it away")
    (partial / LEDGER).unlink(missing_ok=True)


def _clear_pictures(folder):
    """Remove numbered image files, and their folder if nothing else is in it.

    Raises:
        ValueError: the folder is a symlink or a mount.
    """
    check_folder(folder.parent)
    check_folder(folder)
    if folder.exists():
        for path in folder.iterdir():
            if PICTURE.fullmatch(path.name) and not path.is_dir():
                path.unlink()
        _remove_empty(folder)


def _remove_empty(folder):
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def check_place(folder, names):
    """Check that nothing that is not ours stands where a data set's files go.

    Raises:
        ValueError: a file that no record of ours lists, a strange file among the images, a symlink or a mount.
    """
    check_folder(folder / PARTIAL)
    taken = [name for name in names if os.path.lexists(folder / name)]
    if strange := sorted(set(taken) - _made_in(folder)):
        raise _not_ours(folder / strange[0])
    for pictures in (FILES, *PICTURES):
        check_folder(folder / pictures)
    for path in (
        path for pictures in PICTURES if (folder / pictures).exists() for path in (folder / pictures).iterdir()
    ):
        if not PICTURE.fullmatch(path.name) or path.is_dir():
            raise _not_ours(path)


def _not_ours(path):
    return ValueError(
        f"{path} is in no record of ours, so it is not ours to replace: move it away, or give another folder"
    )


def _made_in(folder):
    """Return the names in a folder that its records list as ours."""
    names = set()
    for record in (RECORD, LEDGER):
        try:
            files = load_record(folder / record).get("files")
        except (ValueError, OSError):
            continue
        names |= {record, *map(str, files)} if isinstance(files, dict | list) else set()
    return {name for name in names if name == Path(name).name}


def move_in(partial, folder, names, files):
    """Rename everything into place, the record last; without it the folder counts as unfinished.

    Raises:
        ValueError: something that is not ours stands in the way.
    """
    known = _made_in(folder)
    same = [name for name in names if (folder / name).is_file() and digest(folder / name) == digest(partial / name)]
    check_place(folder, [name for name in names if name not in same])
    save_record(partial / STAGED, {"files": sorted({*known, *names} - {LEDGER})})
    os.replace(partial / STAGED, folder / LEDGER)
    (folder / RECORD).unlink(missing_ok=True)
    for name in known - {*names, LEDGER}:  # parameters under another kind's name
        if not (folder / name).is_dir():
            (folder / name).unlink(missing_ok=True)
    for pictures in PICTURES:
        _clear_pictures(folder / pictures)
    if files:
        os.sync()  # thousands of small files, at once
        (folder / FILES).mkdir(exist_ok=True)
    for name in (*(PICTURES if files else ()), *names[:-1]):
        os.replace(partial / name, folder / name)
    sync_folder(folder)
    os.replace(partial / names[-1], folder / names[-1])
    sync_folder(folder)
