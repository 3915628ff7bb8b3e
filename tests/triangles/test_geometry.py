"""Geometry against closed forms: known triangles, and the exact anchors against a large sample."""

from math import pi, sqrt
from types import SimpleNamespace

import numpy as np
import pytest

from triangles import geometry
from triangles.checking import anchor_scores
from triangles.kinds import KINDS

RIGHT = np.array([[0.0, 0.0], [0.3, 0.0], [0.0, 0.4]])  # 3-4-5
EQUILATERAL = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, sqrt(3) / 2]])
OBTUSE = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.1]])


def test_known_triangles():
    both = np.stack([RIGHT, EQUILATERAL])
    np.testing.assert_allclose(geometry.area(both), [0.06, sqrt(3) / 4])
    np.testing.assert_allclose(geometry.perimeter(both), [1.2, 3.0])
    np.testing.assert_allclose(geometry.angles(RIGHT), [np.arcsin(0.6), np.arcsin(0.8), pi / 2])
    np.testing.assert_allclose(geometry.angles(EQUILATERAL), pi / 3)
    assert geometry.is_obtuse(np.stack([EQUILATERAL, OBTUSE])).tolist() == [False, True]


def test_any_order_of_vertices_is_the_same_triangle():
    vertices = geometry.random_vertices(100, np.random.default_rng(1))
    for measure in (geometry.area, geometry.perimeter, geometry.angles):
        np.testing.assert_allclose(measure(vertices[:, [2, 0, 1]]), measure(vertices), rtol=1e-9)
        np.testing.assert_allclose(measure(vertices[:, ::-1]), measure(vertices), rtol=1e-9)


def test_area_agrees_with_heron_and_angles_sum_to_pi():
    vertices = geometry.random_vertices(1000, np.random.default_rng(2))
    sides = geometry.side_lengths(vertices)
    s = sides.sum(axis=1) / 2
    np.testing.assert_allclose(geometry.area(vertices) ** 2, s * np.prod(s[:, None] - sides, axis=1), atol=1e-12)
    np.testing.assert_allclose(geometry.angles(vertices).sum(axis=1), pi)


def test_contains_agrees_with_barycentric_coordinates():
    vertices = geometry.random_vertices(500, np.random.default_rng(3))
    point = np.array([0.4, 0.6])
    edges = np.moveaxis(vertices[:, 1:] - vertices[:, :1], 1, 2)
    weights = np.linalg.solve(edges, (point - vertices[:, 0])[..., None])[..., 0]
    inside = (weights >= 0).all(axis=1) & (weights.sum(axis=1) <= 1)
    assert geometry.contains(vertices, point).tolist() == inside.tolist()
    assert inside.any()


@pytest.mark.parametrize("vertices", [np.zeros((3, 2)), np.array([[0, 0], [0.5, 0.5], [1, 1]])])
def test_degenerate_triangles_give_finite_numbers(vertices):
    assert geometry.area(vertices) == 0
    assert np.isfinite(geometry.angles(vertices)).all()


def test_exact_anchors_hold_for_a_large_sample():
    """400,000 triangles: each anchor within 4.5 standard errors, so to about 0.4% or better."""
    scores = anchor_scores(KINDS["triangle"], geometry.random_vertices(400_000, np.random.default_rng(4)))
    assert len(scores) == 5
    assert all(abs(z) < 4.5 for _, _, z in scores.values()), scores
    assert pytest.approx(geometry.SD_AREA**2) == geometry.MEAN_SQUARED_AREA - geometry.MEAN_AREA**2
    assert pytest.approx(1.5642, abs=5e-5) == geometry.MEAN_PERIMETER


def test_anchor_scores_notice_points_that_are_not_uniform():
    vertices = geometry.random_vertices(2_000, np.random.default_rng(5)) ** 1.4
    assert max(abs(z) for _, _, z in anchor_scores(KINDS["triangle"], vertices).values()) > 4.5


def test_no_triangles_are_refused():
    with pytest.raises(ValueError, match="count is 0"):
        geometry.random_vertices(0, np.random.default_rng(0))


def test_an_anchor_that_is_always_met_scores_nothing():
    values = np.full(100, 0.1) + np.resize([0, 1e-17, -1e-17], 100)
    fixed = SimpleNamespace(anchors={"side": (lambda _: values, 0.1, None), "off": (lambda _: values + 0.1, 0.1, None)})
    scores = anchor_scores(fixed, np.zeros((100, 1)))
    assert scores["side"][2] == 0
    assert abs(scores["off"][2]) > 1e6
