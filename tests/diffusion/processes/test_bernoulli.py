"""The Bernoulli process against enumeration, and with a denoiser that knows its data."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from diffusion.denoising.likelihood import bound
from diffusion.denoising.model import Model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.processes.bernoulli import Bernoulli
from diffusion.processes.bernoulli_bits import BernoulliBits, divergence
from diffusion.processes.states import Prediction
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings

STATES = (1, -1)


def forward(process, t):
    """The chances (2, 2) of a step t from each state to each: kept with r, else a fair coin."""
    r = float(process.at("step", t, torch.zeros(1, dtype=torch.float64)))
    return r * np.eye(2) + (1 - r) / 2


def test_steps_compose_to_the_marginal():
    process = Bernoulli(schedule("linear", 30, beta_max=0.3))
    chance = np.eye(2)
    for t in range(30):
        chance = chance @ forward(process, t)
        assert chance[0, 0] - chance[0, 1] == pytest.approx(process.kept[t])


def test_a_step_back_is_the_posterior_by_enumeration():
    process = Bernoulli(schedule("linear", 30, beta_max=0.3))
    for t, (i, here), guess in itertools.product((1, 7, 29), enumerate(STATES), (-0.9, 0.0, 0.4)):
        before = (1 + process.kept[t - 1] * np.outer(STATES, STATES)) / 2  # [x_0, x_{t-1}]
        joint = before * forward(process, t)[:, i]
        posterior = joint / joint.sum(axis=1, keepdims=True)
        mixed = np.array([(1 + guess) / 2, (1 - guess) / 2]) @ posterior @ np.array(STATES)
        xt, x0 = torch.full((1, 1, 1, 1), here).double(), torch.full((1, 1, 1, 1), guess).double()
        assert float(process.reverse_mean(x0, xt, t)) == pytest.approx(mixed)


def test_the_divergence_of_two_coins_by_hand():
    p, q = 0.8, 0.3
    by_hand = p * np.log2(p / q) + (1 - p) * np.log2((1 - p) / (1 - q))
    means = (torch.tensor(2 * one - 1, dtype=torch.float64) for one in (p, q))
    assert float(divergence(*means)) == pytest.approx(by_hand)
    sure = torch.tensor([1.0, -1.0], dtype=torch.float64)
    assert divergence(sure, torch.zeros_like(sure)).tolist() == [1, 1]


class _Knows(Model):
    """A model that knows its images: E[x_0 | x_t] over them, equally likely."""

    def __init__(self, images, process):
        settings = TrainSettings(process="bernoulli", target="bernoulli", widths=(4, 4), timesteps=process.timesteps)
        plain = Model.new(settings, images.shape[1:], choose("cpu", threads=1))
        super().__init__(settings, plain.shape, plain.network, process, plain.device)
        self.images = torch.from_numpy(images).double() / 127.5 - 1

    def captured(self):
        return self

    def predict(self, xt, t):
        k = self.process.at("k", t, xt.double())[:, None]
        log = torch.log1p(k * xt.double()[:, None] * self.images[None]).flatten(2).sum(2)
        return Prediction(torch.einsum("bn,nchw->bchw", log.softmax(1), self.images).to(xt.dtype))


@pytest.fixture(scope="module")
def exact():
    images = np.random.default_rng(1).choice([0, 255], (5, 1, 4, 4)).astype(np.uint8)
    return _Knows(images, Bernoulli(schedule("linear", 300, beta_max=0.1))), images


def test_with_the_exact_denoiser_sampling_gives_back_the_data_evenly(exact):
    model, images = exact
    drawn = sample(model, 400, seed=2, batch_size=200, steps=100)
    found = np.rint(drawn.images * 255).astype(np.uint8).reshape(400, -1)
    which = (found[:, None] == images.reshape(1, 5, -1)).all(axis=2)
    assert which.any(axis=1).mean() > 0.99  # a last coin that is flipped may be left
    assert stats.chisquare(which[which.any(axis=1)].sum(axis=0)).pvalue > 1e-3
    assert set(np.unique(drawn.frames[:, 0])) == {0, 1}


def test_no_image_hangs_on_its_batch(exact):
    model, _ = exact
    whole, parts = (sample(model, 5, seed=1, batch_size=size, steps=20).images for size in (5, 2))
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole, sample(model, 5, seed=2, steps=20).images)


def test_the_bound_of_the_exact_denoiser_lies_above_the_entropy_and_near_it(exact):
    model, images = exact
    found = bound(model, images.repeat(8, axis=0), draws=None, seed=0)
    entropy = np.log2(5) / 16
    assert found.total + 3 * found.total_se > entropy
    assert found.total < entropy + 0.03


def test_the_bound_sums_exactly_over_all_states_of_two_steps():
    """One pixel, T = 2, a network that always says 0.5: -log2 p(x_0) by summing over x_1 and x_2 is below the bound."""
    process = Bernoulli(schedule("linear", 2, 0.2, 0.5))
    bits, one, said = BernoulliBits(process), torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 0.5)
    total = bits.prior(one)[0] + bits.decoder(one, said, -1.0)[0]
    likelihood = 0.0
    for x2 in STATES:
        xt = torch.full((1, 1, 1, 1), float(x2))
        weight = (1 + process.kept[1] * x2) / 2
        error = bits.errors(Prediction(said), one, xt, torch.tensor([1]), one)
        total += weight * bits.steps(np.array([2]), error)[0]
        mean = float(process.reverse_mean(said.double(), xt.double(), 1))
        likelihood += 0.5 * sum((1 + x1 * mean) / 2 * 0.75 for x1 in STATES)
    assert -np.log2(likelihood) <= total
    assert likelihood == pytest.approx(0.75)
    assert bits.decoder(one, said, -1.0)[0] == pytest.approx(-np.log2(0.75))


def test_gray_images_and_other_ranges_are_refused():
    process = Bernoulli(schedule("linear", 10))
    with pytest.raises(ValueError, match="images in black and white, and these have gray"):
        BernoulliBits(process).prior(torch.tensor([[[[0.5]]]]))
    with pytest.raises(ValueError, match="process bernoulli needs value_range symmetric"):
        TrainSettings(process="bernoulli", target="x0", value_range="unit")
