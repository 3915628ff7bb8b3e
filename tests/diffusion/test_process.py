"""The forward process and the samplers' steps, against their definition and against diffusers."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from diffusion.denoising.sampling import moments, predict
from diffusion.processes import PROCESSES
from diffusion.processes.gaussian import Gaussian
from diffusion.samplers.ancestral import Ancestral
from diffusion.samplers.ddim import DDIM
from diffusion.samplers.dpm_solver import DPMSolver
from diffusion.schedules import SCHEDULES, schedule
from diffusion.targets import TARGETS

SHAPE = (3, 1, 4, 4)


class Recorded:
    """A stand-in for a model: a fixed function of (x, t), so that two libraries can be given the same network."""

    def __init__(self, name, T=50, kind="eps"):
        from diffusion.settings import TrainSettings

        self.settings = TrainSettings(schedule=name, timesteps=T, target=kind)
        self.process = Gaussian(schedule(name, T))

    @staticmethod
    def function(x, t):
        return torch.sin(3 * x + t.reshape(-1, 1, 1, 1) / 7)

    def predict(self, x, t):
        return TARGETS[self.settings.target]().read(self.function(x, t), x, t, self.process)


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
    process, x0 = Gaussian(schedule(name, 20)), torch.tensor([[[[0.7]]]], dtype=torch.float64)
    mean, variance = x0, torch.zeros_like(x0)
    for t in map(torch.tensor, [[i] for i in range(20)]):
        mean = process.at("sqrt_alpha", t, x0) * mean
        variance = process.at("sqrt_alpha", t, x0) ** 2 * variance + process.at("sqrt_beta", t, x0) ** 2
        torch.testing.assert_close(process.noised(x0, t, torch.zeros_like(x0)), mean, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(process.at("sqrt_1m_abar", t, x0) ** 2, variance, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", SCHEDULES)
def test_posterior_is_bayes_rule(name):
    """q(x_{t-1} | x_t, x_0) is the product of two Gaussians in x_{t-1}: precisions add, means are weighted by them."""
    s = schedule(name, 30)
    process, t = Gaussian(s), torch.arange(1, 30)
    x0, xt = torch.full((29, 1, 1, 1), 0.3, dtype=torch.float64), torch.full((29, 1, 1, 1), -1.1, dtype=torch.float64)
    prior_precision, likelihood_precision = 1 / (1 - s.abar_previous[1:]), s.alphas[1:] / s.betas[1:]
    variance = 1 / (prior_precision + likelihood_precision)
    mean = variance * (
        prior_precision * np.sqrt(s.abar_previous[1:]) * 0.3 + likelihood_precision * -1.1 / np.sqrt(s.alphas[1:])
    )
    np.testing.assert_allclose(s.beta_tilde[1:], variance, rtol=1e-9)
    np.testing.assert_allclose(process.posterior_mean(x0, xt, t).squeeze(), mean, rtol=1e-9)


@pytest.mark.parametrize("kind", sorted(set(TARGETS) - {"bernoulli", "poisson"}))
def test_every_target_is_read_back_as_the_noise_and_the_image(kind):
    process, draw, target = Gaussian(schedule("linear", 50)), draws(0), TARGETS[kind]()
    x0, eps, t = next(draw), next(draw), torch.tensor([0, 20, 49])
    xt = process.noised(x0, t, eps)
    prediction = target.read(target.wanted(x0, eps, t, process), xt, t, process)
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
    for t, mine in moments(model, start, lambda: next(ours), Ancestral(variance)):
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
    for t, mine in moments(model, start, None, DDIM()):
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
    for t, mine in moments(model, start, None, DPMSolver(), steps=10):
        if t == 50:
            here = 49
            continue
        if t > 0:
            x = other.step(model.function(x, torch.full((3,), here)), here, x).prev_sample
            torch.testing.assert_close(mine, x, rtol=1e-6, atol=1e-6)
        here = t - 1


def test_log_odds_are_read_as_the_mean_of_a_pixel():
    """A pixel that is 1 with probability p and else -1 has the mean 2 p - 1; the noise is what is left of x_t."""
    process, draw, t = Gaussian(schedule("linear", 50)), draws(5), torch.tensor([0, 20, 49])
    log_odds, xt = next(draw), next(draw)
    found = TARGETS["bernoulli"]().read(log_odds, xt, t, process)
    torch.testing.assert_close(found.x0, 2 * torch.sigmoid(log_odds) - 1)
    torch.testing.assert_close(process.noised(found.x0, t, found.eps), xt)
    assert TARGETS["bernoulli"]().wanted(torch.tensor([-1.0, 1.0]), xt, t, process).tolist() == [0, 1]


@pytest.mark.parametrize(("value_range", "low"), [("symmetric", -1.0), ("unit", 0.0)])
def test_a_clipped_estimate_lies_in_the_range_and_its_noise_fits_it(value_range, low):
    model, x = Recorded("linear", kind="x0"), next(draws(6))
    model.settings = model.settings.model_copy(update={"value_range": value_range})
    model.function = lambda x, t: 3 * torch.sin(5 * x)
    found = predict(model, x, 20, clip=True)
    assert (float(found.x0.min()), float(found.x0.max())) == (low, 1.0)
    torch.testing.assert_close(model.process.noised(found.x0, torch.tensor([20]), found.eps), x)


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("noise", ["linear", "wave", "cosine"])
def test_every_process_loses_signal_at_each_step(name, noise):
    process = PROCESSES[name](schedule(noise, 40))
    assert process.signal.shape == (process.timesteps,) == (40,)
    assert (np.diff(process.signal) < 0).all()
    respaced, kept = process.respaced(7)
    np.testing.assert_allclose(respaced.signal, process.signal[kept], rtol=1e-9)
    np.testing.assert_array_equal(process.ended(9).signal, process.signal[:9])
    assert process.respaced(40)[0] is process


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_finds_again_the_random_part_that_it_applied(name):
    process, x0, t = PROCESSES[name](schedule("linear", 40)), torch.rand(3, 1, 4, 4), torch.tensor([0, 20, 39])
    hidden = process.noise(x0, torch.Generator().manual_seed(0))
    assert torch.equal(hidden, process.noise(x0, torch.Generator().manual_seed(0)))
    found = process.hidden(x0, process.noised(x0, t, hidden), t)
    assert found is None or torch.allclose(found, hidden, atol=1e-3)


def test_a_gaussian_draw_has_the_moments_of_its_law():
    process, t = Gaussian(schedule("linear", 50, beta_max=0.2)), torch.full((4000,), 25)
    x0 = torch.full((4000, 1, 2, 2), 0.7)
    found = process.noised(x0, t, process.noise(x0, torch.Generator().manual_seed(0)))
    abar = process.schedule.abar[25]
    assert float(found.mean()) == pytest.approx(0.7 * np.sqrt(abar), abs=0.02)
    assert float(found.var()) == pytest.approx(1 - abar, abs=0.03)
