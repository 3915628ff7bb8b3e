"""Collect the outcome of a study without its weights and arrays: small enough to commit, complete enough to check.

Below results/reference/SCALE (or SCALE/STUDY): report.html, figures in 256 colours, tables, and for every run its
run.json, losses, sampling record and measures (`.csv.xz`), with those of each image and the bound's terms at each t
(four digits); manifest.json lists every file with its sha256, and what is missing with the command that makes it and
its cost.
"""

import io
import lzma
import os
from pathlib import Path

from diffusion.store.files import beside, check_digest, read_json, replacing, write_json
from diffusion.store.opening import Whole, read_whole
from studies.measures.results import MEASURES, PER_IMAGE, or_hole, read_table
from studies.planning.plan import Plan
from studies.report.commands import format_config
from studies.report.html.embedding import read_image
from studies.report.missing import list_missing

__all__ = ["collect"]

RUN_RECORDS = (
    *("run.json", "losses.csv", "samples.json", "likelihood.json"),
    "claims.json",  # when the claims were fixed
)
TERMS = "likelihood.csv"
VOUCHERS = {"losses.csv": ("run.json",), TERMS: ("likelihood.json",), "claims.json": (".measures.json",)}
MANIFEST = "manifest.json"
PACKED = ".csv.xz"
DIGITS = "%.4g"  # of what was measured of each image
COLOURS = 256  # of a kept figure: a third of the room, and no pixel over 24 levels of 255 off
LARGEST = 30 * 2**20  # bytes in all


def collect(plan: Plan, folder: Path) -> Path:
    """Copy what is there and write the manifest; what an earlier collection left and this one lacks is removed.

    Returns the manifest's path.

    Raises:
        ValueError: nothing of the study has been made, what is kept of it exceeds 30 MiB, or it is not whole, or a
            symlink or a file that no manifest lists stands where something would be written.
        OSError: a file cannot be read or written.
    """
    found = dict(_list_files(plan))
    if not found:
        raise ValueError(f"{plan.output} holds no results of study {plan.study_name}: run `snakemake` first")
    kept = {  # all of it, before anything is replaced
        name: _pack(path) if name.endswith(PACKED) else _shrink(path) if path.suffix == ".png" else _read_checked(path)
        for name, path in found.items()
    }
    kept = {name: content for name, content in kept.items() if not _is_kept_above(folder, name, content)}
    if (size := sum(map(len, kept.values()))) > LARGEST:  # packed, as they will lie there
        raise ValueError(
            f"the results of {plan.study_name} take {size >> 20} MiB, over the {LARGEST >> 20} MiB for git"
        )
    _check_way(folder, kept)
    _remove_left(folder, set(kept))
    for name, content in kept.items():
        with replacing(folder / name) as partial:
            partial.write_bytes(content)
    manifest = {
        "study": plan.study_name,
        "scale": plan.scale_name,
        "seeds": list(plan.scale.seeds),
        "remade by": f"snakemake --cores all --config {format_config(plan.flags)} && studies reference {plan.flags}",
        "missing": list_missing(plan),
        "files": {name: kept[name].sha256 for name in sorted(kept)},
    }
    write_json(folder / MANIFEST, manifest)
    return folder / MANIFEST


def _read_checked(path: Path) -> Whole:
    """Read a file to keep; ValueError where it is empty, or not what the records beside it say."""
    content = read_whole(path)
    if not content.strip():
        raise ValueError(f"{path} is empty: make it again (`snakemake {path}`)")
    if path.suffix == ".png":
        read_image(content, path)
    elif path.suffix == ".html" and not content.rstrip().endswith(b"</html>"):
        raise ValueError(f"{path} is not a whole page (its end is missing): make it again (`snakemake {path}`)")
    elif path.suffix == ".json":
        read_json(path)
    for record in (beside(path), *VOUCHERS.get(path.name, ())):
        check_digest(path, content.sha256, record)
    return content


