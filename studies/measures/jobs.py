"""What the workflow cost, rule by rule, from the benchmark files that Snakemake writes beside the results."""

from math import nan
from pathlib import Path

from diffusion.store.tables import read_csv
from studies.measures.results import or_hole

__all__ = ["benchmarks", "duration", "workflow_time"]

NEEDED = {"s": "wall_s", "cpu_time": "cpu_s", "max_rss": "memory_mb"}  # Snakemake's names, and ours


def benchmarks(plan) -> dict[str, list[Path]]:
    """Rule -> the benchmark files of its jobs; they are no outputs, so those of results made elsewhere are missing."""
    sets, runs = [dataset.name for dataset in plan.datasets], [run.name for run in plan.runs]
    others = [f"{one.run.name}-{one.name}" for one in plan.resampled]
    jobs = {"generate": sets, "train": runs, "sample": runs, "resample": others, "likelihood": runs}
    jobs |= {"measure-data": sets, "measure": runs, "measure-other": others}
    folder, prefix = plan.folder / "benchmarks", {"resample": "sample", "measure-other": "measure"}
    return {
        rule: [folder / f"{prefix.get(rule, rule)}-{name}.tsv" for name in names]
        for rule, names in jobs.items()
        if names
    }


def workflow_time(plan):
    """Tabulate the timed jobs of each rule: seconds added up, the longest job, the largest memory of any in MB.

    timed of jobs: how many have a benchmark file; sums are of those. A job that was started again counts once, the
    last time; figures, tables and the report are not timed.
    """
    import pandas as pd

    return pd.DataFrame([_row(rule, paths) for rule, paths in benchmarks(plan).items()])


def _row(rule, paths):
    import pandas as pd

    found = [one for path in paths if (one := or_hole(_read, path)) is not None]
    known = pd.concat(found) if found else pd.DataFrame(columns=list(NEEDED.values()), dtype=float)
    return {
        "rule": rule,
        "timed": len(found),
        "jobs": len(paths),
        "wall_s": known.wall_s.sum() if found else nan,
        "cpu_s": known.cpu_s.sum() if found else nan,
        "longest_s": known.wall_s.max(),
        "memory_mb": known.memory_mb.max(),
    }


def _read(path: Path):
    """Read a benchmark file's rows; NaN for what Snakemake could not measure of a very short job."""
    frame = read_csv(path, "remove it", NEEDED, sep="\t", na_values="-")
    try:
        return frame[list(NEEDED)].astype(float).rename(columns=NEEDED)
    except ValueError as error:
        raise ValueError(f"{path} is no benchmark file ({str(error).splitlines()[0]}): remove it") from None


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
