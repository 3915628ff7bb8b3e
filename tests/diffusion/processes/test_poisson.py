"""The Poisson process against exact sums, an independent library, and a denoiser that knows its data."""

import numpy as np
import pytest
import torch
from scipy import stats

from diffusion.denoising.likelihood import bound
from diffusion.denoising.model import Model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.processes.poisson import BLANK, LOG_SNR_FIRST, LOG_SNR_LAST, Poisson, draw_counts, kl
from diffusion.processes.poisson_bits import PoissonBits
from diffusion.processes.states import Prediction
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings, read_settings
from diffusion.targets import TARGETS

COUNTS = {"process": "poisson", "target": "poisson", "value_range": "unit", "widths": (4, 4)}


def small(rates=(8.0, 3.0, 1.0, 0.2, 1e-4)):
    return Poisson(schedule("linear", len(rates)), rates=np.array(rates))


@pytest.mark.parametrize("mean", [1e-6, 0.03, 0.7, 2.5, 40.0, 900.0, 22_026.0])
def test_counts_are_the_exact_quantiles(mean):
    normal = torch.linspace(-5, 5, 801)
    found = draw_counts(torch.full((801,), mean), normal)
    assert found.dtype == torch.float32
    want = stats.poisson.ppf(stats.norm.cdf(normal.double().numpy()), mean)
    assert np.array_equal(found.numpy(), want)


def test_thinning_composes_to_the_marginal():
    """Binomial(z, rho_t / rho_s) of Poisson(rho_s x) counts is Poisson(rho_t x), summed over all z."""
    process, x = small(), 0.6
    for s in range(4):
        for t in range(s + 1, 5):
            before = stats.poisson.pmf(np.arange(80), process.rates[s] * x)
            kept = process.rates[t] / process.rates[s]
            after = [stats.binom.pmf(k, np.arange(80), kept) @ before for k in range(20)]
            np.testing.assert_allclose(after, stats.poisson.pmf(np.arange(20), process.rates[t] * x), atol=1e-12)


def test_a_step_back_is_the_posterior_by_enumeration():
    """p(z_{t-1} | z_t, x) by Bayes's rule is z_t plus a Poisson count of the step's rate."""
    process, x, t = small(), 0.6, 2
    before = stats.poisson.pmf(np.arange(60), process.rates[t - 1] * x)
    kept = process.rates[t] / process.rates[t - 1]
    for z in range(4):
        posterior = stats.binom.pmf(z, np.arange(60), kept) * before
        posterior /= posterior.sum()
        step = (process.rates[t - 1] - process.rates[t]) * x
        np.testing.assert_allclose(posterior[z:], stats.poisson.pmf(np.arange(60 - z), step), atol=1e-12)
    normal = torch.randn(20_000, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    found = process.backward(Prediction(torch.full_like(normal, x)), torch.full_like(normal, 3.0), t, lambda: normal)
    assert (
        stats.chisquare(*_counted(found.numpy().ravel() - 3, (process.rates[1] - process.rates[2]) * x)).pvalue > 1e-3
    )


def _counted(values, mean, largest=5):
    """How often each count came, and how often it should have; the last one and above together."""
    seen = np.bincount(np.minimum(values.astype(int), largest), minlength=largest + 1)
    chances = stats.poisson.pmf(np.arange(largest), mean)
    return seen, len(values) * np.append(chances, 1 - chances.sum())


def test_the_divergence_is_that_of_two_poisson_laws_by_summation():
    rate, x, guess = 7.0, torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64), 0.45
    found = rate * kl(x, torch.full_like(x, guess))
    k = np.arange(120)
    for value, mean in zip(found.tolist(), (rate * x).tolist(), strict=True):
        p, q = stats.poisson.pmf(k, mean), stats.poisson.logpmf(k, rate * guess)
        by_hand = np.sum(p * (np.where(p > 0, stats.poisson.logpmf(k, max(mean, 1e-300)), 0) - q))
        assert value == pytest.approx(by_hand, abs=1e-9)


def test_rates_follow_the_schedule_between_the_ends_that_the_paper_sets():
    for name in ("linear", "wave", "power-10", "cosine"):
        process, known = Poisson(schedule(name, 100)), schedule(name, 100)
        logs = np.log(process.rates)
        assert (logs[0], logs[-1]) == pytest.approx((LOG_SNR_FIRST, LOG_SNR_LAST))
        assert np.corrcoef(logs, np.log(known.snr))[0, 1] == pytest.approx(1)


def test_the_ends_are_settings_that_reach_the_model_and_its_record():
    settings = TrainSettings(**COUNTS, log_snr_first=6, log_snr_last=-8, timesteps=50)
    model = Model.new(settings, (1, 4, 4), choose("cpu", threads=1))
    logs = np.log(model.process.rates)
    assert (logs[0], logs[-1]) == pytest.approx((6, -8))
    assert np.log(model.process.respaced(9)[0].rates[[0, -1]]) == pytest.approx([6, -8])
    assert np.log(model.process.ended(9).rates) == pytest.approx(logs[:9])
    assert read_settings(settings.model_dump(mode="json")) == settings
    assert TrainSettings(**COUNTS).model_dump()["log_snr_first"] == LOG_SNR_FIRST


