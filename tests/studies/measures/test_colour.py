"""Measures of colour, on planted faults whose size is known."""

import numpy as np
import pytest

from studies.measures.images import Images, measure_each
from triangles.kinds import KINDS
from triangles.settings import resolve


@pytest.fixture(scope="module")
def pictures():
    """Images of triangles in one orange on black, and their settings."""
    settings = resolve(colour=True, count=60)
    kind = KINDS[settings.kind]
    drawn = kind.draw(np.random.default_rng(5), 60)
    drawn[:, 6:] = 0.8, 0.4, 0.0
    return kind.render(drawn, settings) / 255, settings


def large(values, settings):
    table = measure_each(Images(values, settings))
    return table[table.ink > 120]


def test_clean_pictures_have_no_error(pictures):
    table = large(*pictures)
    assert len(table) > 10
    assert (table[["hue_error", "value_error", "bleeding", "background_haze"]].max() < 1e-9).all()


def test_each_fault_shows_in_its_own_measure(pictures):
    values, settings = pictures
    mask = values[..., :1] > 0.5
    darker = np.where(mask & (np.indices(mask.shape).sum(axis=0) % 2 == 0), values * 0.9, values)
    assert large(darker, settings).value_error.mean() == pytest.approx(0.05, abs=0.03)
    assert large(darker, settings).hue_error.max() < 1e-6
    hazy = np.where(mask, values, 0.1 * np.array([0.8, 0.4, 0.0]))
    assert large(hazy, settings).background_haze.mean() == pytest.approx(0.1, abs=1e-6)
    assert large(hazy, settings).bleeding.max() < 1e-6
    blue = values + np.where(mask, 0, np.array([0.0, 0.0, 0.2]))
    found = large(blue, settings)
    assert 0.05 < found.bleeding.mean() < 0.2
    assert found.background_haze.max() < 0.01
    assert found.value_error.max() < 1e-6


def test_jpeg_bleeds_colours_and_arrays_do_not():
    kind, found = KINDS["coloured-triangle"], {}
    drawn = kind.draw(np.random.default_rng(6), 80)
    for preparation in ("array", "low"):
        settings = resolve(preparation, colour=True)
        found[preparation] = large(kind.render(drawn, settings), settings).bleeding.mean()
    assert found["array"] < 1e-9
    assert found["low"] > 0.01


def test_quadrilaterals_judged_as_triangles_do_not_pass():
    settings = resolve(kind="quadrilateral", count=150)
    kind = KINDS["quadrilateral"]
    images = kind.render(kind.draw(np.random.default_rng(7), 150), settings)
    own, other = (measure_each(Images(images, settings, judged_as=name)) for name in (None, "triangle"))
    clean = [(one[one.ink >= 30].displacement <= 0.208).mean() for one in (own, other)]
    assert clean[0] > 0.9
    assert clean[1] < 0.5
