"""Figures as tests see them: drawn by name, their lines' colours, their words."""

import matplotlib.colors

from studies.registries import FIGURES, shown

LOST = "array-wave-seed0"  # the run that is away in a tree with a hole


def draw(name, plan):
    """The figure of that name of a plan."""
    return shown(FIGURES, name, plan).make(plan)


def lines_of(axes):
    """The colours of all lines."""
    return {matplotlib.colors.to_hex(line.get_color()) for line in axes.lines}


def words_of(figure):
    """All that is written on a figure and its panels."""
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return " ".join(text.get_text() for text in texts)
