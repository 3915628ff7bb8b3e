"""The variational bound: against an independent computation, closed forms, and the entropy of a tiny data set."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy import stats

from diffusion.checkpoints import save_model
from diffusion.cli import cli
from diffusion.denoising.likelihood import bound, curve, proposal, spread_steps, terms
from diffusion.denoising.model import Model
from diffusion.devices import choose
from diffusion.processes.gaussian import Gaussian
from diffusion.processes.gaussian_bits import GaussianBits, decoder_bits, step_bits, variances
from diffusion.schedules import SCHEDULES, schedule
from diffusion.settings import TrainSettings
from diffusion.store.files import sha256, write_array
from diffusion.targets import TARGETS

SHAPE = (1, 2, 2)


def stand_in(denoise, name="linear", T=50, kind="x0", shape=SHAPE, **bounds):
    """A model whose output is a given function (x_t, t index, process) of float64 images."""
    settings = TrainSettings(schedule=name, timesteps=T, target=kind, **bounds)
    process = Gaussian(settings.noise_schedule())

    def predict(xt, t):
        return TARGETS[kind]().read(denoise(xt.double(), t, process), xt.double(), t, process)

    device = SimpleNamespace(torch=torch.device("cpu"), name="cpu", precision="float64")
    model = SimpleNamespace(settings=settings, process=process, shape=shape, device=device, predict=predict)
    model.captured = lambda: model
    return model


def exact_denoiser(points):
    """E[x_0 | x_t] for x_0 uniform over `points` (K, C, H, W): a softmax over Gaussian log-densities."""

    def denoise(xt, t, process):
        a, s = process.at("sqrt_abar", t, xt), process.at("sqrt_1m_abar", t, xt)
        apart = ((xt[:, None] - a[:, None] * points) / s[:, None]).square().flatten(2).sum(2)
        weights = torch.softmax(-apart / 2, dim=1)
        return torch.einsum("bk,kchw->bchw", weights, points)

    return denoise


def gaussian_kl(mean1, variance1, mean2, variance2):
    """KL(N1 || N2) in bits, by quadrature over the density of the first."""
    sd = np.sqrt(variance1)
    x = np.linspace(mean1 - 12 * sd, mean1 + 12 * sd, 20_001)
    one, two = stats.norm(mean1, sd), stats.norm(mean2, np.sqrt(variance2))
    return float(np.trapezoid(one.pdf(x) * (one.logpdf(x) - two.logpdf(x)), x) / np.log(2))


@pytest.mark.parametrize("name", ["linear", "wave", "power-10"])
@pytest.mark.parametrize("variance", ["beta", "beta-tilde"])
def test_terms_are_those_of_an_independent_computation(name, variance):
    """Same numbers, other way: Bayes' rule for q(x_{t-1} | x_t, x_0), listing 4.2 for mu, KL by quadrature."""
    model = stand_in(lambda x, t, p: torch.sin(3 * x + t.reshape(-1, 1, 1, 1)), name, kind="eps")
    rng = np.random.default_rng(0)
    t, x0 = np.array([2, 17, 50]), 2 * rng.integers(0, 256, (3, *SHAPE)) / 255 - 1
    eps = rng.standard_normal(x0.shape)
    _, bits = terms(model, GaussianBits(model.process, variance), torch.from_numpy(x0), t, torch.from_numpy(eps))
    beta = model.process.schedule.betas
    for n, step in enumerate(t):
        before, now = np.prod(1 - beta[: step - 1]), np.prod(1 - beta[:step])
        xt = np.sqrt(now) * x0[n] + np.sqrt(1 - now) * eps[n]
        # q(x_{t-1} | x_0) times q(x_t | x_{t-1}): precisions add
        precision = 1 / (1 - before) + (1 - beta[step - 1]) / beta[step - 1]
        pull = np.sqrt(before) * x0[n] / (1 - before) + np.sqrt(1 - beta[step - 1]) * xt / beta[step - 1]
        guess = np.sin(3 * xt + step - 1)
        mu = (xt - beta[step - 1] / np.sqrt(1 - now) * guess) / np.sqrt(1 - beta[step - 1])
        sigma2 = beta[step - 1] if variance == "beta" else 1 / precision
        expected = np.mean([
            gaussian_kl(m / precision, 1 / precision, g, sigma2) for m, g in zip(pull.ravel(), mu.ravel(), strict=True)
        ])  # fmt: skip
        assert bits[n] == pytest.approx(expected, rel=1e-6)


def test_decoder_is_the_mass_of_a_normal_in_the_bin_and_sums_to_one():
    levels = torch.linspace(-1, 1, 256, dtype=torch.float64)
    for mean, sigma in ((0.3, 0.01), (-0.97, 0.2), (0.999, 0.003)):
        mass = 2 ** -decoder_bits(levels, torch.tensor(mean, dtype=torch.float64), sigma)
        assert float(mass.sum()) == pytest.approx(1, abs=1e-12)
        ours = stats.norm(mean, sigma)
        edges = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]).numpy() / 2, [np.inf]])
        assert mass.numpy() == pytest.approx(np.diff(ours.cdf(edges)), abs=1e-13)