def test_records_of_other_processes_say_nothing_of_the_ends():
    assert not [name for name in TrainSettings().model_dump() if "log_snr" in name]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"log_snr_first": 17}, "above 2\\^24, which float32 does not hold: lower log_snr_first to 16.6 or less"),
        ({"log_snr_first": 800}, "a rate of inf"),
        ({"log_snr_first": float("nan")}, "finite number"),
        ({"log_snr_first": -12}, r"log_snr_first \(-12\) must lie above log_snr_last \(-12\)"),
        ({"log_snr_last": 11}, r"log_snr_first \(10\) must lie above log_snr_last \(11\)"),
        ({"log_snr_last": -900}, r"log_snr_last \(-900\) must be at least -700"),
        ({"log_snr_last": -1e308}, "log_snr_last .* must be at least -700"),
    ],
)
def test_ends_that_make_no_process_are_refused_with_the_settings(given, word):
    with pytest.raises(ValueError, match=word):
        TrainSettings(**COUNTS, **given)


def test_other_processes_have_no_such_ends():
    for process in ("gaussian", "bernoulli"):
        with pytest.raises(ValueError, match=f"log_snr_last belongs to the poisson process, not to {process}"):
            TrainSettings(process=process, target="x0", log_snr_last=-9)


def test_counts_of_a_long_chain_keep_mean_and_variance():
    process, source = Poisson(schedule("linear", 200)), torch.Generator().manual_seed(3)
    x0 = torch.full((3000, 1, 1, 1), 0.4)
    z = torch.zeros_like(x0)
    last = int(np.argmin(np.abs(process.rates - 20)))
    for t in range(199, last, -1):
        z = process.backward(Prediction(x0), z, t, lambda: torch.randn(x0.shape, generator=source))
    mean = process.rates[last] * 0.4
    assert float(z.mean()) == pytest.approx(mean, abs=5 * np.sqrt(mean / 3000))
    assert float(z.var()) == pytest.approx(mean, rel=0.15)


class _Knows(Model):
    """A model that knows its images: E[x_0 | z_t] over them, equally likely."""

    def __init__(self, images, process):
        settings = TrainSettings(process="poisson", target="poisson", value_range="unit", widths=(4, 4), timesteps=60)
        plain = Model.new(settings, images.shape[1:], choose("cpu", threads=1))
        super().__init__(settings, plain.shape, plain.network, process, plain.device)
        self.images = torch.from_numpy(images).double() / 255

    def captured(self):
        return self

    def predict(self, xt, t):
        rate = self.process.at(t, xt.double()).clamp(min=1e-12)[:, None]
        each = rate * self.images[None].clamp(min=1e-9)
        log = (torch.xlogy(xt.double()[:, None], each) - each).flatten(2).sum(2)
        return Prediction(torch.einsum("bn,nchw->bchw", log.softmax(1), self.images).to(xt.dtype))


@pytest.fixture(scope="module")
def exact():
    rng = np.random.default_rng(1)
    images = rng.choice([0, 255], (5, 1, 4, 4)).astype(np.uint8)
    return _Knows(images, Poisson(schedule("linear", 60))), images


def test_with_the_exact_denoiser_sampling_gives_back_the_data_evenly(exact):
    model, images = exact
    found = np.rint(sample(model, 400, seed=2, batch_size=100).images * 255).astype(np.uint8).reshape(400, -1)
    which = (found[:, None] == images.reshape(1, 5, -1)).all(axis=2)
    assert which.any(axis=1).all(), "a sample is none of the images"
    assert stats.chisquare(which.sum(axis=0)).pvalue > 1e-3


def test_no_image_hangs_on_its_batch_and_steps_may_be_fewer(exact):
    model, _ = exact
    assert np.array_equal(*(sample(model, 4, seed=5).images for _ in range(2)))
    assert not np.array_equal(*(sample(model, 4, seed=seed).images for seed in (5, 6)))
    whole, parts = (sample(model, 6, seed=1, batch_size=size).images for size in (6, 4))
    assert np.array_equal(whole, parts)
    assert np.isfinite(sample(model, 3, seed=1, steps=9).images).all()


def test_the_bound_of_the_exact_denoiser_lies_above_the_entropy_and_near_it(exact):
    """Five equally likely images have log2 5 bits; T steps, the start and the last step's width cost the rest."""
    model, images = exact
    found = bound(model, images.repeat(8, axis=0), draws=None, seed=0)
    entropy = np.log2(5) / 16
    assert found.total + 3 * found.total_se > entropy
    assert found.prior + found.steps < entropy + 0.12
    assert found.decoder == pytest.approx(-np.log2(stats.norm.cdf(0.5 / 255 * np.exp(5))), abs=0.01)
    assert found.prior < 1e-5


