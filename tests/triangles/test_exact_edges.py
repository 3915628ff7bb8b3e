"""Sums over edges, against sums over images: the posterior where images are too many to be held."""

import tracemalloc

import numpy as np
import pytest

from triangles import exact
from triangles.exact import edges, sums
from triangles.exact.canvas import find_seconds
from triangles.kinds import polygons
from triangles.kinds.polygons import draw_many


@pytest.fixture(scope="module")
def by_edges():
    """{size: the posterior}; a size is set up once."""
    return {size: exact.Every(size) for size in (2, 5, 8)}


def draw_x0(size, count, seed=0):
    return draw_many(np.random.default_rng(seed).random((count, 3, 2)), size) / 127.5 - 1


def noised(size, abar, count=3, seed=0):
    x0 = draw_x0(size, count, seed)
    return np.sqrt(abar) * x0 + np.sqrt(1 - abar) * np.random.default_rng(seed + 1).standard_normal(x0.shape)


def agree(ours, theirs, xt, abar):
    assert ours.denoise(xt, abar) == pytest.approx(theirs.denoise(xt, abar), abs=1e-9)
    assert ours.log_evidence(xt, abar) == pytest.approx(theirs.log_evidence(xt, abar), rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("abar", [0.9999, 0.9, 0.4, 0.01])
@pytest.mark.parametrize("size", [2, 5, 8])
def test_it_is_the_sum_over_all_images(by_edges, size, abar):
    agree(by_edges[size], exact.Finite(*exact.enumerate_images(size)), noised(size, abar), abar)


@pytest.mark.parametrize("abar", [0.9, 0.4])
def test_where_products_leave_the_range_of_floats_logs_are_added(by_edges, abar, monkeypatch):
    monkeypatch.setattr(sums, "REACH", 0.0)
    agree(by_edges[8], exact.every(8), noised(8, abar), abar)


@pytest.mark.parametrize("scale", [30, 3000])
def test_what_no_image_is_like_is_weighed_too(by_edges, scale):
    xt = scale * np.random.default_rng(6).standard_normal((2, 8, 8))
    agree(by_edges[8], exact.every(8), xt, 0.9)


@pytest.mark.parametrize("size", [5, 8])
def test_every_ordered_triple_is_counted_once(by_edges, size):
    """The weights of x_t = 0 are 1 each."""
    assert by_edges[size]._weigh(np.zeros((size, size)))[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", [3, 32])
def test_triangles_are_drawn_as_the_terms_of_edges_say(size):
    """At 32 px too, where this is what stands for a sum over images."""
    edges.check_drawing(size, 500)


def test_another_rule_of_filling_is_refused(monkeypatch):
    monkeypatch.setattr(edges, "draw_many", lambda corners, size: np.roll(polygons.draw_many(corners, size), 1, axis=2))
    with pytest.raises(RuntimeError, match="otherwise than Pillow 13"):
        exact.Every(6)


def test_upside_down_the_mean_is_too(by_edges):
    xt = noised(8, 0.3)
    assert by_edges[8].denoise(xt[:, ::-1], 0.3) == pytest.approx(by_edges[8].denoise(xt, 0.3)[:, ::-1], abs=1e-9)


@pytest.mark.parametrize(("axis", "share"), [(1, 0), (2, 467 / 5**6)])
def test_upside_down_triangles_are_triangles_and_nearly_all_are_in_a_mirror(axis, share):
    """Pillow rounds a corner's half pixels to the right: in 3% of the triangles that shows."""
    images, counts = exact.enumerate_images(5)
    known = dict(zip(map(bytes, images), counts.tolist(), strict=True))
    mirrored = map(bytes, np.ascontiguousarray(np.flip(images, axis)))
    missing = sum(max(0, count - known.get(one, 0)) for one, count in zip(mirrored, counts.tolist(), strict=True))
    assert missing / 5**6 == pytest.approx(share, abs=1e-3)


def test_no_result_hangs_on_order_batch_or_cores(by_edges):
    xt, done, order = noised(8, 0.3, count=5), [], [3, 0, 4, 1, 2]
    found = by_edges[8].denoise(xt, 0.3)
    assert np.array_equal(by_edges[8].denoise(xt[order], 0.3, cores=2, progress=done.append), found[order])
    assert done == [1] * 5
    assert np.array_equal(by_edges[8].denoise(xt[2:3], 0.3), found[2:3])


def test_the_score_is_the_slope_of_the_log_evidence(by_edges):
    abar, step, xt = 0.4, 1e-5, noised(8, 0.4, count=1)
    score = (np.sqrt(abar) * by_edges[8].denoise(xt, abar)[0] - xt[0]) / (1 - abar)
    aside = np.zeros_like(xt)
    aside[0, 3, 4] = step
    up, down = (by_edges[8].log_evidence(xt + sign * aside, abar)[0] for sign in (1, -1))
    assert (up - down) / (2 * step) == pytest.approx(score[3, 4], abs=1e-5)


@pytest.mark.parametrize("abar", [0.8, 0.1])
def test_the_floor_is_what_the_mean_leaves_of_the_images_square(abar):
    """E |x_0 - E[x_0 | x_t]|^2 = E [n^2 - |E[x_0 | x_t]|^2], as x_0 is +-1: Monte Carlo of both, with equal draws."""
    xt, x0 = noised(6, abar, count=1500, seed=7), draw_x0(6, 1500, seed=7)
    mean = exact.denoise(xt, abar, 6)
    floor = 36 - np.square(mean).sum(axis=(1, 2))
    difference = np.square(x0 - mean).sum(axis=(1, 2)) - floor
    assert floor.mean() > 0.3
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(1500)


def test_memory_keeps_to_its_bound():
    """2 GB at 48 px, and what is held grows with size^5; so much more is held at any size."""
    tracemalloc.start()
    exact.Every(14).denoise(noised(14, 0.5, count=1), 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e9 * (14 / 48) ** 5 + 8e6


def test_the_time_of_an_x_t_is_told_beforehand():
    assert 1 < find_seconds(32) < 10
