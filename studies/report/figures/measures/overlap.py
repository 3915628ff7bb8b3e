"""Figure `overlap`: how well samples agree with the best-fit shape."""

from studies.report.entries import Entry
from studies.report.figures.measures.by_cell import Question, draw_by_cell
from studies.report.figures.measures.per_image import find_needs
from studies.report.style import styled

__all__ = ["ENTRY", "make_norm"]


def make_norm():
    """Return how dark a share's blue is: none so dark that dark numbers could not be read."""
    from matplotlib.colors import Normalize

    return Normalize(0, 1.6)


@styled()
def draw(plan):
    """Draw the overlap with the best-fit shape, by one ruler for all sets: good ones by cell, and the distribution."""
    asked = Question(
        heading="The right shape? Overlap of samples with their best-fit shape",
        right="share of samples up to each overlap; further right is better",
        measure="plain_iou_0.8_share",
        column="plain_iou",
        axis="overlap",
        norm=make_norm(),
        limits=(0.3, 1.01),
    )
    return draw_by_cell(plan, asked)


ENTRY = Entry(
    title="The right shape?",
    caption="Overlap (intersection over union) of each sample with its best-fit shape, drawn plain at the images' own "
    "size: one ruler for every set. In the map, the share of 0.8 or more, which nearly all real images reach, and of "
    "triangles no ellipse does; in brackets the samples that are left out, having less than 30 px of ink.",
    needs=find_needs,
    make=draw,
)