def test_decoder_keeps_its_digits_far_out():
    """A pixel 100 sigma away: log Phi(-x) is about -x^2 / 2 - log(x sqrt(2 pi)), from either side."""
    x = (1 - 1 / 255) / 0.01
    tail = (x**2 / 2 + np.log(x * np.sqrt(2 * np.pi))) / np.log(2)
    for sign in (1, -1):
        ours = float(decoder_bits(torch.tensor(float(sign)), torch.tensor(0.0), 0.01))
        assert ours == pytest.approx(tail, rel=1e-6)


def test_one_known_image_costs_what_the_variances_cost():
    """A denoiser that knows the only image: no mean differs, so L_{t-1} is its variances' KL, 0 for beta-tilde."""
    point = torch.full((1, *SHAPE), 1.0, dtype=torch.float64)
    model, images = stand_in(exact_denoiser(point)), np.full((3, *SHAPE), 255, np.uint8)
    s = model.process.schedule
    ratio = s.beta_tilde[1:] / s.betas[1:]
    found = bound(model, images, draws=None)
    assert found.steps == pytest.approx(0.5 * np.sum(ratio - 1 - np.log(ratio)) / np.log(2), abs=1e-9)
    assert found.prior == pytest.approx(s.prior_bits(), rel=1e-12)
    sigma, half = np.sqrt(s.betas[0]), 1 / 255
    assert found.decoder == pytest.approx(-np.log2(stats.norm.cdf(half / sigma)), rel=1e-9)
    tilde = bound(model, images, draws=None, variance="beta-tilde")
    assert tilde.steps == pytest.approx(0, abs=1e-9)
    sigma = np.sqrt(s.beta_tilde[1])
    assert tilde.decoder == pytest.approx(-np.log2(stats.norm.cdf(half / sigma)), rel=1e-9)


def test_the_exact_denoiser_reaches_the_entropy_from_above():
    """Four images, each equally likely: 2 bits an image; the bound lies above, and closes in as steps get finer."""
    points = np.array([[0, 0, 0, 0], [255, 255, 0, 0], [255, 0, 255, 255], [0, 255, 0, 255]], np.uint8)
    images = np.tile(points.reshape(4, *SHAPE), (64, 1, 1, 1))
    denoise = exact_denoiser(torch.from_numpy(points.reshape(4, *SHAPE)).double() / 127.5 - 1)
    excess = []
    for T, last in ((30, 0.5), (120, 0.15), (600, 0.03)):
        model = stand_in(denoise, T=T, beta_min=1e-6, beta_max=last)
        found = bound(model, images, draws=None, variance="beta-tilde")
        excess.append(4 * found.total - 2)
        assert excess[-1] > -3 * 4 * found.total_se
    assert excess == sorted(excess, reverse=True)
    assert abs(excess[-1]) < 0.1 < excess[0]


def test_few_time_steps_estimate_what_all_give_within_the_stated_error():
    points = torch.tensor([[-1.0, 1, 1, -1], [1, 1, -1, -1]], dtype=torch.float64).reshape(2, *SHAPE)
    model = stand_in(exact_denoiser(points), T=100)
    images = ((points.float().numpy() + 1) * 127.5).astype(np.uint8)[np.arange(64) % 2]
    all_steps = bound(model, images, draws=None, seed=9)
    few = [bound(model, images, draws=8, seed=seed) for seed in range(20)]
    z = np.array([(one.steps - all_steps.steps) / np.hypot(one.steps_se, all_steps.steps_se) for one in few])
    assert np.sqrt(np.mean(z**2)) < 2
    assert np.sqrt(np.mean(z**2)) > 0.4


def test_every_step_is_taken_once_for_every_image_of_many():
    model = stand_in(exact_denoiser(torch.ones(1, *SHAPE, dtype=torch.float64)), kind="x0", T=5)
    found = bound(model, np.zeros((40, *SHAPE), np.uint8), draws=None)
    assert sorted(map(tuple, found.pairs[:, :2])) == [(i, t) for i in range(40) for t in range(1, 6)]


def test_equal_seeds_give_equal_bounds_in_any_batch():
    model = stand_in(exact_denoiser(torch.ones(1, *SHAPE, dtype=torch.float64)), kind="x0")
    images = np.random.default_rng(0).integers(0, 256, (20, *SHAPE), np.uint8)
    one, same, other = (bound(model, images, draws=3, seed=s, batch_size=b) for s, b in ((1, 500), (1, 7), (2, 500)))
    assert one.pairs == pytest.approx(same.pairs, rel=1e-6)
    assert np.array_equal(one.pairs, bound(model, images, draws=3, seed=1).pairs)
    assert not np.array_equal(one.pairs, other.pairs)


