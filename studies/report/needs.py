"""Which files each reader opens: what a figure or table declares as its inputs is put together from these.

Not declared, since no rule makes them for it to wait for:

- `OPTIONAL`: records that only some runs have (why a run failed or is not finished) and what `studies measure` keeps
  from one measuring to the next (claims.json: Snakemake would remove an output before it is made again);
- the digests beside measures, tables and figures (`.NAME.json`), which stay when Snakemake removes an output;
- Snakemake's own benchmark files, which are no outputs either.
"""

from pathlib import Path

__all__ = [
    "OPTIONAL",
    "image_files",
    "judged_files",
    "loss_files",
    "measure_files",
    "model_files",
    "per_image_files",
    "sample_files",
    "sample_times",
    "schedule_files",
    "unique",
]

OPTIONAL = ("diverged.json", "started.json", "claims.json", "measures.json", ".real.json")


def unique(paths) -> list[Path]:
    """Return each path once, in order."""
    return list(dict.fromkeys(paths))


def loss_files(runs) -> list[Path]:
    """Return the losses of runs, and the records that hold their checksums."""
    return [run.folder / name for run in runs for name in ("losses.csv", "run.json")]


def model_files(runs) -> list[Path]:
    """Return the trained models of runs, and the records that hold their checksums."""
    return [run.folder / name for run in runs for name in ("model.safetensors", "run.json")]


def sample_files(samplings, frames: bool = False) -> list[Path]:
    """Return the samples of runs or of other samplings, or their frames; the records beside them, and of the models."""
    found = []
    for one in samplings:
        record = one.samples_file.with_suffix(".json")
        shown = one.samples_file.with_name(f"{one.samples_file.stem}-frames.npy") if frames else one.samples_file
        found += [shown, record, record.with_name("run.json")]
    return unique(found)


def measure_files(measured) -> list[Path]:
    """Return the measures of runs or of other samplings, and the records that say which samples were measured."""
    return [path for one in measured for path in (one.measure_file, one.samples_file.with_suffix(".json"))]


def judged_files(plan) -> list[Path]:
    """Return what a study's claims are judged by: the measures, and the runs' records, which name their devices."""
    records = [run.folder / "run.json" for run in plan.grid]
    return [*measure_files([*plan.grid, *plan.resampled]), *records]


def per_image_files(runs) -> list[Path]:
    """Return the measures of each sample of runs, and of each held-out image of their data sets."""
    ours = [run.folder / "per-image.npz" for run in runs]
    return unique([*ours, *measure_files(runs), *(run.dataset.real_file for run in runs)])


def image_files(datasets, *parts: str) -> list[Path]:
    """Return the images of parts (train, test) of data sets, and the records that hold their checksums."""
    names = [*(f"{part}.npy" for part in parts), "dataset.json"]
    return unique(dataset.folder / name for dataset in datasets for name in names)


def sample_times(runs) -> list[Path]:
    """Return what says how long runs were trained and sampled."""
    return [*loss_files(runs), *(run.samples_file.with_suffix(".json") for run in runs)]


def schedule_files(plan, schedules) -> list[Path]:
    """Return no file, as noise schedules are formulas; schedules: those of the plan's models.

    Imported here, they would make every figure and table hang on their formulas.

    Raises:
        ValueError: no model has one.
    """
    if not schedules:
        raise ValueError(f"no model of study {plan.study_name} is trained with a noise schedule")
    return []
