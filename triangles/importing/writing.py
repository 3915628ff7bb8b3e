"""Make a data set of imported pictures: converted one by one, shared out between training and test, written whole."""

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from triangles.datasets import is_there, versions
from triangles.imported import share_out
from triangles.importing.converting import convert
from triangles.settings import RECORD
from triangles.storage.files import digest, save_chunks, save_record
from triangles.storage.staging import check_place, move_in, partial_folder

__all__ = ["look_through", "write_imported"]

RAW = "pictures.raw"  # all of them in their order, before they are shared out
BATCH = 64  # pictures read at once
SPLIT_STREAM = 7
SHOWN = 5  # names of broken files in a message


def write_imported(folder, source, settings, workers=1, replace_it=False, progress=None):
    """Make a data set of a source's pictures in a folder; return its record, or None if the same one is there already.

    Args:
        folder: where to make it. If this fails, what was there stays as it was.
        source: see `triangles.importing.sources.open_source`.
        settings: `triangles.imported.Imported`.
        workers: threads; no byte depends on them.
        replace_it: make room where another or a damaged set stands.
        progress: called with the number of pictures done since its last call.

    Raises:
        ValueError: broken pictures, fewer than two, or a folder that holds something else.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    if folder.is_symlink():
        raise ValueError(f"{folder} is a symlink, and nothing is written through one: give the folder that it leads to")
    begin = perf_counter()
    there = is_there(folder, settings, False, replace_it)
    names = (*settings.files, RAW)
    with partial_folder(folder, names) as (partial, is_ours):
        check_place(folder, settings.files if not replace_it else ())
        record = _write_parts(partial, source, settings, workers, progress)
        if there and all(digest(folder / name) == sha256 for name, sha256 in record["files"].items()):
            return None
        if there and not replace_it:
            raise ValueError(f"{folder} holds other pictures of {settings.source}, which changed: give --replace")
        record["seconds"] = {"images": round(perf_counter() - begin, 4)}
        save_record(partial / RECORD, record)
        if not is_ours():
            raise ValueError(f"{folder} was replaced while the data set was made: run the command again")
        move_in(partial, folder, settings.files, False)
    return record


def _write_parts(partial, source, settings, workers, progress):
    """Write the arrays; return the record that belongs to them, without the seconds."""
    told = _convert_all(partial / RAW, source, settings, workers, progress)
    channels = 3 if settings.colour or (settings.colour is None and told.colours) else 1
    held_out = share_out(told.count, settings.test_share, settings.source)
    made = replace(settings, count=told.count - held_out, test_count=held_out)
    _share_out(partial, made, 1 if settings.colour is False else 3, channels)
    os.unlink(partial / RAW)
    return {
        "kind": made.kind,
        "settings": asdict(made),
        "channels": channels,
        "source": {
            "pictures": told.count,
            "sha256": told.sha256.hexdigest(),
            "done": dict(told.notes),
            "in_colour": len(told.colours),
            "first_in_colour": [ascii(name)[1:-1] for name in told.colours[:SHOWN]],
            "left_out": {**source.left_out, **({"broken": len(told.broken)} if told.broken else {})},
            "broken": [f"{ascii(name)[1:-1]}: {why}" for name, why in told.broken[:100]],
        },
        "versions": versions(),
        "files": {name: digest(partial / name) for name in settings.files if name != RECORD},
    }


class _Told:
    """What was found in a source's pictures."""

    def __init__(self):
        self.count, self.colours, self.broken = 0, [], []
        self.notes, self.sha256 = Counter(), hashlib.sha256()


def _convert_all(path, source, settings, workers, progress):
    """Convert all pictures into one file of pixels, in their order.

    Raises:
        ValueError: some are broken, and are not to be skipped.
    """
    told = _Told()
    with open(path, "xb") as file, ThreadPoolExecutor(max(1, workers)) as pool:
        for start in range(0, len(source.names), BATCH):
            numbers = range(start, min(start + BATCH, len(source.names)))
            for number, (pixels, notes, sha256) in zip(
                numbers, pool.map(lambda i: _convert_one(source, i, settings), numbers), strict=True
            ):
                if pixels is None:
                    told.broken.append((source.names[number], notes))
                    continue
                told.count += 1
                told.notes.update(sorted(notes))
                told.sha256.update(sha256)
                if pixels.ndim == 3 and (pixels != pixels[..., :1]).any():
                    told.colours.append(source.names[number])
                file.write(np.ascontiguousarray(pixels).data)
            if progress is not None:
                progress(len(numbers))
    if told.broken and not settings.skip_broken:
        some = "; ".join(f"{ascii(name)[1:-1]}: {why}" for name, why in told.broken[:SHOWN])
        more = f"; and {len(told.broken) - SHOWN} more" if len(told.broken) > SHOWN else ""
        raise ValueError(
            f"{settings.source}: {len(told.broken)} of {len(source.names)} pictures cannot be read ({some}{more}): "
            f"mend or remove them, or give --skip-broken (in a study: skip_broken: true)"
        )
    return told


def look_through(source, settings, most=2000):
    """Convert the first pictures of a source and keep none: ([(name, why it is broken)], [name of one in colour])."""
    broken, colours = [], []
    for number, name in enumerate(source.names[:most]):
        pixels, why, _ = _convert_one(source, number, settings)
        if pixels is None:
            broken.append((ascii(name)[1:-1], why))
        elif pixels.ndim == 3 and (pixels != pixels[..., :1]).any():
            colours.append(ascii(name)[1:-1])
    return broken, colours


def _convert_one(source, number, settings):
    """Return pixels, notes and digest of a picture; of a broken one None and the reason."""
    try:
        found = source.read(number)
        pixels, notes = convert(found, settings)
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return None, reason.splitlines()[0][:160], None
    return pixels, notes, hashlib.sha256(found if isinstance(found, bytes) else np.ascontiguousarray(found)).digest()


def _share_out(partial, settings, had, channels):
    """Write train.npy and test.npy from the file of all pixels; who is held out hangs on the seed and the number.

    Both are in random order: names often sort by kind, and the first few must not all be of one kind.
    """
    count = settings.count + settings.test_count
    pixels = np.memmap(partial / RAW, np.uint8, "r", shape=(count, settings.size, settings.size, had))
    rng = np.random.default_rng(np.random.SeedSequence([settings.seed, SPLIT_STREAM]))
    order = rng.permutation(count)
    for name, numbers in (("test", order[: settings.test_count]), ("train", order[settings.test_count :])):
        shape = (len(numbers), *settings.image_shape(channels))
        chunks = (
            pixels[numbers[i : i + 1024], ..., :channels].reshape(-1, *shape[1:]) for i in range(0, len(numbers), 1024)
        )
        save_chunks(partial / f"{name}.npy", chunks, shape, np.uint8)
