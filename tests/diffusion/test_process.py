"""The forward process and the samplers' steps, against their definition and against diffusers."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from diffusion.denoising.sampling import _predict, ancestral, ddim, dpm_solver
from diffusion.processes.gaussian import Process, interpreted, target
from diffusion.schedules import SCHEDULES, schedule

SHAPE = (3, 1, 4, 4)


class Recorded:
    """A stand-in for a model: a fixed function of (x, t), so that two libraries can be given the same network."""

    def __init__(self, name, T=50, kind="eps"):
        from diffusion.settings import TrainSettings

        self.settings = TrainSettings(schedule=name, timesteps=T, target=kind)
        self.process = Process(schedule(name, T))
        self.device = type("Cpu", (), {"torch": torch.device("cpu")})

    @staticmethod
    def function(x, t):
        return torch.sin(3 * x + t.reshape(-1, 1, 1, 1) / 7)

    def predict(self, x, t):
        return interpreted(self.settings.target, self.process, self.function(x, t), x, t)


def reference(kind, model, **options):
    """The diffusers scheduler, with the float64 coefficients that it rounds to float32 put back."""
    other = kind(
        num_train_timesteps=model.process.timesteps,
        trained_betas=model.process.schedule.betas,
        clip_sample=False,
        prediction_type={"eps": "epsilon", "x0": "sample", "v": "v_prediction"}[model.settings.target],
        **options,
    )
    s = model.process.schedule
    for attribute, values in (("betas", s.betas), ("alphas", s.alphas), ("alphas_cumprod", s.abar)):
        setattr(other, attribute, torch.from_numpy(values))
    return other


def draws(seed):
    source = torch.Generator().manual_seed(seed)
    while True:
        yield torch.randn(SHAPE, generator=source, dtype=torch.float64)


@pytest.mark.parametrize("name", ["linear", "wave", "power-10"])
def test_one_shot_noising_has_the_moments_of_step_by_step(name):
    """q(x_t | x_0) composed from q(x_t | x_{t-1}): the mean exactly, the variance as the sum of the steps'."""
    process, x0 = Process(schedule(name, 20)), torch.tensor([[[[0.7]]]], dtype=torch.float64)
    mean, variance = x0, torch.zeros_like(x0)
    for t in map(torch.tensor, [[i] for i in range(20)]):
        mean = process.noised_one_step(mean, t, torch.zeros_like(mean))
        variance = process.at("sqrt_alpha", t, x0) ** 2 * variance + process.at("sqrt_beta", t, x0) ** 2
        torch.testing.assert_close(process.noised(x0, t, torch.zeros_like(x0)), mean, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(process.at("sqrt_1m_abar", t, x0) ** 2, variance, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", SCHEDULES)
def test_posterior_is_bayes_rule(name):
    """q(x_{t-1} | x_t, x_0) is the product of two Gaussians in x_{t-1}: precisions add, means are weighted by them."""
    s = schedule(name, 30)
    process, t = Process(s), torch.arange(1, 30)
    x0, xt = torch.full((29, 1, 1, 1), 0.3, dtype=torch.float64), torch.full((29, 1, 1, 1), -1.1, dtype=torch.float64)
    prior_precision, likelihood_precision = 1 / (1 - s.abar_previous[1:]), s.alphas[1:] / s.betas[1:]
    variance = 1 / (prior_precision + likelihood_precision)
    mean = variance * (
        prior_precision * np.sqrt(s.abar_previous[1:]) * 0.3 + likelihood_precision * -1.1 / np.sqrt(s.alphas[1:])
    )
    np.testing.assert_allclose(s.beta_tilde[1:], variance, rtol=1e-9)
    np.testing.assert_allclose(process.posterior_mean(x0, xt, t).squeeze(), mean, rtol=1e-9)


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_every_target_is_read_back_as_the_noise_and_the_image(kind):
    process, draw = Process(schedule("linear", 50)), draws(0)
    x0, eps, t = next(draw), next(draw), torch.tensor([0, 20, 49])
    xt = process.noised(x0, t, eps)
    prediction = interpreted(kind, process, target(kind, process, x0, t, eps), xt, t)
    torch.testing.assert_close(prediction.x0, x0, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(prediction.eps, eps, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
@pytest.mark.parametrize("name", ["linear", "wave", "power-10", "cosine"])
@pytest.mark.parametrize(("variance", "theirs"), [("beta", "fixed_large"), ("beta-tilde", "fixed_small")])
def test_ancestral_steps_agree_with_diffusers(name, variance, theirs, kind, monkeypatch):
    model = Recorded(name, kind=kind)
    other = reference(DDPMScheduler, model, variance_type=theirs)
    ours, noise, start = draws(1), draws(1), next(draws(2))
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: next(noise))
    x = start
    for t, mine in ancestral(model, start, lambda: next(ours), variance=variance):
        if t == model.process.timesteps:
            continue
        x = other.step(model.function(x, torch.full((3,), t)), t, x).prev_sample
        torch.testing.assert_close(mine, x, rtol=1e-6, atol=1e-6)
        x = mine


def test_ddim_steps_agree_with_diffusers():
    model, start = Recorded("linear"), next(draws(3))
    other = reference(DDIMScheduler, model, set_alpha_to_one=True)
    other.set_timesteps(50)
    x = start
    for t, mine in ddim(model, start, None):
        if t == 50:
            continue
        x = other.step(model.function(x, torch.full((3,), t)), t, x).prev_sample
        torch.testing.assert_close(mine, x, rtol=1e-6, atol=1e-6)


def test_dpm_solver_steps_agree_with_diffusers():
    """All but the last step, where diffusers stops short of t = 0 and ours returns the estimate of x_0."""
    model, start = Recorded("linear"), next(draws(4))
    other = DPMSolverMultistepScheduler(
        num_train_timesteps=50,
        trained_betas=model.process.schedule.betas,
        solver_order=2,
        algorithm_type="dpmsolver++",
        lower_order_final=False,
        final_sigmas_type="sigma_min",
    )
    kept = model.process.schedule.respaced(10)[1]
    other.set_timesteps(timesteps=kept[::-1].tolist())
    other.sigmas = torch.from_numpy(np.sqrt(1 / model.process.schedule.snr)[kept[::-1]].copy())
    x = start
    for t, mine in dpm_solver(model, start, None, steps=10):
        if t == 50:
            here = 49
            continue
        if t > 0:
            x = other.step(model.function(x, torch.full((3,), here)), here, x).prev_sample
            torch.testing.assert_close(mine, x, rtol=1e-6, atol=1e-6)
        here = t - 1


def test_log_odds_are_read_as_the_mean_of_a_pixel():
    """A pixel that is 1 with probability p and else -1 has the mean 2 p - 1; the noise is what is left of x_t."""
    process, draw, t = Process(schedule("linear", 50)), draws(5), torch.tensor([0, 20, 49])
    log_odds, xt = next(draw), next(draw)
    found = interpreted("bernoulli", process, log_odds, xt, t)
    torch.testing.assert_close(found.x0, 2 * torch.sigmoid(log_odds) - 1)
    torch.testing.assert_close(process.noised(found.x0, t, found.eps), xt)
    assert target("bernoulli", process, torch.tensor([-1.0, 1.0]), t, xt).tolist() == [0, 1]


@pytest.mark.parametrize(("value_range", "low"), [("symmetric", -1.0), ("unit", 0.0)])
def test_a_clipped_estimate_lies_in_the_range_and_its_noise_fits_it(value_range, low):
    model, x = Recorded("linear", kind="x0"), next(draws(6))
    model.settings = model.settings.model_copy(update={"value_range": value_range})
    model.function = lambda x, t: 3 * torch.sin(5 * x)
    found = _predict(model, x, 20, clip=True)
    assert (float(found.x0.min()), float(found.x0.max())) == (low, 1.0)
    torch.testing.assert_close(model.process.noised(found.x0, torch.tensor([20]), found.eps), x)
