"""Clean pictures: displacement and depth against closed forms, and what passes."""

import numpy as np
import pandas as pd
import pytest

from studies.measures.images import Images, measure_each
from studies.measures.rulers import clean
from triangles.fits.distances import distance_to_polygon
from triangles.kinds import KINDS
from triangles.settings import resolve

SIZE = 32
RIGHT = np.array([[4.0, 4.0], [28.0, 4.0], [4.0, 28.0]]) / SIZE  # legs of 24 px along the grid
OUTLINE = 24 * (2 + np.sqrt(2))


def errors(change):
    """Displacement and depth of the drawn triangle with some pixels flipped."""
    drawn = (KINDS["triangle"].paint(RIGHT, SIZE) > 127)[None]
    ink = drawn.copy()
    change(ink[0])
    distance = distance_to_polygon(RIGHT[None], SIZE)
    shift, depth = clean.outline_errors(ink, drawn, distance, np.array([OUTLINE]))
    return shift[0], depth[0]


def test_a_perfect_image_is_off_by_nothing():
    assert errors(lambda ink: None) == (0, 0)


def test_a_strip_along_an_edge_shifts_the_outline_by_its_area_over_the_length():
    def add(ink):
        ink[3, 4:24] = True  # 20 px above the upper leg, half a pixel off it

    assert errors(add) == pytest.approx((20 / OUTLINE, 0.5))


def test_depth_is_the_distance_of_the_deepest_wrong_pixel_outside_or_inside():
    def stray(ink):
        ink[20, 1] = True  # its centre is 2.5 px left of the leg at x = 4

    def hole(ink):
        ink[8, 9] = False  # its centre is 4.5 px below the leg at y = 4, and 5.5 px from the other

    assert errors(stray) == pytest.approx((1 / OUTLINE, 2.5))
    assert errors(hole) == pytest.approx((1 / OUTLINE, 4.5))


def test_a_blank_image_has_neither_and_is_not_clean():
    images = np.zeros((2, SIZE, SIZE))
    images[1, 4:20, 4:20] = 1
    table = measure_each(Images(images))
    assert table[["displacement", "depth", "stray"]].isna().all(axis=1).tolist() == [True, False]
    assert clean.is_clean(table).tolist() == [False, False]  # a square is no triangle


def test_ink_off_the_fit_is_counted_as_stray():
    drawn = KINDS["triangle"].paint(RIGHT, SIZE).astype(float)[None] / 255
    drawn[0, 29:31, 29:31] = 1
    table = measure_each(Images(drawn))
    assert table.stray.tolist() == [4]
    assert not clean.is_clean(table)[0]


def test_chunks_do_not_show(monkeypatch):
    settings = resolve("array", count=1)
    images = KINDS["triangle"].render(KINDS["triangle"].draw(np.random.default_rng(0), 7), settings)
    whole = clean.take_columns(Images(images))
    monkeypatch.setattr(clean, "CHUNK", 3)
    parts = clean.take_columns(Images(images))
    assert all(np.array_equal(whole[name], parts[name], equal_nan=True) for name in whole)


@pytest.mark.parametrize(("preparation", "least"), [("array", 0.97), ("high", 0.9)])
def test_nearly_all_real_triangles_are_clean(preparation, least):
    settings = resolve(preparation, count=1)
    images = KINDS["triangle"].render(KINDS["triangle"].draw(np.random.default_rng(1), 150), settings)
    table = pd.DataFrame({"ink": (images > 127).sum(axis=(1, 2)), **clean.take_columns(Images(images, settings))})
    large = table[table.ink >= 30]
    assert clean.is_clean(large).mean() >= least
    assert np.quantile(large.displacement, 0.95) <= clean.DISPLACED
