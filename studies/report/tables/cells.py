"""Table `cells`: the main measures cell by cell, over the seeds."""

from studies.measures.results import of_samples, read_measures
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.tables.formatting import with_spread

__all__ = ["ENTRY", "SHOWN", "make"]

SHOWN = (
    "clean_share",
    "iou_0.8_share",
    "plain_iou_0.8_share",
    "small_share",
    "blank_share",
    "iou_0.8_of_all",
    "iou_0.9_share",
    "plain_iou_0.9_share",
    "ink",
    "background_haze",
    "background_rms",
    "total_bits",
)


def make(plan):
    """Return mean and standard deviation over the seeds that are there of each cell's measures in `SHOWN`, as text."""
    import pandas as pd

    found = [(run, of_samples(read_measures, run, run)) for run in plan.grid]
    rows = []
    for data, model in plan.cells:
        frames = [one for run, one in found if one is not None and (run.data, run.model) == (data, model)]
        values = pd.DataFrame([dict(zip(one.measure, one.value, strict=True)) for one in frames])
        told = {name: _tell_spread(values.get(name)) for name in SHOWN}
        rows.append({"data": data, "model": model, "seeds": len(frames)} | told)
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def _tell_spread(values) -> str | None:
    """Return `0.58 ± 0.03`, or only the mean of a single seed."""
    if values is None or values.isna().any():
        return None
    return with_spread(float(values.mean()), float(values.std()))


ENTRY = Entry(
    title="Cell by cell",
    caption="Mean and standard deviation over the seeds. Overlap, haze and what lies off the shape are of samples with "
    "30 px of ink or more, unless it says: of all. Drawn plain: by one ruler for every set, the fit drawn straight at "
    "the images' own size. Blank: no pixel above one half. Haze is in 0 to 1. A column that no cell has is left out.",
    needs=lambda plan: measure_files(plan.grid),
    make=make,
)
