"""Pictures in colours: their shapes are those of the gray kind, and unmixing finds shape and colours again."""

import colorsys

import numpy as np
import pytest

from triangles.fits.coloured import FAINT, unmix
from triangles.kinds import KINDS
from triangles.rendering import draw_parameters
from triangles.settings import resolve

COLOURED = [name for name in KINDS if name.startswith("coloured-")]


@pytest.mark.parametrize("name", COLOURED)
def test_shapes_are_those_of_the_gray_kind_for_the_same_seed(name):
    kind = KINDS[name]
    gray = draw_parameters(resolve(count=50, seed=3), "train")
    coloured = draw_parameters(resolve(count=50, seed=3, kind=name), "train")
    assert np.array_equal(kind.shapes_of(coloured), gray)
    for one, vertices in zip(coloured[:5], gray[:5], strict=True):
        image, mask = kind.paint(one, 32), kind.shapes.paint(vertices, 32) > 0
        _, (colour,), (behind,) = kind.split(one[None])
        assert (image[mask] == np.rint(255 * colour)).all()
        assert (image[~mask] == np.rint(255 * behind)).all()


def test_hue_saturation_and_value_are_uniform_over_their_whole_range():
    pictures = KINDS["coloured-triangle-on-colour"].draw(np.random.default_rng(1), 4000)
    for rgb in (pictures[:, 6:9], pictures[:, 9:]):
        hsv = np.array([colorsys.rgb_to_hsv(*one) for one in rgb])
        share, _ = np.histogramdd(hsv, bins=(4, 4, 4), range=[(0, 1)] * 3)
        assert share.min() > 30, "a corner of the colours is never drawn"  # 62 on average


@pytest.mark.parametrize("name", COLOURED)
def test_unmixing_gives_back_shape_and_colours_where_they_differ_enough(name):
    kind, settings = KINDS[name], resolve(kind=name)
    pictures = kind.draw(np.random.default_rng(2), 200)
    shapes, colours, behind = kind.split(pictures)
    unmixed = kind.unmix(kind.render(pictures, settings))
    mask = np.stack([kind.shapes.paint(shape, 32) > 0 for shape in shapes])
    apart = np.linalg.norm(colours - behind, axis=1)
    seen = (apart > FAINT + 0.01) & mask.any(axis=(1, 2)) & (mask.mean(axis=(1, 2)) < 0.5)
    assert seen.sum() > 100
    assert np.array_equal(unmixed.share[seen] > 0.5, mask[seen])
    assert np.abs(unmixed.colour - colours)[seen].max() <= 0.5 / 255 + 1e-9
    assert np.abs(unmixed.behind - behind)[seen].max() <= 0.5 / 255 + 1e-9
    assert unmixed.rest[seen].max() < 1e-9
    assert not unmixed.share[apart < FAINT - 0.01].any()


def test_a_mixture_by_hand_is_unmixed_and_what_is_no_mixture_is_told():
    image = np.zeros((1, 4, 4, 3))
    image[0, 0], image[0, 1, 0] = (0.8, 0.4, 0.0), (0.4, 0.2, 0.0)  # a row of colour, and one pixel half of it
    image[0, 2, 0] = (0.0, 0.0, 0.3)
    unmixed = unmix(image)
    assert np.allclose(unmixed.share[0, :3, 0], (1, 0.5, 0))
    assert unmixed.rest[0, 1, 0] == pytest.approx(0)
    assert unmixed.rest[0, 2, 0] == pytest.approx(0.3)


def test_colour_and_background_are_settings():
    assert resolve(colour=True).kind == "coloured-triangle"
    assert resolve(colour=True, background="drawn").kind == "coloured-triangle-on-colour"
    assert resolve(colour=False) == resolve()
    with pytest.raises(ValueError, match="give colour, too"):
        resolve(background="drawn")
    with pytest.raises(ValueError, match="no coloured-ellipse pictures"):
        resolve(kind="ellipse", colour=True)
    with pytest.raises(ValueError, match="unknown background 'white': choose from black, drawn"):
        resolve(colour=True, background="white")
