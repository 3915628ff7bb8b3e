"""Tables of measures: plan -> DataFrame in full precision."""

import numpy as np
import pandas as pd

from studies.artefacts import of_samples
from studies.measuring import read_measures
from studies.plan import MEASURE_FILES
from studies.tables import SAMPLING, by_run

__all__ = ["SHOWN", "measures"]

SHOWN = {
    "iou_median": "median overlap",
    "iou_0.8_share": "overlap 0.8 or more",
    "real_iou_0.8_share": "of real ones",
    "iou_0.9_share": "overlap 0.9 or more",
    "plain_iou_0.8_share": "0.8 or more, drawn plain",
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
    "repeated_share": "repeated",
    "total_bits": "bits/dim",
    "test_loss": "test loss",
}


def measures(plan) -> pd.DataFrame:
    """The measures of `SHOWN`, a run a row; NaN where a run is missing or a measure had too few images."""
    return by_run(plan, lambda run: _shown(of_samples(read_measures, run, run)), SAMPLING, MEASURE_FILES[0])


def _shown(frame) -> dict:
    values = {} if frame is None else dict(zip(frame.measure, frame.value, strict=True))
    return {heading: values.get(name, np.nan) for name, heading in SHOWN.items()}