def test_the_bound_is_one_for_a_model_with_a_single_step_by_numerical_integration():
    """One pixel and a network that is given: L_T + L_1 + L_0 is the expectation over z_1 and z_2, summed."""
    process, x = Poisson(schedule("linear", 2), rates=np.array([30.0, 0.5])), 1.0
    bits = PoissonBits(process)
    guess = torch.tensor([[[[0.8]]]])
    one = torch.ones(1, 1, 1, 1)
    error = bits.errors(Prediction(guess), one, one, torch.tensor([1]), one)
    k = np.arange(200)
    by_hand = np.sum(stats.poisson.pmf(k, 29.5) * (stats.poisson.logpmf(k, 29.5) - stats.poisson.logpmf(k, 29.5 * 0.8)))
    assert bits.steps(np.array([2]), error)[0] == pytest.approx(by_hand / np.log(2), rel=1e-6)
    prior = np.sum(stats.poisson.pmf(k, 0.5 * x) * (stats.poisson.logpmf(k, 0.5 * x) - stats.poisson.logpmf(k, 0.25)))
    assert bits.prior(one)[0] == pytest.approx(prior / np.log(2), rel=1e-6)


def test_the_bound_lies_above_minus_log_p_summed_over_every_path():
    """One pixel, T = 2, a network whose guess hangs on z: p(x_0) is a sum over z_2, z_1; the bound is no less.

    It is in bits a dimension of one of 256 levels, as a Gaussian process's is: over all levels p(x_0) sums to 1.
    """
    process, k = Poisson(schedule("linear", 2), rates=np.array([6.0, 1.5])), np.arange(60)
    bits = PoissonBits(process)
    first, last = process.rates

    def guess(z, rate):
        return (z + 0.5) / (rate + 1)

    def decode(x):  # bits of x_0 given each z_1
        mean = torch.from_numpy(guess(k, first)).reshape(-1, 1, 1, 1)
        return bits.decoder(torch.full_like(mean, x), mean, 0.0)

    steps = stats.poisson.pmf(k[None] - k[:, None], (first - last) * guess(k, last)[:, None])  # p(z_1 | z_2)
    paths = stats.poisson.pmf(k, last * BLANK) @ steps  # p(z_1)
    levels = [paths @ 2.0 ** -decode(level / 255) for level in range(256)]
    assert sum(levels) == pytest.approx(1, abs=1e-3)
    for level in (0, 60, 128, 255):
        x = level / 255
        one = torch.full((1, 1, 1, 1), x, dtype=torch.float64)
        errors = [bits.errors(Prediction(torch.full_like(one, g)), one, one, None, one)[0] for g in guess(k, last)]
        total = bits.prior(one)[0] + stats.poisson.pmf(k, last * x) @ bits.steps(np.full(60, 2), np.array(errors))
        total += stats.poisson.pmf(k, first * x) @ decode(x)
        assert -np.log2(levels[level]) < total < -np.log2(levels[level]) + 15


def test_counts_are_exact_up_to_the_largest_rate_that_is_allowed():
    rate = Poisson(schedule("linear", 10), log_snr_first=16.6).rates[0]
    normal = torch.linspace(-4, 4, 9)
    found = draw_counts(torch.full((9,), rate, dtype=torch.float32), normal)
    assert found.max() < 2**24
    want = stats.poisson.ppf(stats.norm.cdf(normal.double().numpy()), np.float32(rate))
    assert np.array_equal(found.numpy(), want)


def test_the_target_is_brightness_and_its_loss_least_where_it_is_right():
    target, x0 = TARGETS["poisson"](), torch.tensor([0.2, 0.9])
    output = torch.linspace(-6, 3, 2001)
    for x in x0:
        best = output[target.loss(output, x.expand_as(output)).argmin()]
        assert float(target.read(best, None, 0, small()).x0) == pytest.approx(float(x), abs=0.01)


def test_what_cannot_be_is_refused_in_one_line():
    with pytest.raises(ValueError, match="above 2\\^24"):
        small((2.0**24, 1.0))
    with pytest.raises(ValueError, match="must be finite and positive, and fall"):
        small((1.0, 2.0))
    with pytest.raises(ValueError, match="must be finite and positive, and fall"):
        small((np.nan, 0.1))
    with pytest.raises(ValueError, match="negative or not finite"):
        draw_counts(torch.tensor([0.1, -1.0]), torch.zeros(2))
    for wrong in (-0.1, np.nan):
        with pytest.raises(ValueError, match="negative or not finite: the model has diverged, or its images are wrong"):
            small().noised(torch.full((1, 1, 1, 1), wrong), 0, torch.zeros(1, 1, 1, 1))
    with pytest.raises(ValueError, match="process poisson needs value_range unit"):
        TrainSettings(process="poisson", target="x0")
    with pytest.raises(ValueError, match="target eps needs another process than poisson: choose x0 or poisson"):
        TrainSettings(process="poisson", value_range="unit")
    with pytest.raises(ValueError, match="needs value_range unit; target eps needs another process than poisson"):
        TrainSettings(process="poisson")  # both at once, so that one try mends it
