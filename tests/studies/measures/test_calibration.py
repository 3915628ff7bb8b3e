"""Shapes that are nearly triangles, by their closed forms; what the measures refuse; how training images get gray."""

import numpy as np
import pytest

from studies.measures.calibration import impostors, power, preparing
from triangles import geometry
from triangles.datasets import write_dataset
from triangles.settings import resolve


def area(polygons):
    """The shoelace formula, positive either way round."""
    x, y = np.moveaxis(polygons, -1, 0)
    return np.abs((x * np.roll(y, -1, -1) - y * np.roll(x, -1, -1)).sum(axis=-1)) / 2


class Counted:
    """A generator that counts how often points were drawn."""

    def __init__(self, seed):
        self.rng, self.calls = np.random.default_rng(seed), 0

    def random(self, shape):
        self.calls += 1
        return self.rng.random(shape)


@pytest.mark.parametrize(("corners", "probability"), [(4, 25 / 36), (5, 49 / 144)])
def test_polygons_are_convex_and_as_rare_as_sylvester_s_problem_says(corners, probability):
    rng = Counted(0)
    polygons = impostors.convex_polygons(rng, 600, corners)
    assert polygons.shape == (600, corners, 2)
    side = np.roll(polygons, -1, axis=1) - polygons
    after = np.roll(side, -1, axis=1)
    assert (side[..., 0] * after[..., 1] - side[..., 1] * after[..., 0] > 0).all()
    assert 600 / rng.calls == pytest.approx(probability, abs=4 * np.sqrt(probability / rng.calls))


def test_rounding_takes_the_area_that_its_formula_says(monkeypatch):
    monkeypatch.setattr(impostors, "ARC", 400)  # an arc of few points cuts off a little more
    vertices = np.array([[0.1, 0.1], [0.9, 0.2], [0.3, 0.8]])
    for corners in (vertices, vertices[::-1]):
        whole, around, radius = geometry.area(vertices), geometry.perimeter(vertices), 0.1
        lost = radius**2 * (around**2 / (4 * whole) - np.pi)
        assert area(impostors.round_corners(corners, radius)) == pytest.approx(whole - lost, rel=1e-4)


def test_drawn_rounded_triangles_hold_the_circle():
    for polygon in impostors.draw_rounded(np.random.default_rng(0), 20, 0.06):
        assert area(polygon) > np.pi * 0.06**2


def test_a_cut_corner_takes_its_share_of_the_area():
    vertices = geometry.random_vertices(20, np.random.default_rng(1))
    assert area(impostors.cut_corner(vertices, 0.2)) == pytest.approx(0.8 * geometry.area(vertices))


def test_bent_edges_keep_the_corners_and_move_by_the_amplitude():
    vertices = 0.25 + geometry.random_vertices(400, np.random.default_rng(2)) / 2  # no edge reaches the border
    bent = impostors.bend(np.random.default_rng(3), vertices, 0.02)
    assert np.array_equal(bent[:, ::2], vertices)
    moved = np.linalg.norm(bent[:, 1::2] - (vertices + np.roll(vertices, -1, axis=1)) / 2, axis=-1)
    assert np.sqrt((moved**2).mean()) == pytest.approx(0.02, rel=0.05)
    assert np.array_equal(impostors.bend(np.random.default_rng(3), vertices, 0.0)[:, ::2], vertices)


def test_what_passes_for_a_triangle_and_for_new(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "COUNT", 60)
    write_dataset(tmp_path / "set", resolve("array", count=2000, test_count=1))
    rows = {row["shapes"]: row for row in power.measure_power(tmp_path / "set")}
    assert rows["triangles"]["clean"] > 0.9
    assert rows["quadrilaterals"]["clean"] < 0.6 < rows["quadrilaterals"]["overlap_0.8"]
    assert rows["rounded by 2 px"]["clean"] < 0.15
    copies, new = (rows[f"{of} triangles, edges bent by 0.6 px"] for of in ("training", "new"))
    assert copies["copied"] > 0.8 > 0.4 > abs(new["copied"])
    assert copies["memorised"] < 0.5


def test_gray_comes_from_files_and_filters(monkeypatch):
    monkeypatch.setattr(preparing, "COUNT", 20)
    ways = {(name, one.draw_size, by): one for name, by, one in preparing.list_preparations()}
    assert len(ways) == len(preparing.FORMATS) * (1 + 2 * 5)

    def measured(*way):
        return preparing.measure_preparation(ways[way])

    plain, jpeg, fine = measured("none", 32, ""), measured("JPEG 75", 32, ""), measured("none", 720, "bicubic")
    assert (plain["haze"], plain["edge_gray"]) == (0, 0)
    assert measured("PNG", 32, "") == plain
    assert jpeg["haze"] > 0.005 > fine["haze"]
    assert fine["edge_gray"] > jpeg["edge_gray"] > 0
    assert plain["area_bias"] > 10 * fine["area_bias"] > 0  # ImageDraw paints the boundary's pixels too
