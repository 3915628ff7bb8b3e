"""Table `schedules`: what follows from the noise schedules' formulas."""

from diffusion.schedules import NoiseSchedule
from studies.measures.results import noise_schedules
from studies.report.entries import Entry
from studies.report.needs import schedule_files

__all__ = ["ENTRY", "make"]


def make(plan):
    """Return facts of each model's noise schedule, a model a row; columns carry their units, see its `facts`."""
    import pandas as pd

    found: dict[str, NoiseSchedule] = noise_schedules(plan)  # named, so that the formulas count as sources
    rows = [{"model": name} | one.facts() | {"far from noise": one.far_from_noise} for name, one in found.items()]
    return pd.DataFrame(rows)


ENTRY = Entry(
    title="The noise schedules",
    caption="Facts that follow from the formulas. Near-noise steps have less than 1% of the signal's power left, "
    "near-clean steps more than 99%. L_T is for binary images.",
    needs=lambda plan: schedule_files(plan, noise_schedules(plan)),
    make=make,
)
