import numpy as np
import pytest

from studies.measures.rulers import novelty


def test_nearest_two_against_counting_one_by_one():
    rng = np.random.default_rng(0)
    ink, train = rng.random((7, 6, 6)) < 0.4, rng.random((20, 6, 6)) < 0.4
    nearest, second = novelty.nearest_two(ink, train)
    for image, one, two in zip(ink, nearest, second, strict=True):
        assert [one, two] == sorted((image != other).sum() for other in train)[:2]


def test_ratio_is_euclidean_and_an_exact_copy_gives_zero():
    assert novelty.distance_ratio([0, 4, 0, 9], [25, 36, 0, 9]) == pytest.approx([0, 1 / 3, 0, 1])


def test_nearest_others_skip_the_image_itself():
    ink = np.zeros((3, 4, 4), bool)
    ink[1, 0, 0] = ink[2, 0, 0] = True
    assert novelty.nearest_others(ink).tolist() == [1, 0, 0]
    assert np.isnan(novelty.nearest_others(ink[:1])).all()


def test_identical_images_are_those_that_a_file_could_not_tell_apart():
    images = np.zeros((5, 4, 4), np.float32)
    images[1] = 0.4 / 255  # black in a file too
    images[2] = 0.6 / 255
    images[3, 0, 0] = images[4, 3, 3] = 1
    assert novelty.identical(images).tolist() == [True, True, False, False, False]


def test_images_are_the_same_but_for_haze():
    images = np.zeros((4, 8, 8))
    images[1] = 0.01
    images[2, 2:5, 2:5] = 1
    images[3, 3:6, 3:6] = 1
    found = novelty.nearest_rms(images)
    square = np.sqrt((9 * 0.99**2 + 55 * 0.01**2) / 64)  # off the faintly gray image
    assert found == pytest.approx([0.01, 0.01, square, square])
    colours = np.random.default_rng(0).random((5, 4, 4, 3))
    apart = [np.sqrt(((colours - one) ** 2).mean(axis=(1, 2, 3))) for one in colours]
    assert novelty.nearest_rms(colours) == pytest.approx([np.sort(one)[1] for one in apart])
    assert np.isnan(novelty.nearest_rms(images[:1])).all()


def test_copies_are_nearer_to_the_training_set_than_to_a_fresh_one():
    assert novelty.copied_share([1, 2, 3, 4], [2, 3, 4, 5]) == 1
    assert novelty.copied_share([1, 5, 3, 4], [5, 1, 3, 4]) == 0
    assert np.isnan(novelty.copied_share([], []))


def test_the_fresh_set_is_drawn_as_the_training_set_and_shares_no_picture_with_it():
    from studies.measures.images import Images
    from triangles.rendering import draw_parameters, render
    from triangles.settings import resolve

    settings = resolve("array", count=300, test_count=20)
    train, test = (render(draw_parameters(settings, split), settings) for split in ("train", "test"))
    images = Images(test, settings, train)
    assert images.fresh_ink.shape == images.training_ink.shape
    assert np.array_equal(images.fresh_ink, Images(test[:3], settings, train).fresh_ink)
    large = images.fresh_ink[images.fresh_ink.sum(axis=(1, 2)) > 30]
    assert (novelty.nearest_two(large, images.training_ink)[0] > 0).all()
    assert Images(test, settings).fresh_ink is None


def test_chunks_do_not_show(monkeypatch):
    ink = np.random.default_rng(1).random((23, 5, 5)) < 0.5
    whole = novelty.nearest_others(ink), novelty.nearest_two(ink, ink)[1]
    monkeypatch.setattr(novelty, "CHUNK", 4)
    assert np.array_equal(novelty.nearest_others(ink), whole[0])
    assert np.array_equal(novelty.nearest_two(ink, ink)[1], whole[1])


def test_too_few_or_foreign_training_images_are_refused():
    ink = np.zeros((2, 4, 4), bool)
    with pytest.raises(ValueError, match="at least 2"):
        novelty.nearest_two(ink, ink[:1])
    with pytest.raises(ValueError, match="of one size"):
        novelty.nearest_two(ink, np.zeros((5, 8, 8), bool))
