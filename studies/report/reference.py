"""Collect the outcome of a study without its weights and arrays: small enough to commit, complete enough to check.

Below results/reference/SCALE (or SCALE/STUDY): report.html, figures as PNG, tables, and for every run its run.json,
losses, sampling record and measures; manifest.json lists every file with its sha256, and the runs that are missing.
"""

import shutil
from pathlib import Path

from diffusion.store.files import read_json, replacing, sha256, write_json
from studies.measures.results import absence, or_hole
from studies.planning.plan import Plan
from studies.report.commands import format_config

__all__ = ["collect"]

RUN_RECORDS = (
    *("run.json", "losses.csv", "samples.json", "measures.csv", "likelihood.json", "likelihood.csv"),
    "claims.json",  # when the claims were fixed
)
SAMPLING = "samples.json"  # last of a run's own samples to be written
LARGEST = 30 * 2**20  # bytes in all


def collect(plan: Plan, folder: Path) -> Path:
    """Copy what is there and write the manifest; what an earlier collection left and this one lacks is removed.

    Returns the manifest's path.

    Raises:
        ValueError: nothing of the study has been made, or what there is exceeds 30 MiB.
        OSError: a file cannot be read or written.
    """
    found = dict(_list_files(plan))
    if not found:
        raise ValueError(f"{plan.output} holds no results of study {plan.study_name}: run `snakemake` first")
    if (size := sum(path.stat().st_size for path in found.values())) > LARGEST:
        raise ValueError(
            f"the results of {plan.study_name} take {size >> 20} MiB, over the {LARGEST >> 20} MiB for git"
        )
    _remove_left(folder, set(found))
    for name, path in found.items():
        with replacing(folder / name) as partial:
            shutil.copyfile(path, partial)
    manifest = {
        "study": plan.study_name,
        "scale": plan.scale_name,
        "seeds": list(plan.scale.seeds),
        "remade by": f"snakemake --cores all --config {format_config(plan.flags)} && studies reference {plan.flags}",
        "missing runs": [run.name for run in plan.runs if absence(run, SAMPLING)],
        "files": {name: sha256(folder / name) for name in sorted(found)},
    }
    write_json(folder / "manifest.json", manifest)
    return folder / "manifest.json"


def _list_files(plan: Plan):
    """List (name below the reference folder, path) of every file to keep."""
    shown = [plan.output / "report.html", *sorted((plan.output / "figures").glob("*.png"))]
    shown += sorted((plan.output / "tables").glob("*.*"))
    yield from ((str(path.relative_to(plan.output)), path) for path in shown if path.is_file())
    for run in plan.runs:
        records = [run.folder / name for name in RUN_RECORDS]
        records += [path for one in plan.resampled if one.run is run for path in (one.files[-1], one.measure_file)]
        yield from ((f"runs/{run.name}/{path.name}", path) for path in records if path.is_file())


def _remove_left(folder: Path, kept: set[str]) -> None:
    """Remove what the manifest of an earlier collection lists and this one lacks; other files are not ours."""
    before = or_hole(read_json, folder / "manifest.json") or {}
    for path in (folder / name for name in sorted(set(before.get("files", {})) - kept)):
        if path.resolve().is_relative_to(folder.resolve()):  # whatever a manifest from elsewhere may say
            path.unlink(missing_ok=True)
