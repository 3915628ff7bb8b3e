"""Table `schedules`: what follows from the noise schedules' formulas."""

from diffusion.schedules import NoiseSchedule
from studies.measures.results import noise_schedules
from studies.report.entries import Entry

__all__ = ["ENTRY", "make"]


def make(plan):
    """Return facts of each model's noise schedule, a model a row; columns carry their units, see its `facts`."""
    import pandas as pd

    found: dict[str, NoiseSchedule] = noise_schedules(plan)  # named, so that the formulas count as sources
    rows = [{"model": name} | one.facts() | {"far from noise": one.far_from_noise} for name, one in found.items()]
    return pd.DataFrame(rows)


def find_needs(plan) -> list:
    """Return no file: schedules are formulas.

    Raises:
        ValueError: no model has a noise schedule.
    """
    if not noise_schedules(plan):
        raise ValueError(f"schedules: no model of study {plan.study_name} is trained with a noise schedule")
    return []


ENTRY = Entry(
    title="The noise schedules",
    caption="Facts that follow from the formulas. Near-noise steps have less than 1% of the signal's power left, "
    "near-clean steps more than 99%. L_T is for binary images.",
    needs=find_needs,
    make=make,
)
