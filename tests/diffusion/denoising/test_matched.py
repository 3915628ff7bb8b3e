"""A start with x_T's mean and covariance: the moments, each image's own draw, and the command."""

import numpy as np
import pytest
from commands import call

from diffusion.denoising.matched import draw_matched
from diffusion.denoising.model import Model
from diffusion.devices import choose
from diffusion.settings import TrainSettings


def model(side=4):
    settings = TrainSettings(widths=(4, 8), timesteps=20, beta_max=0.2)
    return Model.new(settings, (1, side, side), choose("cpu", "float32"))


def images(count=40, side=4):
    return np.random.default_rng(0).integers(0, 256, (count, 1, side, side), dtype=np.uint8)


def test_mean_and_covariance_are_the_images_own():
    drawn = draw_matched(model(), images(), 20_000, 1).reshape(20_000, -1) / 255
    flat = images().reshape(40, -1) / 255
    assert drawn.mean(axis=0) == pytest.approx(flat.mean(axis=0), abs=0.01)
    assert np.cov(drawn.T) == pytest.approx(np.cov(flat.T), abs=0.004)


def test_what_never_varies_never_does():
    constant = images()
    constant[:, :, 0] = 7
    assert draw_matched(model(), constant, 5, 0)[:, :, 0] == pytest.approx(7)


def test_image_i_depends_on_seed_and_i_only():
    few, many, other = (draw_matched(model(), images(), n, seed) for n, seed in ((2, 0), (5, 0), (2, 1)))
    assert np.array_equal(few, many[:2])
    assert not np.array_equal(few, other)
    assert not np.array_equal(few[0], few[1])


@pytest.mark.parametrize("given", [images(1), images(4, 2)])
def test_too_few_or_other_images_are_refused(given):
    with pytest.raises(ValueError, match="2 or more images of shape"):
        draw_matched(model(), given, 1, 0)


def test_the_command_starts_there_and_remakes_it(tiny):
    words = ["sample", "run", "--count", "2", "--steps", "3", "--name", "like", "--matched", "set", "--threads", "1"]
    code, said = call("diffusion", *words, "--noised", "set", folder=tiny)
    assert (code, said.count("\n")) == (2, 1)
    assert "two ways to start" in said
    code, said = call("diffusion", *words, folder=tiny)
    assert code == 0, said
    assert '"matched": "set"' in (tiny / "run" / "like.json").read_text()
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert code == 0, said
    assert "like.npy" in said
