"""Make a table with a row for each run; a run whose files are missing keeps its row and says why."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from studies.measures.results import absence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SAMPLING", "make_by_run"]

SAMPLING = "samples.json"  # last of a run's samples to be written


def make_by_run(plan, find_facts: Callable[..., dict], *files: str) -> "pd.DataFrame":
    """Return a row for each run of what `find_facts` finds of it; column `missing` says why, where there is nothing.

    files: of the run, what is needed besides its training.
    """
    import pandas as pd

    frame = pd.DataFrame([_name_run(run) | find_facts(run) for run in plan.runs])
    reasons = [absence(run, *files) for run in plan.runs]
    return frame.assign(missing=reasons) if any(reasons) else frame


def _name_run(run) -> dict:
    return {"data": run.data, "model": run.model, "seed": run.seed, "epochs": run.training.epochs}
