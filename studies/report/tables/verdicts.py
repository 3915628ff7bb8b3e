"""Table `verdicts`: each claim with what was found."""

from studies.report.entries import Entry
from studies.report.needs import judged_files

__all__ = ["ENTRY", "make"]


def make(plan):
    """Return the claims with what was found, a claim a row; see `studies.verdicts.telling`."""
    from studies.verdicts.telling import tabulate

    return tabulate(plan)


ENTRY = Entry(
    title="Verdicts",
    caption="Each claim with our estimate, its 95% interval over seeds (Student's t; of a rate, two one-sided "
    "exact bounds over all images), and Holm's p, doubled for both directions, over all claims that are tested. "
    "Reproduced: the effect is surely there, and estimated at half of what matters or more. Nothing is decided by "
    "the interval, nor by one seed or two.",
    needs=judged_files,
    make=make,
)
