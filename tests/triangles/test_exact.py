"""The posterior over all triangles, against sums over explicit images."""

from itertools import product
from math import log, pi, sqrt

import numpy as np
import pytest
import torch

from triangles import exact
from triangles.exact.entropy import ENTROPIES
from triangles.kinds.polygons import draw, draw_many
from triangles.settings import resolve


def every_triple(size):
    """All ordered triples of pixels, each drawn by itself: bool (size^6, size, size)."""
    pixels = list(product(range(size), repeat=2))
    corners = np.array(list(product(pixels, repeat=3)))
    return draw_many((corners + 0.5) / size, size) > 0


def brute_force(images, xt, abar):
    """E[x_0 | x_t] and log q(x_t), by the Gaussian's own formula."""
    x0 = 2.0 * images.reshape(len(images), -1) - 1
    flat = xt.reshape(len(xt), -1)
    logs = -np.square(flat[:, None] - sqrt(abar) * x0).sum(axis=2) / (2 * (1 - abar))
    logs -= x0.shape[1] / 2 * log(2 * pi * (1 - abar))
    top = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - top)
    total = weights.sum(axis=1, keepdims=True)
    return (weights / total @ x0).reshape(xt.shape), (top + np.log(total / len(images)))[:, 0]


def noised(size, abar, count=4, seed=0):
    rng = np.random.default_rng(seed)
    x0 = draw_many(rng.random((count, 3, 2)), size) / 127.5 - 1
    return sqrt(abar) * x0 + sqrt(1 - abar) * rng.standard_normal(x0.shape)


@pytest.mark.parametrize("abar", [0.999, 0.5, 0.01])
def test_it_is_the_sum_over_all_ordered_triples(abar):
    images, xt = every_triple(5), noised(5, abar)
    mean, evidence = brute_force(images, xt, abar)
    assert exact.denoise(xt, abar, 5) == pytest.approx(mean, abs=1e-9)
    assert exact.log_evidence(xt, abar, 5) == pytest.approx(evidence, abs=1e-9)


@pytest.mark.parametrize("abar", [0.9, 0.1])
def test_it_is_the_sum_over_the_different_images_at_8_px(abar):
    images, counts = exact.enumerate_images(8)
    assert counts.sum() == 8**6
    x0, xt = 2.0 * images.reshape(len(images), -1) - 1, noised(8, abar)
    logs = sqrt(abar) / (1 - abar) * xt.reshape(len(xt), -1) @ x0.T + np.log(counts)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    mean = (weights / weights.sum(axis=1, keepdims=True) @ x0).reshape(xt.shape)
    assert exact.denoise(xt, abar, 8) == pytest.approx(mean, abs=1e-9)


def test_images_and_multiplicities_are_those_of_drawing_each_triple():
    found, times = np.unique(every_triple(4).reshape(-1, 16), axis=0, return_counts=True)
    images, counts = exact.enumerate_images(4)
    order = np.lexsort(images.reshape(len(images), -1).T[::-1])
    assert np.array_equal(images.reshape(len(images), -1)[order], found)
    assert np.array_equal(counts[order], times)


def test_every_drawn_triangle_is_among_the_images():
    known = {image.tobytes() for image in exact.enumerate_images(7)[0]}
    rng = np.random.default_rng(1)
    assert all((draw(one, 7) > 0).tobytes() in known for one in rng.random((200, 3, 2)))


def test_without_noise_it_is_the_image_and_with_noise_only_the_mean_image():
    x0 = draw_many(np.random.default_rng(2).random((3, 3, 2)), 6) / 127.5 - 1
    assert exact.denoise(x0, 1 - 1e-6, 6) == pytest.approx(x0, abs=1e-9)
    images, counts = exact.enumerate_images(6)
    mean = 2 * np.average(images, axis=0, weights=counts) - 1
    assert exact.denoise(x0, 1e-12, 6)[0] == pytest.approx(mean, abs=1e-4)


def test_the_score_is_the_slope_of_the_log_evidence():
    abar, step, xt = 0.4, 1e-5, noised(5, 0.4, count=1)
    score = (sqrt(abar) * exact.denoise(xt, abar, 5)[0] - xt[0]) / (1 - abar)
    for y, x in [(0, 0), (2, 3), (4, 1)]:
        aside = np.zeros_like(xt)
        aside[0, y, x] = step
        up, down = (exact.log_evidence(xt + sign * aside, abar, 5)[0] for sign in (1, -1))
        assert (up - down) / (2 * step) == pytest.approx(score[y, x], abs=1e-5)


def test_the_evidence_of_noised_images_is_their_entropy_at_last():
    """At hardly any noise, -log q(x_t) less that of the noise is the surprise of the image; its mean is H."""
    images, counts = exact.enumerate_images(5)
    abar, rng = 1 - 1e-4, np.random.default_rng(3)
    x0 = 2.0 * images[rng.choice(len(images), 2000, p=counts / counts.sum())] - 1
    noise = rng.standard_normal(x0.shape)
    evidence = exact.log_evidence(sqrt(abar) * x0 + sqrt(1 - abar) * noise, abar, 5)
    of_noise = -np.square(noise).sum(axis=(1, 2)) / 2 - 25 / 2 * log(2 * pi * (1 - abar))
    bits = (of_noise - evidence) / log(2)
    assert bits.mean() == pytest.approx(exact.entropy(5), abs=4 * bits.std() / sqrt(2000))


