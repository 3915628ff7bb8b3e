"""Figure `noise`: how much gray there is off the shape."""

from studies.report.entries import Entry
from studies.report.figures.measures.by_cell import Question, draw_by_cell
from studies.report.figures.measures.per_image import find_needs
from studies.report.style import styled

__all__ = ["ENTRY", "make_norm"]


def make_norm():
    """Return how dark the blue of gray levels is: the same in all reports, to be compared."""
    from matplotlib.colors import SymLogNorm

    return SymLogNorm(linthresh=1, vmin=0, vmax=100, base=10)


@styled()
def draw(plan):
    """Draw the gray around the shape: mean by cell, and the distribution."""
    asked = Question(
        heading="How noisy? Gray more than 2 px off the shape and any ink",
        right="share of samples up to each haze, logarithmic from 1 on; further left is better",
        measure="background_haze",
        column="background_haze",
        axis="haze (levels)",
        norm=make_norm(),
        scale=255,
        levels=True,
        able="distance",
    )
    return draw_by_cell(plan, asked)


ENTRY = Entry(
    title="How noisy?",
    caption="Haze: root mean square of gray more than 2 px off the fitted shape and off any other ink, in levels of "
    "255. Dashed: the set's own held-out images, where JPEG leaves some. In brackets: what is left out, with less than "
    "30 px of ink.",
    needs=lambda plan: find_needs(plan, "distance"),
    make=draw,
)
