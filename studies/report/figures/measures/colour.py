"""Figure `colour`: how far brightness strays inside a shape, and what colours bleed across its edge."""

from studies.report.entries import Entry
from studies.report.figures.measures.by_cell import Question, draw_by_cell
from studies.report.figures.measures.per_image import find_needs
from studies.report.style import styled

__all__ = ["ENTRY"]


@styled()
def draw(plan):
    """Draw what bleeds: mean by cell, and the distribution of what strays inside."""
    from matplotlib.colors import Normalize

    asked = Question(
        heading="Is each shape of one colour? Colours that bleed, brightness that strays",
        right="share of samples up to each error of brightness inside; further left is better",
        measure="bleeding",
        column="value_error",
        axis="brightness, RMS",
        norm=Normalize(0, 0.1),
        able="unmix",
        digits=3,  # what bleeds is a few hundredths
    )
    return draw_by_cell(plan, asked)


ENTRY = Entry(
    title="Is each shape of one colour?",
    caption="An image is taken for a mixture of two colours. Bleeding: how far pixels within 2 px of the edge lie from "
    "every mixture of these two, root mean square. Brightness: of pixels more than 1 px inside, against the shape's "
    "own. Both are in 0 to 1. Dashed: the set's own held-out images. In brackets: what is left out, with less than "
    "30 px of what stands out.",
    needs=lambda plan: find_needs(plan, "unmix"),
    make=draw,
)