@pytest.mark.parametrize(("count", "T"), [(99, 100), (198, 100), (64, 1000), (1, 2)])
@pytest.mark.parametrize("draws", [None, 16])
def test_time_steps_are_spread_in_proportion(count, T, draws):
    chances = proposal(T, draws)
    steps = spread_steps(count, chances, np.random.default_rng(0))
    assert chances.sum() == pytest.approx(1)
    found = np.bincount(steps, minlength=T + 1)[2:]
    assert found.sum() == count
    assert np.abs(found - count * chances).max() < 1
    if draws is None and count % (T - 1) == 0:
        assert (found == count // (T - 1)).all()


def test_single_step_processes_and_single_images_have_a_bound():
    model = stand_in(exact_denoiser(torch.ones(1, *SHAPE, dtype=torch.float64)), T=1)
    found = bound(model, np.full((1, *SHAPE), 255, np.uint8))
    assert found.steps == 0
    assert np.isfinite(found.total)
    assert np.isnan(found.total_se)


@pytest.mark.parametrize("name", SCHEDULES)
def test_variances_are_positive(name):
    for kind in ("beta", "beta-tilde"):
        assert (variances(schedule(name), kind) > 0).all()
    assert step_bits(schedule(name), "beta", np.arange(2, 1001), np.zeros(999)).min() > -1e-12


def test_other_images_are_refused():
    model = stand_in(exact_denoiser(torch.ones(1, *SHAPE, dtype=torch.float64)))
    for images in (np.zeros((0, *SHAPE), np.uint8), np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, *SHAPE))):
        with pytest.raises(ValueError, match="give the data set of its run"):
            bound(model, images)
    with pytest.raises(ValueError, match="draws"):
        bound(model, np.zeros((2, *SHAPE), np.uint8), draws=0)
    with pytest.raises(ValueError, match="choose beta or beta-tilde"):
        bound(model, np.zeros((2, *SHAPE), np.uint8), variance="learned")


def test_the_command_writes_terms_curve_and_pairs(tmp_path):
    settings = TrainSettings(widths=(4, 8), timesteps=20)
    model = Model.new(settings, (1, 8, 8), choose("cpu", "float32"))
    save_model(model, tmp_path / "run" / "model.safetensors")
    (tmp_path / "data").mkdir()
    write_array(tmp_path / "data" / "test.npy", np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8))
    words = ["likelihood", str(tmp_path / "run"), str(tmp_path / "data"), "--draws", "2", "--threads", "1"]
    CliRunner().invoke(cli, words, catch_exceptions=False)
    record = json.loads((tmp_path / "run" / "likelihood.json").read_text())
    assert record["total"] == pytest.approx(record["prior"] + record["steps"] + record["decoder"])
    assert {"total_se", "images", "draws", "variance", "seed", "seconds"} <= set(record)
    assert record["model"] == sha256(tmp_path / "run" / "model.safetensors")
    files = ("likelihood.npy", "likelihood.csv")
    assert record["files"] == {name: sha256(tmp_path / "run" / name) for name in files}
    assert np.load(tmp_path / "run" / "likelihood.npy").shape == (60, 4)
    head, *rows = (tmp_path / "run" / "likelihood.csv").read_text().splitlines()
    assert head == "t,log_snr,squared_eps_error,bits,draws"
    assert sum(int(row.rsplit(",", 1)[1]) for row in rows) == 60


def test_black_images_in_the_unit_range_cost_what_their_formulas_say():
    """x_0 = 0: no signal is left to tell x_T from N(0, 1), and the bin of 0 reaches down to minus infinity."""
    model = stand_in(exact_denoiser(torch.zeros(1, *SHAPE, dtype=torch.float64)), value_range="unit")
    found, s = bound(model, np.zeros((3, *SHAPE), np.uint8), draws=None), model.process.schedule
    assert found.decoder == pytest.approx(-np.log2(stats.norm.cdf(0.5 / 255 / np.sqrt(s.betas[0]))), rel=1e-9)
    assert found.prior == pytest.approx(-0.5 * (s.abar[-1] + np.log1p(-s.abar[-1])) / np.log(2), rel=1e-9)


def test_the_curve_stands_at_the_log_snr_of_its_steps():
    model = stand_in(exact_denoiser(torch.ones(1, *SHAPE, dtype=torch.float64)), T=5)
    rows = curve(bound(model, np.full((2, *SHAPE), 255, np.uint8), draws=None))
    abar = np.cumprod(1 - model.process.schedule.betas)
    assert rows.t.tolist() == [1, 2, 3, 4, 5]
    assert rows.log_snr.tolist() == pytest.approx(np.log(abar / (1 - abar)))
