"""Learnt noise has the density that it says, begins as uniform noise, and tightens the bound, below the exact value."""

import itertools

import numpy as np
import pytest
import torch

from diffusion.checkpoints import load_model, save_model
from diffusion.devices import choose
from diffusion.rivals.dequantisation import Variational
from diffusion.rivals.flow import Learner, bound
from diffusion.rivals.settings import FlowSettings
from diffusion.training import Trainer

CPU = choose("cpu", "float32", 1)
SMALL = {"levels": 2, "width": 12, "couplings": 2, "learning_rate": 5e-3}
IMAGES = torch.tensor([*itertools.product((-1.0, 1.0), repeat=4)]).reshape(16, 1, 2, 2)  # all of 2 x 2 pixels
CHANCES = torch.tensor([1.0, 2, 8, 1, 1, 2, 1, 1, 1, 9, 1, 1, 1, 1, 1, 4]) / 36


def shaken(module):
    """The same module with weights that do something: each step begins as the identity."""
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(0.4 * torch.randn(weight.shape, generator=source))
    return module.double()


def test_it_begins_as_uniform_noise_whatever_the_image():
    noise = Variational(1, 6)
    eps = noise.draw((500, 1, 4, 4), torch.Generator().manual_seed(0))
    uniform, log_q = noise(torch.ones_like(eps), eps)
    np.testing.assert_allclose(log_q.detach(), 0, atol=1e-5)
    np.testing.assert_allclose(np.quantile(uniform.detach(), [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)


@pytest.mark.parametrize("shape", [(1, 4, 2), (3, 2, 2)])
def test_its_density_is_that_of_autograd(shape):
    noise, source = shaken(Variational(shape[0], 6)), torch.Generator().manual_seed(1)
    x, eps = (torch.randn((1, *shape), generator=source, dtype=torch.float64) for _ in range(2))
    slopes = torch.autograd.functional.jacobian(lambda e: noise(x, e)[0], eps).reshape(eps.numel(), -1)
    normal = -0.5 * (eps.square() + np.log(2 * np.pi)).sum()
    expected = normal - torch.linalg.slogdet(slopes)[1]
    assert noise(x, eps)[1].item() == pytest.approx(expected.item(), abs=1e-9)
    assert noise(-x, eps)[1].item() != pytest.approx(expected.item(), abs=1e-3)  # it sees the image


def fit(learner, weights, steps=250):
    """Train these weights on images of `CHANCES`."""
    source, optimizer = torch.Generator().manual_seed(0), torch.optim.Adam(weights, SMALL["learning_rate"])
    for _ in range(steps):
        x = IMAGES[torch.multinomial(CHANCES, 128, replacement=True, generator=source)]
        loss = learner.test(learner.model, learner.prepare(x, source)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return learner


@torch.no_grad()
def by_quadrature(model, number):
    """Return each image's exact log P, and its exact bound by one draw, (16,) each: Gauss's rule in four dimensions."""
    nodes, weights = np.polynomial.legendre.leggauss(number)
    nodes, weights = torch.tensor((nodes + 1) / 2), torch.tensor(weights / 2)
    share = torch.cartesian_prod(*[nodes] * 4).reshape(-1, 1, 2, 2)
    weight = torch.cartesian_prod(*[weights] * 4).prod(1)
    chance, bounds = [], []
    for x in IMAGES.double():
        x = x.expand(len(share), -1, -1, -1)
        chance.append((model.log_density(x, share).exp() * weight).sum())
        uniform = type(model.network.noise) is not Variational
        bounds.append((model.log_bound(x, share if uniform else torch.special.ndtri(share)) * weight).sum())
    return torch.stack(chance).log(), torch.stack(bounds)


def doubled(learner):
    learner.network.double()
    return learner.model


@pytest.fixture(scope="module")
def fitted():
    """A flow fitted with uniform noise, and the same flow with noise that was learnt for it."""
    uniform = Learner(FlowSettings(**SMALL), (1, 2, 2), CPU)
    fit(uniform, uniform.network.parameters())
    learnt = Learner(FlowSettings(**SMALL, dequantisation="variational"), (1, 2, 2), CPU)
    learnt.network.load_state_dict(uniform.network.state_dict(), strict=False)
    fit(learnt, learnt.network.noise.parameters())
    return doubled(uniform), doubled(learnt)


def test_learnt_noise_bounds_the_same_flow_more_tightly_and_below_the_exact_value(fitted):
    (exact, loose), (same, tight) = (by_quadrature(model, 7) for model in fitted)
    for coarse, fine in zip(by_quadrature(fitted[1], 5), (same, tight), strict=True):
        np.testing.assert_allclose(coarse, fine, atol=0.01)
    np.testing.assert_allclose(same, exact, atol=1e-9)  # the flow is the same
    assert 0.9 < exact.exp().sum() < 1.0001
    assert (loose <= exact).all()
    assert (tight <= exact).all()
    gaps = [((exact - one) * CHANCES).sum().item() for one in (loose, tight)]
    assert 0 < gaps[1] < 0.3 * gaps[0]


def test_a_flow_with_learnt_noise_is_trained_kept_and_bounded(tmp_path):
    images = (np.random.default_rng(0).random((64, 1, 8, 8)) < 0.3).astype(np.uint8) * 255
    how = {"levels": 2, "width": 4, "couplings": 2, "epochs": 2, "batch_size": 16, "precision": "float32"}
    usual, trainer = (Trainer(FlowSettings(**how, **more), images) for more in ({}, {"dequantisation": "variational"}))
    before = trainer.network.noise.steps[0].network[0].weight.detach().clone()
    first, second = trainer.epochs()
    assert second.train_mean < first.train_mean
    assert not torch.equal(trainer.network.noise.steps[0].network[0].weight, before)
    assert trainer.parameters > usual.parameters
    assert not [name for name in usual.network.state_dict() if name.startswith("noise")]
    save_model(trainer.trained, tmp_path / "model")
    found = [bound(one, images[:8], draws=4).pairs for one in (trainer.trained, load_model(tmp_path / "model", CPU))]
    np.testing.assert_array_equal(*found)
