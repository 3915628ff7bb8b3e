"""Read what was measured of each image, cell by cell, for figures of distributions."""

import numpy as np

from studies.measures.measure import SMALL
from studies.measures.results import of_samples, or_hole, read_table
from studies.report.needs import per_image_files
from studies.report.rows import fitted_data

__all__ = ["ENOUGH", "find_needs", "read_cell", "read_real"]

ENOUGH = f"samples with {SMALL} px of ink or more"


def read_cell(plan, data: str, model: str, column: str) -> np.ndarray:
    """Return a column of a cell's samples with enough ink, all seeds that are there, ascending and without NaN."""
    runs = [run for run in plan.grid if (run.data, run.model) == (data, model)]
    tables = [of_samples(read_table, run, run.folder / "per-image.npz", "ink", column) for run in runs]
    return _join(tables, column)


def read_real(plan, data: str, column: str) -> np.ndarray:
    """Return that of the held-out real images."""
    sets = {run.dataset.name: run.dataset for run in plan.grid if run.data == data}
    return _join([or_hole(read_table, dataset.real_file, "ink", column) for dataset in sets.values()], column)


def _join(tables, column: str) -> np.ndarray:
    large = [one.loc[one.ink >= SMALL, column].to_numpy(np.float64) for one in tables if one is not None]
    values = np.concatenate([np.zeros(0), *large])
    return np.sort(values[np.isfinite(values)])


def find_needs(plan, able: str = "fitter") -> list:
    """Return the measures of each image of the data that is fitted, see `fitted_data`.

    Raises:
        ValueError: no data of the study is of a kind with a fitter.
    """
    fitted = fitted_data(plan, able)
    if not fitted:
        raise ValueError(f"study {plan.study_name} has no data of a kind whose pictures are fitted")
    return per_image_files([run for run in plan.grid if run.data in fitted])
