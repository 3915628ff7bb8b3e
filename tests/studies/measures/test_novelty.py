import numpy as np
import pytest

from studies.measures import novelty


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
