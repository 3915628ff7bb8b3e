"""A linear autoencoder is probabilistic PCA, whose likelihood is known; more draws tighten a bound, none passes it."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from diffusion.devices import choose
from diffusion.images import to_network
from diffusion.rivals.settings import VaeSettings
from diffusion.rivals.vae import Vae, bound, log_normal, log_pixels

CPU = choose("cpu", "float32", 1)
D, LATENT, NOISE = 6, 2, 0.5


@pytest.fixture(scope="module")
def data():
    """Points of a Gaussian whose covariance has a low rank beside its noise, float64 (N, D)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(4000, LATENT)) @ rng.normal(size=(LATENT, D)) + NOISE * rng.normal(size=(4000, D))


def test_the_bound_of_a_linear_decoder_is_the_likelihood_of_probabilistic_pca(data):
    """With the exact posterior for q, the divergence and log p(x|z) give log p(x), by any number of draws."""
    pca = PCA(LATENT).fit(data)
    weights = torch.tensor(pca.components_.T * np.sqrt(np.maximum(pca.explained_variance_ - pca.noise_variance_, 0)))
    x, variance = torch.tensor(data - pca.mean_), pca.noise_variance_
    inner = weights.T @ weights + variance * torch.eye(LATENT)
    mean, cover = x @ weights @ torch.linalg.inv(inner), variance * torch.linalg.inv(inner)
    values, axes = torch.linalg.eigh(cover)  # along its axes the posterior is diagonal, as q is
    turned, mean = weights @ axes, mean @ axes
    log_variance = values.log().expand(len(x), -1)
    z = mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
    pixels = -0.5 * ((x - z @ turned.T).square() / variance + math.log(2 * math.pi * variance)).sum(1)
    zero = torch.zeros_like(z)
    bounds = pixels + log_normal(z, zero, zero) - log_normal(z, mean, log_variance)
    np.testing.assert_allclose(bounds.numpy(), pca.score_samples(data), rtol=1e-6)
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
    assert (pixels - kl).mean().item() == pytest.approx(pca.score(data), abs=0.1)


class Two(nn.Module):
    """An encoder that knows nothing, and a decoder of two black-and-white pixels that follow one z."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def encoder(self, x):
        return torch.zeros(len(x), 2)

    def decoder(self, z):
        return (self.slope * z).reshape(-1, 1, 1, 1).expand(-1, 1, 1, 2)


def test_more_draws_tighten_the_bound_towards_the_likelihood_and_never_pass_it():
    model = Vae(VaeSettings(latent=1, pixels="bernoulli"), (1, 1, 2), Two(3.0), CPU)
    images = np.array([[0, 0], [0, 255], [255, 0], [255, 255]], np.uint8).reshape(4, 1, 1, 2)
    z = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    on, density = torch.sigmoid(3.0 * z), torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    chances = [torch.trapezoid(density * p, z) for p in ((1 - on) ** 2, (1 - on) * on, on * (1 - on), on**2)]
    assert sum(chances).item() == pytest.approx(1, abs=1e-6)
    truth = np.array([-math.log2(chance) / 2 for chance in chances])
    many = images.repeat(400, axis=0)
    found = {K: bound(model, many, draws=K, batch_size=4000).pairs.sum(1).reshape(4, 400).mean(1) for K in (1, 4, 64)}
    assert (found[1] > found[4]).all()
    assert (found[4] > found[64]).all()
    assert (found[64] > truth - 0.002).all()
    np.testing.assert_allclose(found[64], truth, atol=0.02)


def test_pixels_of_256_levels_have_a_distribution():
    levels = (torch.arange(256) / 255).reshape(256, 1, 1, 1)
    found = torch.tensor([0.3, -3.0]).reshape(1, 2, 1, 1).expand(256, -1, -1, -1)
    assert log_pixels(found, levels, "logistic").exp().sum().item() == pytest.approx(1, abs=1e-4)
    drawn = Vae(VaeSettings(latent=1, pixels="logistic", pixel_noise=True), (1, 1, 1), nn.Module(), CPU)
    drawn.decode = lambda z: torch.tensor([0.3, -3.0]).reshape(1, 2, 1, 1).expand(len(z), -1, -1, -1)
    uniform = (torch.arange(20000).reshape(-1, 1, 1, 1) + 0.5) / 20000
    level = ((drawn.images(torch.zeros(20000, 1), uniform) + 1) / 2 * 255).round().long().flatten()
    shares = torch.bincount(level, minlength=256) / 20000
    np.testing.assert_allclose(shares, log_pixels(found, levels, "logistic").exp(), atol=2e-4)


@pytest.mark.parametrize(
    ("pixels", "found"), [("bernoulli", [[0.1], [-0.1]]), ("logistic", [[0.3, -3.0], [0.8, -6.0]])]
)
def test_without_pixel_noise_an_image_is_of_the_likeliest_levels(pixels, found):
    """Of each pixel's distribution it is the mode, whatever the uniform number says."""
    model = Vae(VaeSettings(latent=1, pixels=pixels), (1, 1, 1), nn.Module(), CPU)
    given = torch.tensor(found).reshape(2, -1, 1, 1)
    model.decode = lambda z: given
    levels = torch.arange(2 if pixels == "bernoulli" else 256).reshape(-1, 1, 1, 1) / (
        1 if pixels == "bernoulli" else 255
    )
    likely = [
        levels[log_pixels(one[None].expand(len(levels), -1, -1, -1), levels, pixels).argmax()].item() for one in given
    ]
    for uniform in (0.01, 0.99):
        drawn = model.images(torch.zeros(2, 1), torch.full((2, 1, 1, 1), uniform))
        assert ((drawn + 1) / 2).flatten().tolist() == pytest.approx(likely)


def test_gray_images_have_no_bernoulli_likelihood():
    model = Vae.new(VaeSettings(latent=2, width=2, pixels="bernoulli"), (1, 8, 8), CPU)
    with pytest.raises(ValueError, match="--pixels logistic"):
        bound(model, np.full((2, 1, 8, 8), 7, np.uint8))
    assert bound(model, np.zeros((2, 1, 8, 8), np.uint8), draws=3).record["total"] > 0
    x = to_network(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), "symmetric")
    assert model.encode(x)[0].shape == (2, 2)
