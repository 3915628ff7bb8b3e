"""Table `workflow-time`: what the workflow cost, rule by rule."""

from studies.measures.jobs import workflow_time
from studies.report.entries import Entry
from studies.report.figures.measures.workflow_time import find_needs

__all__ = ["ENTRY"]


ENTRY = Entry(
    title="The whole workflow's time by rule",
    caption="Seconds added up over the jobs that were timed, the longest job, and the largest resident memory.",
    needs=find_needs,
    make=lambda plan: workflow_time(plan),  # of this module, whose imports are its sources
)
