"""What counts as blank on a sheet, and as empty in a set: dark shapes in colours are shapes."""

import numpy as np
import pytest

from studies.report.tiles import is_blank
from triangles.datasets import facts


@pytest.mark.parametrize(("colour", "blank"), [((60, 20, 0), False), ((20, 10, 0), True), ((255, 0, 0), False)])
def test_a_shape_in_colours_is_blank_only_if_hardly_anything_stands_out(colour, blank):
    tile = np.zeros((8, 8, 3), np.uint8)
    tile[2:5, 2:5] = colour
    assert is_blank(tile) == blank


@pytest.mark.parametrize(("level", "blank"), [(127, True), (128, False)])
def test_a_gray_tile_is_blank_without_ink(level, blank):
    assert is_blank(np.full((8, 8), level, np.uint8)) == blank


def test_a_dark_shape_in_colours_is_not_empty():
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[0, 2:5, 2:5] = 60, 20, 0
    assert facts(images)["empty"] == 1
