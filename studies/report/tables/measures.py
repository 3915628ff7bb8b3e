"""Tables of measures: plan -> DataFrame in full precision."""

import numpy as np
import pandas as pd

from studies.measures.measuring import read_measures
from studies.measures.results import of_samples
from studies.planning.plan import MEASURE_FILES
from studies.report.tables.runs import SAMPLING, by_run, with_spread

__all__ = ["OF_CELLS", "SHOWN", "cells", "measures"]

SHOWN = {
    "iou_median": "median overlap",
    "iou_0.8_share": "overlap 0.8 or more",
    "real_iou_0.8_share": "of real ones",
    "iou_0.9_share": "overlap 0.9 or more",
    "plain_iou_0.8_share": "0.8 or more, drawn plain",
    "plain_iou_0.9_share": "0.9 or more, drawn plain",
    "valid_share": "valid",
    "small_share": "under 30 px",
    "blank_share": "blank",
    "one_piece_share": "in one piece",
    "ink": "ink (px)",
    "real_ink": "real ink (px)",
    "clearly_gray_share": "clearly gray",
    "real_clearly_gray_share": "real clearly gray",
    "background_haze": "haze",
    "background_rms": "background RMS",
    "energy_distance": "energy distance",
    "real_energy_distance": "real against real",
    "memorised_share": "memorised",
    "repeated_share": "ink repeated",
    "identical_share": "identical",
    "total_bits": "bits/dim",
    "test_loss": "test loss",
}
OF_CELLS = {
    "iou_0.8_share": "overlap 0.8 or more",
    "plain_iou_0.8_share": "0.8 or more, drawn plain",
    "small_share": "under 30 px",
    "blank_share": "blank",
    "iou_0.8_of_all": "overlap 0.8 or more, of all",
    "iou_0.9_share": "overlap 0.9 or more",
    "plain_iou_0.9_share": "0.9 or more, drawn plain",
    "ink": "ink (px)",
    "background_haze": "haze",
    "background_rms": "background RMS",
    "total_bits": "bits/dim",
}


def measures(plan) -> pd.DataFrame:
    """The measures of `SHOWN`, a run a row; NaN where a run is missing or a measure had too few images."""
    return by_run(plan, lambda run: _shown(of_samples(read_measures, run, run)), SAMPLING, MEASURE_FILES[0])


def cells(plan) -> pd.DataFrame:
    """Mean and standard deviation over the seeds that are there of each cell's measures in `OF_CELLS`, as text."""
    found = [(run, of_samples(read_measures, run, run)) for run in plan.grid]
    rows = []
    for preparation in plan.study.grid.preparation:
        for schedule in plan.study.grid.schedule:
            here = [
                f for run, f in found if f is not None and (run.preparation, run.schedule) == (preparation, schedule)
            ]
            values = pd.DataFrame([dict(zip(f.measure, f.value, strict=True)) for f in here])
            told = {heading: _spread(values.get(name)) for name, heading in OF_CELLS.items()}
            rows.append({"preparation": preparation, "schedule": schedule, "seeds": len(here)} | told)
    return pd.DataFrame(rows)


def _spread(values) -> str | None:
    """`0.58 ± 0.03`, or the mean alone of a single seed."""
    if values is None or values.isna().any():
        return None
    return with_spread(float(values.mean()), float(values.std()))


def _shown(frame) -> dict:
    values = {} if frame is None else dict(zip(frame.measure, frame.value, strict=True))
    return {heading: values.get(name, np.nan) for name, heading in SHOWN.items()}