def test_entropy_at_2_px_by_hand():
    """Of 64 triples four give one pixel, each of the six pairs comes 6 times, and so does each three of four pixels."""
    images, counts = exact.enumerate_images(2)
    assert dict(zip(counts.tolist(), images.sum(axis=(1, 2)).tolist(), strict=True))[1] == 1
    assert exact.entropy(2) == pytest.approx(4 / 64 * 6 + 60 / 64 * np.log2(64 / 6))


@pytest.mark.parametrize("size", [4, 8])
def test_entropy_stays_what_it_was(size):
    """Pillow's filling decides it."""
    images, counts = exact.enumerate_images(size)
    bits = {4: 9.18622228925734} | ENTROPIES
    assert exact.compute_entropy(size) == pytest.approx(bits[size], abs=1e-9)
    assert exact.Finite(images, counts).entropy == pytest.approx(bits[size], abs=1e-9)
    assert exact.entropy(size) == pytest.approx(bits[size], abs=1e-9)


def test_entropy_is_known_of_triangles_in_black_and_white_only():
    known = {"array": ENTROPIES[32], "low": None, "high": None}
    assert {name: exact.known_entropy(resolve(name)) for name in known} == known
    assert exact.known_entropy(resolve("array", size=12)) == ENTROPIES[12]
    assert exact.known_entropy(resolve("array", size=31)) is None
    others = ["quadrilateral", "ellipse", "coloured-triangle"]
    assert [exact.known_entropy(resolve("array", kind=kind)) for kind in others] == [None] * 3


def test_a_finite_set_is_any_images_with_any_counts():
    images = np.random.default_rng(4).random((20, 3, 5)) > 0.5
    images[0] = False
    counts = np.arange(1, 21)
    found = exact.Finite(images, counts)
    xt = np.random.default_rng(5).standard_normal((2, 3, 5))
    mean, evidence = brute_force(np.repeat(images, counts, axis=0), xt, 0.3)
    assert found.denoise(xt, 0.3) == pytest.approx(mean, abs=1e-9)
    assert found.log_evidence(xt, 0.3) == pytest.approx(evidence, abs=1e-9)


@pytest.mark.parametrize("scale", [1, 30, 3000])
def test_what_no_image_is_like_is_weighed_too(scale):
    """The likeliest halves make no image then, and sums of products would underflow."""
    xt = scale * np.random.default_rng(6).standard_normal((3, 5, 5))
    mean, evidence = brute_force(every_triple(5), xt, 0.9)
    assert exact.denoise(xt, 0.9, 5) == pytest.approx(mean, abs=1e-9)
    assert exact.log_evidence(xt, 0.9, 5) == pytest.approx(evidence, rel=1e-12)


def test_it_is_the_posterior_of_the_model_of_finite_images():
    """Two packages that know nothing of each other compute it, in float64 and float32."""
    from diffusion.denoising.finite import finite_model
    from diffusion.denoising.perfect import EmpiricalSettings

    images, counts = exact.enumerate_images(6)
    model = finite_model(EmpiricalSettings(), images, counts)
    for t in (50, 300, 700):
        abar = float(model.process.schedule.abar[t])
        xt = noised(6, abar, seed=t)
        found = model.predict(torch.from_numpy(xt).float()[:, None], torch.tensor([t])).x0[:, 0]
        assert found.numpy() == pytest.approx(exact.denoise(xt, abar, 6), abs=1e-4)


def test_no_result_hangs_on_the_batch():
    xt = noised(6, 0.3, count=70)
    assert exact.denoise(xt, 0.3, 6)[65:] == pytest.approx(exact.denoise(xt[65:], 0.3, 6), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: exact.denoise(np.zeros((1, 64, 64)), 0.5, 64), "64 px would take .* h to sum for one x_t"),
        (lambda: exact.log_evidence(np.zeros((1, 720, 720)), 0.5, 720), "720 px would take .* days to sum"),
        (lambda: exact.enumerate_images(32), "32 px would take .* h to draw"),
        (lambda: exact.enumerate_images(128), "128 px would take 8 days to draw"),
        (lambda: exact.enumerate_images(1), "at least 2 pixels"),
        (lambda: exact.compute_entropy(64), "64 px would take .* h to draw"),
        (lambda: exact.denoise(np.zeros((1, 5, 5)), 1.0, 5), "must lie in"),
        (lambda: exact.denoise(np.zeros((1, 4, 4)), 0.5, 5), "has shape"),
        (lambda: exact.denoise(np.full((1, 5, 5), np.nan), 0.5, 5), "finite"),
        (lambda: exact.Finite(np.zeros((0, 4, 4))), "are needed"),
    ],
)
def test_what_is_impossible_is_refused_in_one_line(call, words):
    with pytest.raises(ValueError, match=words) as refused:
        call()
    assert "\n" not in str(refused.value)
