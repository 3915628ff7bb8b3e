"""The perfect denoiser of finitely many images, behind the contract of a model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffusion.checkpoints import load_model, save_model
from diffusion.denoising.finite import finite_model
from diffusion.denoising.likelihood import bound
from diffusion.denoising.perfect import EmpiricalSettings
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.images import to_network
from diffusion.training import Trainer

IMAGES = np.random.default_rng(0).random((12, 6, 6)) > 0.6
BYTES = 255 * IMAGES[:, None].astype(np.uint8)


def settings(**given):
    return EmpiricalSettings(timesteps=50, beta_max=0.2, batch_size=5, **given)


def posterior_mean(xt, abar, images, counts):
    """E[x_0 | x_t] by the Gaussian's own formula, in float64."""
    x0, flat = 2.0 * images.reshape(len(images), -1) - 1, xt.reshape(len(xt), -1)
    logs = np.log(counts) - np.square(flat[:, None] - np.sqrt(abar) * x0).sum(axis=2) / (2 * (1 - abar))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True) @ x0).reshape(xt.shape)


def test_it_predicts_the_posterior_mean_at_each_images_own_time():
    counts = np.arange(1, 13)
    model, t = finite_model(settings(), IMAGES, counts), torch.tensor([3, 20, 49])
    x0 = to_network(torch.from_numpy(BYTES[:3]), "symmetric")
    xt = model.process.noised(x0, t, torch.randn(x0.shape, generator=torch.Generator().manual_seed(0)))
    found = model.predict(xt, t)
    for i, step in enumerate(t):
        wanted = posterior_mean(xt[i].double().numpy(), model.process.schedule.abar[step], IMAGES, counts)
        assert found.x0[i].numpy() == pytest.approx(wanted, abs=1e-5)
    assert model.process.noised(found.x0, t, found.eps).numpy() == pytest.approx(xt.numpy(), abs=1e-5)


def test_it_is_as_exact_where_networks_compute_in_bfloat16():
    model, t = finite_model(settings(), IMAGES), torch.tensor([3, 20, 49])
    xt = torch.randn((3, 1, 6, 6), generator=torch.Generator().manual_seed(0))
    other = replace(model, device=choose("cpu", "bfloat16"))
    assert torch.equal(model.predict(xt, t).x0, other.predict(xt, t).x0)


def test_learning_is_remembering_every_image_once_or_as_often_as_it_comes(tmp_path):
    trainer = Trainer(settings(), np.concatenate([BYTES, BYTES[:3]]), BYTES[:4], choose("cpu", "float32"))
    list(trainer.epochs())
    network = trainer.network
    assert (len(network.bits), sorted(network.counts.tolist())) == (12, [1] * 9 + [2] * 3)
    save_model(trainer.trained, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors", choose("cpu", "float32"))
    xt, t = torch.randn((2, 1, 6, 6), generator=torch.Generator().manual_seed(1)), torch.tensor([10])
    assert torch.equal(loaded.predict(xt, t).x0, trainer.trained.predict(xt, t).x0)


@pytest.mark.parametrize(
    ("sampler", "steps"), [("ancestral", None), ("ancestral", 20), ("ddim", 20), ("dpm-solver", 10)]
)
def test_every_sampler_draws_only_images_of_the_set(sampler, steps):
    drawn = sample(finite_model(settings(), IMAGES), 16, sampler=sampler, steps=steps).images
    known = {image.tobytes() for image in IMAGES}
    assert all(image.tobytes() in known for image in drawn > 0.5)
    assert len({image.tobytes() for image in drawn > 0.5}) > 3
    assert np.abs(drawn - (drawn > 0.5)).max() < 0.05


def test_its_bound_is_finite_and_above_the_entropy():
    found = bound(finite_model(settings(), IMAGES), BYTES, draws=None)
    assert np.log2(12) / 36 < found.total < 8


@pytest.mark.parametrize("images", [np.full((5, 1, 6, 6), 128, np.uint8), np.zeros((5, 3, 6, 6), np.uint8)])
def test_gray_and_coloured_images_are_refused(images):
    with pytest.raises(ValueError, match="black and white"):
        list(Trainer(settings(), images).epochs())


def test_what_a_recipe_says_of_weights_means_nothing():
    assert settings(ema=0.995).ema == 0
    with pytest.raises(ValueError, match="value_range must be symmetric"):
        settings(value_range="unit")
