"""Figure `clean`: how far samples' outlines stray from the best-fit shape's."""

from studies.report.entries import Entry
from studies.report.figures.measures.by_cell import Question, draw_by_cell
from studies.report.figures.measures.overlap import make_norm
from studies.report.figures.measures.per_image import find_needs
from studies.report.style import styled

__all__ = ["ENTRY"]


@styled()
def draw(plan):
    """Draw the clean shapes by cell, and how far outlines are off."""
    asked = Question(
        heading="Clean shapes? How far the outline is off the best-fit shape's",
        right="share of samples up to each shift; further left is better",
        measure="clean_share",
        column="displacement",
        axis="shift (px)",
        norm=make_norm(),
        limits=(-0.02, 1.0),
        able="distance",
    )
    return draw_by_cell(plan, asked)


ENTRY = Entry(
    title="Clean shapes?",
    caption="Mean shift of each sample's outline from that of its best-fit shape, drawn plain at the images' own size: "
    "one ruler for every set. In the map, the share that is off by 0.208 px at most and has no pixel wrong by over 2 "
    "px: of real triangles 95% to 99%, of quadrilaterals under half. In brackets the samples that are left out, having "
    "less than 30 px of ink. Table `power` says what else passes.",
    needs=lambda plan: find_needs(plan, "distance"),
    make=draw,
)
