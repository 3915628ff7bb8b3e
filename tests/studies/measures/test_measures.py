"""The controls of "is it a triangle?", and the rows that come out."""

import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from studies.measures.images import Images, measure_each
from studies.measures.images import summarise as summarise_kind
from studies.measures.measure import SMALL
from studies.measures.rulers.shape import validity_threshold
from triangles.fits.polygons import render_drawn
from triangles.geometry import random_vertices
from triangles.kinds import KINDS
from triangles.rendering import render
from triangles.settings import resolve

SIZE = 32


def per_image(images, train=None, settings=None):
    return measure_each(Images(images, settings, train))


def summarise(table, real_table, rng):
    return summarise_kind(table, real_table, KINDS["triangle"], rng)


def measure_samples(samples, train, rng, real_table):
    return summarise(per_image(samples, train), real_table, rng)


def polygons(*outlines, size=SIZE):
    """One image of filled outlines, drawn at `size` and brought to 32 px as the sets are."""
    image = Image.new("L", (size, size))
    for outline in outlines:
        ImageDraw.Draw(image).polygon([tuple(p) for p in (outline * size).tolist()], fill=255)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC) if size != SIZE else image)


def ellipse(rng):
    angle, turn = np.linspace(0, 2 * np.pi, 60), rng.uniform(0, np.pi)
    a, b = rng.uniform(0.1, 0.3, 2)
    x, y = a * np.cos(angle), b * np.sin(angle)
    return rng.uniform(0.3, 0.7, 2) + np.stack(
        [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1
    )


def convex_quadrilateral(rng):
    while True:
        corners = rng.random((4, 2))
        corners = corners[np.argsort(np.arctan2(*(corners - corners.mean(axis=0)).T))]
        side, following = np.roll(corners, -1, 0) - corners, np.roll(corners, -2, 0) - np.roll(corners, -1, 0)
        turn = side[:, 0] * following[:, 1] - side[:, 1] * following[:, 0]
        if (turn > 0).all() or (turn < 0).all():
            return corners


def two_triangles(rng):
    left, right = rng.random((2, 3, 2)) * [0.45, 1]
    return left, right + np.array([0.55, 0])


def test_one_ruler_measures_every_set_alike():
    """The plain overlap is that of the fit drawn at 32 px, however the set itself was drawn."""
    settings = resolve("high")
    images = np.stack([polygons(ellipse(np.random.default_rng(i)), size=720) for i in range(40)])
    soft = per_image(images, None, settings)
    hard = per_image(images)
    large = hard.ink >= SMALL
    assert (soft.plain_iou == hard.iou).all()
    assert (hard.plain_iou == hard.iou).all()
    assert soft.iou[large].mean() > hard.iou[large].mean() + 0.01  # a smoothed fit forgives more


def test_to_draw_nothing_is_to_fail():
    real = per_image(render_drawn(random_vertices(60, np.random.default_rng(0)), SIZE))
    blank = per_image(np.zeros((5, SIZE, SIZE)))
    found = {m.name: m for m in summarise(blank, real, np.random.default_rng(0))}
    for name in ("valid_share", "iou_0.8_share", "plain_iou_0.9_share"):
        assert (found[name].value, found[name].n) == (0.0, 0)


def valid_share(images, real_table, settings):
    table = per_image(images, None, settings)
    return np.mean(table.iou[table.ink >= SMALL] >= validity_threshold(real_table))


@pytest.fixture(scope="module", params=["array", "high"])
def preparation(request):
    settings = resolve(request.param)
    rng = np.random.default_rng(11)
    real, fresh = (render(random_vertices(400, rng), settings) for _ in range(2))
    return request.param, settings, per_image(real, None, settings), fresh


def test_held_out_triangles_pass_at_95_percent_by_construction(preparation):
    _, settings, real, fresh = preparation
    large = real[real.ink >= SMALL]
    assert np.mean(large.iou >= validity_threshold(real)) >= 0.95
    assert valid_share(fresh, real, settings) > 0.91  # 95%, less four standard errors of the fresh and the threshold


def test_what_is_no_triangle_passes_at_its_known_share(preparation):
    # Measured on 600 images each; array: ellipses 0, noise 0, quadrilaterals 0.03, two triangles 0;
    # high: 0, 0, 0.52 and 0.18 (bicubic edges lower the threshold to 0.90; a two of which one vanishes is one).
    name, settings, real, _ = preparation
    rng, size = np.random.default_rng(12), settings.draw_size
    most = {"array": (0.01, 0.01, 0.10, 0.01), "high": (0.01, 0.01, 0.65, 0.30)}[name]
    shapes = (
        [polygons(ellipse(rng), size=size) for _ in range(120)],
        list((rng.random((60, SIZE, SIZE)) * 255).astype(np.uint8)),
        [polygons(convex_quadrilateral(rng), size=size) for _ in range(120)],
        [polygons(*two_triangles(rng), size=size) for _ in range(120)],
    )
    shares = [valid_share(np.stack(images), real, settings) for images in shapes]
    assert np.less_equal(shares, most).all(), shares


def test_overlap_names_shapes_apart_in_every_preparation(preparation):
    _, settings, real, _ = preparation
    rng, size = np.random.default_rng(13), settings.draw_size
    ellipses = per_image(np.stack([polygons(ellipse(rng), size=size) for _ in range(60)]), None, settings)
    assert np.mean(ellipses.iou >= 0.8) < 0.05
    assert np.mean(real.iou[real.ink >= SMALL] >= 0.8) > 0.98


def by_name(rows):
    return {row.name: row for row in rows}


@pytest.fixture(scope="module")
def array_set():
    rng = np.random.default_rng(21)
    train, real, fresh = (render_drawn(random_vertices(n, rng), SIZE) for n in (1500, 500, 300))
    return train, fresh, per_image(real, train)


def test_fresh_triangles_look_like_the_real_ones(array_set):
    train, fresh, real_table = array_set
    rows = measure_samples(fresh / np.float32(255), train, np.random.default_rng(0), real_table)
    found = by_name(rows)
    assert len(found) == len(rows)
    assert found["valid_share"].value > 0.93
    assert found["gray_share"].value == found["copy_share"].value == found["background_haze"].value == 0
    assert abs(found["excess_components"].value) < 0.1
    assert found["classifier_accuracy"].value == pytest.approx(0.5, abs=0.06)
    assert found["energy_distance"].value < found["real_energy_distance"].value + 0.05
    assert found["copy_upper_bound"].value == pytest.approx(3 / found["copy_upper_bound"].n)


def test_planted_faults_show_in_their_own_measures(array_set):
    train, fresh, real_table = array_set
    noisy = fresh / np.float32(255) * 0.8 + 0.1
    noisy[:30] = 0
    noisy[30:90] = train[:60] / np.float32(255)
    noisy[90] = noisy[30]
    noisy[90, 0, 0] = 1 - noisy[90, 0, 0]  # a pixel off is close, but no copy
    found = by_name(measure_samples(noisy, train, np.random.default_rng(0), real_table))
    assert found["blank_share"].value == pytest.approx(0.1)
    assert found["identical_share"].value == pytest.approx(0.1)
    assert found["gray_share"].value == pytest.approx(209 / 300)
    assert found["excess_gray_share"].value == pytest.approx(209 / 300)  # the real ones have none
    assert found["copy_share"].value == pytest.approx(60 / 270)
    assert found["memorised_share"].value >= 61 / 270
    clean = np.isin(np.arange(300), np.arange(30, 91))
    large = (per_image(noisy).ink >= SMALL).to_numpy()
    assert found["background_rms"].value == pytest.approx(0.1 * np.mean(~clean[large]), rel=0.02)


def test_a_stored_real_table_gives_the_same_numbers(array_set, tmp_path):
    train, fresh, real_table = array_set
    np.savez(tmp_path / "real.npz", **{name: real_table[name] for name in real_table})
    with np.load(tmp_path / "real.npz", allow_pickle=False) as stored:
        again = pd.DataFrame(dict(stored))
    table = per_image(fresh[:80], train)
    first, second = (summarise(table, one, np.random.default_rng(4)) for one in (real_table, again))
    assert [row.name for row in first] == [row.name for row in second]
    np.testing.assert_array_equal([row.value for row in first], [row.value for row in second])


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_samples_have_defined_measures(array_set, value):
    train, _, real_table = array_set
    rows = measure_samples(np.full((5, SIZE, SIZE), value, np.float32), train, np.random.default_rng(0), real_table)
    found = by_name(rows)
    assert found["valid_share"].n == (5 if value == 1 else 0)
    assert found["blank_share"].value == (0 if value == 1 else 1)


def test_single_pixels_and_a_single_image_have_defined_measures(array_set):
    train, _, real_table = array_set
    images = np.zeros((1, SIZE, SIZE), np.float32)
    images[0, 4, 4] = 1
    found = by_name(measure_samples(images, train, np.random.default_rng(0), real_table))
    assert found["small_share"].value == found["components"].value == 1
    assert np.isnan(found["iou_mean"].value)
    assert found["iou_mean"].n == 0


def test_no_images_and_foreign_sizes_are_refused(array_set):
    train = array_set[0]
    with pytest.raises(ValueError, match="no images"):
        per_image(np.zeros((0, SIZE, SIZE), np.float32))
    with pytest.raises(ValueError, match="training images"):
        per_image(np.zeros((3, 16, 16), np.float32), train)
    with pytest.raises(ValueError, match="NaN"):
        per_image(np.full((3, SIZE, SIZE), np.nan, np.float32))


def test_two_hundred_samples_against_ten_thousand_take_seconds(array_set):
    rng = np.random.default_rng(22)
    _, fresh, real_table = array_set
    train = render_drawn(random_vertices(10_000, rng), SIZE)
    samples = np.clip(fresh[:200] / 255 + rng.normal(0, 0.3, (200, SIZE, SIZE)), 0, 1).astype(np.float32)
    start = time.process_time()
    measure_samples(samples, train, rng, real_table)
    assert time.process_time() - start < 10  # 1.5 s where it was written; 2,000 real images cost 3 s once


def test_each_measure_is_of_its_own_column_and_its_own_images(array_set):
    """Planted: 10 blank images, 10 of 29 px and 20 of 30; the smaller ones are the wrong ones to ask for overlaps."""
    _, fresh, real_table = array_set
    number = np.arange(40)
    planted = {"ink": np.repeat([0, SMALL - 1, SMALL], [10, 10, 20]), "sqrt_area": 2.0}
    planted |= {"iou": np.where(number % 2, 0.85, 0.75), "plain_iou": np.where(number % 4, 0.75, 0.85)}
    planted |= {"components": 1 + number % 3, "nearest_other": number % 3}
    found = by_name(summarise(per_image(fresh[:40]).assign(**planted), real_table, np.random.default_rng(0)))
    expected = {"blank_share": (1 / 4, 40), "small_share": (1 / 2, 40), "iou_0.8_of_all": (1 / 4, 40)}
    expected |= {"iou_0.8_share": (1 / 2, 20), "plain_iou_0.8_share": (1 / 4, 20)}
    expected |= {"one_piece_share": (1 / 3, 30), "repeated_share": (1 / 3, 30)}
    for name, (value, n) in expected.items():
        assert (found[name].value, found[name].n) == (pytest.approx(value), n), name
    assert found["wasserstein_sqrt_area"].n == 20
    assert found["wasserstein_sqrt_area"].value > 1 > 10 * found["real_wasserstein_sqrt_area"].value
