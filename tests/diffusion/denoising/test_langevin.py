"""The score and its Langevin samplers, where the truth is known: Gaussians, a mixture, the order of the error."""

import numpy as np
import pytest
import torch
from scipy import stats

from diffusion.denoising.learner import Batch, losses
from diffusion.denoising.likelihood import bound
from diffusion.denoising.model import Model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.processes.states import Prediction
from diffusion.samplers.langevin import langevin_step
from diffusion.settings import TrainSettings

SHAPE = (1, 4, 4)


class Exact(Model):
    """A model that knows its pixels: each by itself from a mixture of N(m, s^2), equally likely."""

    def __init__(self, means, sd, timesteps=200):
        settings = TrainSettings(widths=(4, 4), timesteps=timesteps, beta_max=0.1)
        plain = Model.new(settings, SHAPE, choose("cpu", threads=1))
        super().__init__(settings, SHAPE, plain.network, plain.process, plain.device)
        self.means, self.sd = torch.tensor(means, dtype=torch.float64), sd

    def captured(self):
        return self

    def predict(self, xt, t):
        a, s = (self.process.at(name, t, xt.double()) for name in ("sqrt_abar", "sqrt_1m_abar"))
        x, spread = xt.double()[..., None], (a**2 * self.sd**2 + s**2)[..., None]
        weight = (-((x - a[..., None] * self.means) ** 2) / (2 * spread)).softmax(-1)
        x0 = self.means + a[..., None] * self.sd**2 / spread * (x - a[..., None] * self.means)
        found = (weight * x0).sum(-1).to(xt.dtype)
        return Prediction(found, self.process.hidden(found, xt, t))


@pytest.mark.parametrize("target", ["eps", "x0", "v", "bernoulli"])
def test_the_score_is_the_gradient_of_the_log_density_whatever_the_target(target):
    model = Exact([0.2], 0.5)
    xt, t = torch.randn(3, *SHAPE, dtype=torch.float64), torch.tensor([5, 90, 199])
    a, s = (model.process.at(name, t, xt) for name in ("sqrt_abar", "sqrt_1m_abar"))
    torch.testing.assert_close(model.score(xt, t), -(xt - a * 0.2) / (a**2 * 0.25 + s**2), rtol=1e-9, atol=1e-9)
    plain = Model.new(TrainSettings(widths=(4, 4), target=target), SHAPE, choose("cpu", threads=1))
    x = xt.float()
    sigma = plain.process.at("sqrt_1m_abar", t, x)
    torch.testing.assert_close(plain.score(x, t) * sigma, -plain.predict(x, t).eps)


def test_denoising_score_matching_is_the_simple_loss_up_to_its_weight():
    """|score + eps / sigma|^2 = |eps - eps_hat|^2 / sigma^2, image by image."""
    model = Model.new(TrainSettings(widths=(4, 4)), SHAPE, choose("cpu", threads=1))
    model.network.eval()
    x0, eps, t = torch.rand(6, *SHAPE), torch.randn(6, *SHAPE), torch.arange(100, 700, 100)
    sigma = model.process.at("sqrt_1m_abar", t, x0)
    with torch.no_grad():
        matched = (model.score(model.process.noised(x0, t, eps), t) + eps / sigma).square().flatten(1).mean(1)
        simple = losses(model, Batch(x0, t, eps))[1]
    torch.testing.assert_close(matched * sigma.flatten() ** 2, simple)


@pytest.mark.parametrize("sampler", ["langevin", "corrected"])
@pytest.mark.parametrize(("means", "sd"), [([0.2], 0.3), ([-0.6, 0.5], 0.1)], ids=["gaussian", "mixture"])
def test_with_exact_scores_samples_have_the_right_law(sampler, means, sd):
    model, options = Exact(means, sd), {"corrections": 8, "snr": 0.2} if sampler == "langevin" else {}
    found = sample(model, 150, sampler=sampler, seed=4, batch_size=150, **options).images.ravel() * 2 - 1
    wanted = lambda x: np.mean([stats.norm.cdf(x, m, sd) for m in means], axis=0)  # noqa: E731
    assert stats.kstest(found, wanted).statistic < 0.045  # 2,400 pixels; 0.033 at 1%, and the steps' own error


def test_the_error_of_a_finite_step_is_of_first_order():
    """Of a standard normal law, steps of size h have the variance 1 / (1 - h / 2): h / 2 too much."""
    source, errors = torch.Generator().manual_seed(0), []
    for size in (0.4, 0.2, 0.1):
        x = torch.zeros(200_000, dtype=torch.float64)
        for _ in range(int(12 / size)):
            x = langevin_step(x, -x, size, torch.randn(x.shape, generator=source, dtype=torch.float64))
        errors.append(float(x.var()) - 1)
        assert float(x.var()) == pytest.approx(1 / (1 - size / 2), rel=0.015)
    assert errors[0] > errors[1] > errors[2] > 0


def test_the_error_of_an_annealed_path_shrinks_with_finer_steps():
    """Of a single Gaussian, with scores that are exact: the spread of samples nears the data's as levels get finer."""
    errors = []
    for steps in (6, 12, 48):
        found = sample(Exact([0.2], 0.3), 100, sampler="corrected", seed=4, batch_size=100, steps=steps).images
        errors.append(abs(float(found.std()) * 2 / 0.3 - 1))
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("sampler", ["langevin", "corrected"])
def test_no_image_hangs_on_its_batch(sampler):
    model = Exact([0.0], 0.5, timesteps=20)
    whole, parts = (sample(model, 5, sampler=sampler, seed=1, batch_size=size).images for size in (5, 2))
    np.testing.assert_allclose(whole, parts, atol=1e-6)


def test_what_cannot_be_is_refused_in_one_line():
    model = Exact([0.0], 0.5, timesteps=20)
    with pytest.raises(ValueError, match="corrections must be at least 1, not 0"):
        sample(model, 1, sampler="langevin", corrections=0, snr=0.1)
    for snr in (0, 1, np.inf, np.nan):
        with pytest.raises(ValueError, match="snr must lie above 0 and below 1"):
            sample(model, 1, sampler="corrected", snr=snr)
    with pytest.raises(ValueError, match="snr belongs to the langevin or corrected sampler, not to ddim"):
        sample(model, 1, sampler="ddim", snr=0.1)
    counts = TrainSettings(process="poisson", target="poisson", value_range="unit", widths=(4, 4))
    plain = Model.new(counts, SHAPE, choose("cpu", threads=1))
    with pytest.raises(ValueError, match="sampler langevin goes by abar and eps, which"):
        sample(plain, 1, sampler="langevin")
    with pytest.raises(ValueError, match="the model's process has no choice of variance"):
        sample(plain, 1, variance="beta")
    with pytest.raises(ValueError, match="the model's process has no choice of variance"):
        bound(plain, np.zeros((2, *SHAPE), np.uint8), variance="beta-tilde")
    with pytest.raises(ValueError, match="process 'poisson' has no score"):
        plain.score(torch.zeros(1, *SHAPE), torch.tensor([3]))
