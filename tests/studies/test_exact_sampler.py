"""The exact sampler draws new pictures of a data set's settings; the copier draws training images; measures differ."""

import numpy as np
import pytest
import torch
from commands import FAST, call, refusal

import studies.exact_sampler as exact
from diffusion.devices import choose
from diffusion.family import FAMILIES
from diffusion.training import Trainer
from studies.exact_sampler import ExactSettings, Model, picture_settings
from triangles.rendering import draw_parameters, render
from triangles.settings import resolve

CPU = choose("cpu", "float32", 1)


@pytest.fixture(scope="module")
def pictures():
    """Training images as `triangles generate` makes them, uint8 (64, 1, 16, 16)."""
    made = resolve("array", size=16, count=64)
    return render(draw_parameters(made, "train"), made)[:, None]


def test_settings_are_those_of_the_data_set():
    found = picture_settings(ExactSettings(format="jpeg", draw_size=720), (1, 32, 32))
    assert (found.format, found.draw_size, found.size, found.quality, found.resample) == (
        *("jpeg", 720, 32),
        *(75, "bicubic"),
    )
    assert picture_settings(ExactSettings(kind="coloured-triangle"), (3, 16, 16)).channel_count == 3
    with pytest.raises(ValueError, match="see --kind"):
        picture_settings(ExactSettings(), (3, 16, 16))
    with pytest.raises(ValueError, match="square"):
        picture_settings(ExactSettings(), (1, 16, 32))


def test_new_pictures_are_of_the_population_and_depend_on_seed_and_place():
    model = Model.new(ExactSettings(), (1, 16, 16), CPU)
    drawn = exact.draw(model, 200, seed=3).images
    np.testing.assert_array_equal(drawn[:5], exact.draw(model, 5, seed=3, batch_size=2).images)
    assert (drawn[:5] != exact.draw(model, 5, seed=4).images).any()
    made = resolve("array", size=16, count=200)
    real = render(draw_parameters(made, "train"), made) / 255
    assert set(np.unique(drawn)) == {0, 1}
    error = np.hypot(drawn.mean((1, 2)).std(), real.mean((1, 2)).std()) / np.sqrt(200)
    assert drawn.mean() == pytest.approx(real.mean(), abs=4 * error)


def test_the_two_ends_differ_in_what_is_new(pictures):
    ends = {}
    for name in ("copier", "exact"):
        trainer = Trainer(FAMILIES[name].settings(batch_size=16, precision="float32", ema=0.5), pictures, pictures[:8])
        (record,) = trainer.epochs()
        assert np.isfinite(record.test_mean)
        drawn = FAMILIES[name].draw(trainer.trained, 100, seed=1).images
        ends[name] = {image.tobytes() for image in drawn}
    known = {image.tobytes() for image in pictures[:, 0].astype(np.float32) / 255}
    assert ends["copier"] <= known
    assert len(ends["copier"]) > 40  # of 64, of which 100 draws leave out a fifth
    assert len(ends["exact"] & known) < 5


def test_gray_images_are_no_pictures_drawn_at_their_size(pictures):
    gray = (pictures // 2 + 60 + np.arange(16, dtype=np.uint8)).astype(np.uint8)
    with pytest.raises(ValueError, match="--draw-size"):
        list(Trainer(ExactSettings(batch_size=16, precision="float32"), gray).epochs())


def test_the_exact_sampler_is_trained_and_sampled_by_the_same_commands(pictures, tmp_path):
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "train.npy", pictures[:, 0])
    words = ["diffusion", "--plugin", "studies.exact_sampler"]
    training = ["train", "set", "--family", "exact", "--batch-size", "16", *FAST, "--out", "run"]
    assert call(*words, *training, folder=tmp_path)[0] == 0
    code, said = call(*words, "sample", "run", "--count", "4", *FAST, folder=tmp_path)
    assert code == 0, said
    assert np.load(tmp_path / "run" / "samples.npy").shape == (4, 16, 16)
    code, said = call(*words, "train", "set", "--family", "exact", "--latent", "3", "--out", "other", folder=tmp_path)
    assert code == 2
    assert "latent" in refusal(said)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["vae", "gan", "flow"])
def test_a_rival_has_as_many_parameters_as_diffusion_to_a_factor_of_two(name, channels):
    shape = (channels, 32, 32)
    with torch.device("meta"):
        ours, usual = (
            sum(p.numel() for p in FAMILIES[one].model.build(FAMILIES[one].settings().settle(), shape).parameters())
            for one in (name, "diffusion")
        )
    assert 0.5 < ours / usual < 2, (ours, usual)