def _pack(path: Path) -> Whole:
    """Return a table compressed; in few digits, but for a run's measures, which claims are judged by."""
    import pandas as pd

    if path.name.endswith(MEASURES):
        return Whole(lzma.compress(_read_checked(path), preset=9))
    table = read_table(path) if path.suffix == ".npz" else pd.read_csv(io.BytesIO(_read_checked(path)))
    numbers = table.astype({name: int for name in table if table[name].dtype == bool})
    return Whole(lzma.compress(numbers.to_csv(index=False, float_format=DIGITS).encode(), preset=9))


def _shrink(path: Path) -> Whole:
    """Return a figure in few colours."""
    from PIL import Image

    image, small = Image.open(io.BytesIO(_read_checked(path))).convert("RGB"), io.BytesIO()
    image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return Whole(small.getvalue())


def _is_kept_above(folder: Path, name: str, content: Whole) -> bool:
    """Tell whether the scale's own collection, above that of another study, has the same measures of each image."""
    above = folder.parent / name
    return (
        name.endswith(PACKED)
        and not name.endswith(f"measures{PACKED}")
        and above.is_file()
        and read_whole(above) == content
    )


def _check_way(folder: Path, kept: dict[str, Whole]) -> None:
    """Check that nothing but an earlier collection's files is replaced, and that no link leads out of the folder.

    Raises:
        ValueError: a symlink below the folder, or a file that its manifest does not list.
    """
    if folder.is_symlink():
        raise ValueError(f"{folder} is a symlink, and nothing is written through one: give the folder that it leads to")
    for name in sorted({*kept, MANIFEST}):
        steps = [folder.joinpath(*Path(name).parts[:i]) for i in range(1, len(Path(name).parts) + 1)]
        if link := next((step for step in steps if step.is_symlink() or os.path.ismount(step)), None):
            raise ValueError(f"{link} leads out of {folder}, and nothing is written there: remove it")
    before = _listed(folder)
    for name in sorted(kept):
        path = folder / name
        if os.path.lexists(path) and name not in before and read_whole(path) != kept[name]:
            raise ValueError(f"{path} is in no manifest of ours, so it is not ours to replace: move it away")


def _listed(folder: Path) -> set[str]:
    """Return the names that the manifest of an earlier collection lists.

    Raises:
        ValueError: the manifest is broken.
    """
    path = folder / MANIFEST
    files = (or_hole(read_json, path) or {}).get("files", {})
    if not isinstance(files, dict):
        raise ValueError(f"{path} lists files that are no names with digests: remove it, and what it listed")
    return set(files)


def _list_files(plan: Plan):
    """List (name below the reference folder, path) of every file to keep."""
    shown = [plan.output / "report.html", *sorted((plan.output / "figures").glob("*.png"))]
    shown += sorted(path for kind in ("csv", "md") for path in (plan.output / "tables").glob(f"[!.]*.{kind}"))
    yield from ((str(path.relative_to(plan.output)), path) for path in shown if os.path.lexists(path))
    for run in plan.runs:
        records = [run.folder / name for name in RUN_RECORDS]
        others = [one for one in plan.resampled if one.run is run]
        records += [one.files[-1] for one in others]
        yield from ((f"runs/{run.name}/{path.name}", path) for path in records if os.path.lexists(path))
        packed = [run.folder / name for name in (PER_IMAGE, TERMS)] + [one.measure_file for one in (run, *others)]
        yield from ((f"runs/{run.name}/{path.stem}{PACKED}", path) for path in packed if os.path.lexists(path))
    for dataset in plan.datasets:
        if os.path.lexists(dataset.real_file):
            yield f"data/{dataset.name}/{dataset.real_file.stem}{PACKED}", dataset.real_file


def _remove_left(folder: Path, kept: set[str]) -> None:
    """Remove what the manifest of an earlier collection lists and this one lacks; other files are not ours."""
    for path in (folder / name for name in sorted(_listed(folder) - kept)):
        if ".." in path.parts or not path.is_relative_to(folder):  # whatever a manifest from elsewhere may say
            continue
        ours = path.parent.resolve() == folder.resolve() / path.parent.relative_to(folder)  # no link on the way
        if ours and os.path.lexists(path) and not path.is_dir():
            path.unlink()
