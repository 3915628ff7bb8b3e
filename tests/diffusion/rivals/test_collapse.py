"""Training that came to nothing is told of in one line: one image for all, no finite number, a loss that exploded."""

import numpy as np
import pytest
import torch
from commands import FAST, call

from diffusion.commands.collapse import is_one_image, warn_of_collapse, warn_of_training
from diffusion.devices import choose
from diffusion.family import FAMILIES
from diffusion.store.files import write_array
from diffusion.training import DivergedError, Trainer

CPU = choose("cpu", "float32", 1)
COLLAPSED = "samples are the same image: the model has collapsed"
SMALL = {"width": 2, "couplings": 2, "latent": 2}


def new(name):
    kind = FAMILIES[name].settings
    settings = kind(**{key: value for key, value in SMALL.items() if key in kind.model_fields}).settle()
    return FAMILIES[name].model.new(settings, (1, 8, 8), CPU)


def write_set(folder, images):
    folder.mkdir()
    write_array(folder / "train.npy", images)
    write_array(folder / "test.npy", images[:8])


def warnings(said):
    return [line for line in said.splitlines() if line.startswith("warning:")]


def test_images_are_one_but_for_rounding_or_are_not():
    one = np.random.default_rng(0).random((1, 8, 8)).astype(np.float32)
    again = one.repeat(5, axis=0)
    assert is_one_image(again)
    assert is_one_image(again + np.float32(1e-3))
    again[3, 2, 2] = 1 - again[3, 2, 2].round()
    assert not is_one_image(again)
    assert not is_one_image(one)


def test_training_and_sampling_tell_of_a_model_that_draws_one_image(tmp_path):
    """A copier of a set of one image draws that; of a set of two it draws both."""
    images = (np.random.default_rng(0).random((64, 8, 8)) < 0.3).astype(np.uint8) * 255
    training = ["--family", "copier", "--kept", "64", "--batch-size", "16", *FAST]
    for name, several in (("one", images[:1].repeat(64, axis=0)), ("two", images[:2].repeat(32, axis=0))):
        write_set(tmp_path / name, several)
        code, said = call("diffusion", "train", name, *training, "--out", f"run-{name}", folder=tmp_path)
        assert code == 0, said
        assert [f"all 16 {COLLAPSED}" in line for line in warnings(said)] == [True] * (name == "one")
    code, said = call("diffusion", "sample", "run-one", "--count", "12", *FAST, folder=tmp_path)
    assert code == 0, said
    assert [f"all 12 {COLLAPSED}" in line for line in warnings(said)] == [True]


@pytest.mark.parametrize("name", ["gan", "flow"])
def test_a_model_without_finite_numbers_draws_nothing_and_is_told_of(name, capsys):
    model = new(name)
    warn_of_training(model)
    assert "finite" not in capsys.readouterr().err
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.fill_(torch.nan)
    with pytest.raises(ArithmeticError, match="not finite: the model has diverged"):
        FAMILIES[name].draw(model, 3)
    warn_of_training(model)
    assert warnings(capsys.readouterr().err) == [
        "warning: the samples are not finite: the model has diverged; train again with a lower rate"
    ]


@pytest.mark.parametrize("pixels", ["bernoulli", "logistic"])
@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_decoder_without_finite_numbers_is_refused_and_not_drawn_black(pixels, noise, value):
    settings = FAMILIES["vae"].settings(width=2, latent=2, pixels=pixels)
    model = FAMILIES["vae"].model.new(settings, (1, 8, 8), CPU)
    with torch.no_grad():
        model.network.decoder[-1].bias.fill_(value)
    with pytest.raises(ArithmeticError, match="not finite"):
        FAMILIES["vae"].draw(model, 3, pixel_noise=noise)


@pytest.mark.parametrize("noise", [True, False, None])
def test_a_collapse_is_told_of_beneath_the_pixels_noise(noise, capsys):
    settings = FAMILIES["vae"].settings(width=2, latent=2, pixels="bernoulli", pixel_noise=noise is None)
    model = FAMILIES["vae"].model.new(settings, (1, 8, 8), CPU)
    for collapsed in (False, True):
        with torch.no_grad():
            model.network.decoder[0].weight.mul_(0 if collapsed else 200)
        warn_of_collapse(model, FAMILIES["vae"].draw(model, 16, pixel_noise=noise).images)
        warn_of_training(model)
        assert len(warnings(capsys.readouterr().err)) == 2 * collapsed


def test_a_generator_that_takes_no_notice_of_its_latent_is_told_of(capsys):
    model = new("gan")
    with torch.no_grad():
        model.network.generator[0].weight.zero_()
    warn_of_training(model)
    assert COLLAPSED in capsys.readouterr().err


@pytest.mark.parametrize("family", ["vae", "gan", "flow"])
def test_a_rate_far_too_high_ends_the_training_or_is_warned_of(family, tmp_path):
    write_set(tmp_path / "set", (np.random.default_rng(0).random((64, 8, 8)) < 0.3).astype(np.uint8) * 255)
    words = ["train", "set", "--family", family, "--width", "4", "--batch-size", "16", "--epochs", "2", *FAST]
    for rate in ("0.001", "1"):
        code, said = call("diffusion", *words, "--learning-rate", rate, "--out", f"run-{rate}", folder=tmp_path)
        told = code in (1, 2) and "lower --learning-rate" in said
        told |= code == 0 and any("the training has diverged" in line for line in warnings(said))
        assert told == (rate == "1"), said


@pytest.mark.parametrize("name", ["vae", "gan", "flow"])
def test_training_ends_at_the_first_loss_that_is_not_finite(name):
    settings = new(name).settings.model_copy(update={"batch_size": 8, "epochs": 2, "precision": "float32"})
    images = (np.random.default_rng(0).random((16, 1, 8, 8)) < 0.3).astype(np.uint8) * 255
    trainer = Trainer(settings, images, device=CPU)
    epochs = trainer.epochs()
    assert np.isfinite(next(epochs).train_mean)
    with torch.no_grad():
        next(trainer.network.parameters())[0] = torch.nan
    with pytest.raises(DivergedError, match="epoch 2"):
        next(epochs)
