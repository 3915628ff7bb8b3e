"""Which files in a folder are ours: those that a record of ours lists. Others are never replaced, and never deleted.

A folder's ledger, `.files.json`, lists every name before it is first written there, so that what a kill left is known
as ours too. Folders that older versions filled have none: there the records beside the files say what is ours.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from diffusion.store.files import read_json, write_json
from diffusion.store.names import CHECKPOINT, DIVERGED, LOSSES, MODEL, RUN, STARTED

__all__ = ["LEDGER", "announce", "check_ours", "made_in", "remove"]

LEDGER = ".files.json"
OF_A_RUN = (RUN, LOSSES, MODEL, CHECKPOINT, STARTED, DIVERGED)


def made_in(folder: Path) -> set[str]:
    """Return the names in a folder that its records list as ours."""
    names = set(_listed(folder / LEDGER))
    if any(_is_record(folder / name) for name in (RUN, STARTED)):
        names |= set(OF_A_RUN)
    for path in folder.glob("*.json"):
        if listed := _listed(path):
            names |= {path.name, *listed}
    return {name for name in names if name == os.path.basename(name) and name not in ("", ".", "..")}


def _listed(record: Path) -> list[str]:
    """Return the names that a record of ours lists; none where the file is no such record."""
    try:
        files = read_json(record).get("files")
    except (ValueError, OSError):
        return []
    return [str(name) for name in files] if isinstance(files, dict | list) else []


def _is_record(path: Path) -> bool:
    try:
        return isinstance(read_json(path).get("settings"), dict)
    except (ValueError, OSError):
        return False


def check_ours(folder: Path, names: Iterable[str]) -> None:
    """Check that each of these names is free in a folder, or a file of ours.

    Raises:
        ValueError: a file of that name is in none of our records.
    """
    taken = sorted(name for name in set(names) if os.path.lexists(folder / name))
    strange = sorted(set(taken) - made_in(folder)) if taken else []
    if strange:
        raise ValueError(
            f"{folder / strange[0]} is in no record of ours, so it is not ours to replace: move it away, or choose "
            "another folder or name"
        )


def announce(folder: Path, names: Iterable[str]) -> None:
    """Check that names are ours to write in a locked folder, and list them before they are written.

    Raises:
        ValueError: a file of that name is in none of our records.
    """
    names = set(names)
    check_ours(folder, names)
    known = set(_listed(folder / LEDGER))
    if not names <= known:
        write_json(folder / LEDGER, {"files": sorted(known | names)})


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files of ours from a folder; a link of that name goes, and not where it leads, and folders stay."""
    for name in sorted(names):
        path = folder / name
        if os.path.lexists(path) and not stat.S_ISDIR(os.lstat(path).st_mode):
            path.unlink(missing_ok=True)
