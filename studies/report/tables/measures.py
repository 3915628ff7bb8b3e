"""Table `measures`: the measures of every run."""

import numpy as np

from studies.measures.results import of_samples, read_measures
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.tables.runs import SAMPLING, make_by_run

__all__ = ["ENTRY", "SHOWN", "make"]

SHOWN = (
    "iou_median",
    "iou_0.8_share",
    "real_iou_0.8_share",
    "iou_0.9_share",
    "plain_iou_0.8_share",
    "plain_iou_0.9_share",
    "valid_share",
    "small_share",
    "blank_share",
    "one_piece_share",
    "ink",
    "real_ink",
    "clearly_gray_share",
    "real_clearly_gray_share",
    "background_haze",
    "background_rms",
    "energy_distance",
    "real_energy_distance",
    "memorised_share",
    "repeated_share",
    "identical_share",
    "total_bits",
    "test_loss",
)


def make(plan):
    """Return the measures of `SHOWN`, a run a row; NaN where a run is missing or a measure had too few images."""
    return make_by_run(plan, _find_values, SAMPLING, "measures.csv")


def _find_values(run) -> dict:
    frame = of_samples(read_measures, run, run)
    values = {} if frame is None else dict(zip(frame.measure, frame.value, strict=True))
    return {name: values.get(name, np.nan) for name in SHOWN}


ENTRY = Entry(
    title="Measures of every run",
    caption="Overlap, haze and what lies off the shape are of samples with 30 px of ink or more. What is called "
    "real is that of held-out images of the set. The fit is drawn as the set was, or plain: straight at the "
    "images' own size for every set, which compares sets by one ruler.",
    needs=lambda plan: measure_files(plan.runs),
    make=make,
)
