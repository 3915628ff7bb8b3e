"""Table `scales`: each claim at every scale that judges, side by side, and what holds as a whole."""

from studies.report.entries import Entry
from studies.report.needs import judged_files, unique

__all__ = ["ENTRY", "find_evidence", "judge_all", "make"]


def judge_all(plan):
    """Judge the plan's study at every scale that judges, by what is measured or committed beside the plan's results."""
    from studies.verdicts.scales import find_fitting, judge_scales

    study, results = str(plan.written_in[0]), plan.folder.parent
    return judge_scales(study, find_fitting(study, results), results)


def make(plan):
    """Return a row a claim and a column a scale, nearest to the thesis first; see `studies.verdicts.scales`."""
    from studies.verdicts.telling import tabulate_scales

    return tabulate_scales(judge_all(plan))


def find_evidence(plan) -> list:
    """Return the study's own measures, and those of other scales and seeds that are there."""
    from studies.verdicts.scales import list_evidence

    return unique([*judged_files(plan), *list_evidence(plan.folder.parent)])


ENTRY = Entry(
    title="Verdicts by scale",
    caption="Each claim with estimate and 95% interval, seeds and verdict at every scale that judges, nearest to the "
    "thesis first; the bare number where fewer than three seeds give no more than a hint. As a whole: what the scales "
    "with three seeds or more agree on, unless a nearer one leans the other way; p is the largest of theirs, and "
    "Holm's over all claims. Recipes are never pooled. Cells not made here are those committed in results/reference.",
    needs=find_evidence,
    make=make,
)
