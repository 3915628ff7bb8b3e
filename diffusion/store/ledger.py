"""Which files in a folder are ours: those that a record of ours lists. Others are never replaced, and never deleted.

A folder's ledger, `.files.json`, lists every name before it is first written there, so that what a kill left is known
as ours too. Folders that older versions filled have none: there the records beside the files say what is ours.
"""

import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from diffusion.store.files import beside, read_json, write_json
from diffusion.store.names import CHECKPOINT, DIVERGED, LOSSES, MODEL, RUN, STARTED
from diffusion.store.opening import open_regular

__all__ = ["LEDGER", "OF_A_RUN", "announce", "check_ours", "claim", "made_in", "remove"]

LEDGER = ".files.json"
DIGEST = re.compile(r"[0-9a-f]{64}")
UNFINISHED = "unfinished"  # in the place of a digest, until the file is written
LARGEST_HEADER = 16 * 2**20  # bytes
OF_A_RUN = (RUN, LOSSES, MODEL, CHECKPOINT, STARTED, DIVERGED)


def made_in(folder: Path) -> set[str]:
    """Return the names in a folder that its records list as ours."""
    names = _announced(folder)
    if any(isinstance(_content(folder / name).get("settings"), dict) for name in (RUN, STARTED)):
        names |= set(OF_A_RUN)
    names |= {name for name in (MODEL, CHECKPOINT) if _tells_settings(folder / name)}
    for path in folder.glob("*.json"):
        if files := _vouched(_content(path)):
            names |= {path.name, *files}
    return {name for name in names if name == os.path.basename(name) and name not in ("", ".", "..")}


def _announced(folder: Path) -> set[str]:
    """Return the names that a folder's ledger lists."""
    names = _content(folder / LEDGER).get("files")
    return {str(name) for name in names} if isinstance(names, list) else set()


def _content(path: Path) -> dict:
    """Return what a JSON file says; nothing where it is none."""
    try:
        return read_json(path)
    except (ValueError, OSError):
        return {}


def _vouched(record: dict) -> dict[str, str]:
    """Return the files that a record of what a run's model made vouches for; none where it is no such record."""
    files = record.get("files")
    told = [record.get("model"), *(files.values() if isinstance(files, dict) else [None])]
    return files if all(isinstance(one, str) and DIGEST.fullmatch(one) for one in told) else {}


def _tells_settings(path: Path) -> bool:
    """Return whether a file is one of our safetensors files, which tell the settings behind them."""
    try:
        with open_regular(path) as stream:
            header = json.loads(stream.read(min(int.from_bytes(stream.read(8), "little"), LARGEST_HEADER)))
        return "settings" in header["__metadata__"]
    except (ValueError, OSError, KeyError, TypeError, RecursionError):
        return False


def check_ours(folder: Path, names: Iterable[str]) -> None:
    """Check that each of these names is free in a folder, or a file of ours.

    Raises:
        ValueError: a file of that name is in none of our records.
    """
    taken = sorted(name for name in set(names) if os.path.lexists(folder / name))
    strange = sorted(set(taken) - made_in(folder)) if taken else []
    if strange:
        raise _not_ours(folder / strange[0])


def _not_ours(path: Path) -> ValueError:
    return ValueError(
        f"{path} is in no record of ours, so it is not ours to replace: move it away, or choose another folder or name"
    )


def announce(folder: Path, names: Iterable[str]) -> None:
    """Check that names are ours to write in a locked folder, and list them before they are written.

    Raises:
        ValueError: a file of that name is in none of our records.
    """
    names = set(names)
    check_ours(folder, names)
    known = _announced(folder)
    if not names <= known:
        write_json(folder / LEDGER, {"files": sorted(known | names)})


def claim(paths: Iterable[Path]) -> None:
    """Check that files which `vouch` will list together are ours to write, and begin their record where there is none.

    They are where that record stands, in whatever state, or the folder's ledger lists them. Files that several
    processes write side by side in a folder have records of their own, so no lock is needed.

    Raises:
        ValueError: a file of one of these names is in no record of ours.
    """
    first, *others = paths
    record = first.with_name(beside(first))
    if os.path.lexists(record):
        return
    taken = [path for path in (first, *others) if os.path.lexists(path)]
    if taken and (strange := [path for path in taken if path.name not in made_in(path.parent)]):
        raise _not_ours(strange[0])
    write_json(record, {"files": {path.name: UNFINISHED for path in (first, *others)}})


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files of ours from a folder; a link of that name goes, and not where it leads, and folders stay."""
    for name in sorted(names):
        path = folder / name
        if os.path.lexists(path) and not stat.S_ISDIR(os.lstat(path).st_mode):
            path.unlink(missing_ok=True)
