"""Training, sampling and the bound on the device that `--device` names, against the CPU's float32.

With a card: `pytest --device cuda tests/diffusion/accelerator/test_device.py`. On a CPU its bfloat16 is judged, for its
float32 is what all is compared with.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffusion.checkpoints import restore, save_state, tensors_of
from diffusion.denoising import renorming
from diffusion.denoising.learner import losses
from diffusion.denoising.likelihood import bound
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.samplers import SAMPLERS
from diffusion.settings import TrainSettings
from diffusion.training import Trainer

RECIPES = {
    "thesis": {"batch_size": 16},
    "fast": {
        **{"target": "bernoulli", "optimizer": "muon", "learning_rate": 2e-3, "batch_size": 16},
        **{"ema": 0.9, "cooldown": 0.5, "full_skip": True},
    },
    "residual": {"network": "residual", "target": "v", "batch_size": 16},
}
TOLERANCES = {"float32": 2e-4, "bfloat16": 4e-2}  # of the largest value; bfloat16 keeps 8 bits
IMAGES = np.random.default_rng(0).integers(0, 2, (96, 1, 8, 8), dtype=np.uint8) * 255


@pytest.fixture
def exact():
    """Float32 products as such: TF32 keeps 10 bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def pytest_generate_tests(metafunc):
    if "device" in metafunc.fixturenames:
        precisions = TOLERANCES if metafunc.config.getoption("--device") == "cuda" else ["bfloat16"]
        metafunc.parametrize("device", precisions, indirect=True)


@pytest.fixture
def device(request, exact):
    kind = request.config.getoption("--device")
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")
    return choose(kind, request.param)


@pytest.fixture
def eager(device):
    return replace(device, graphs=False)


def settings(recipe, **more):
    return TrainSettings(**{"widths": (8, 16, 32), "epochs": 2, "timesteps": 100} | RECIPES[recipe] | more)


def state(trainer):
    return {name: value.cpu().numpy().tobytes() for name, value in tensors_of(trainer).items()}


def trained(recipe, device, **more):
    trainer = Trainer(settings(recipe, **more), IMAGES, IMAGES[:70], device)
    return trainer, list(trainer.epochs())


def apart(found, wanted):
    found, wanted = (np.asarray(one, dtype=np.float64) for one in (found, wanted))
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("recipe", RECIPES)
def test_losses_and_gradients_are_those_of_the_cpu(recipe, device):
    found = []
    for place in (choose("cpu", "float32"), device):
        trainer = Trainer(settings(recipe), IMAGES, None, place)
        model, source = trainer.learner.model, torch.Generator().manual_seed(1)
        batch = trainer.learner.prepare(torch.from_numpy(IMAGES[:16]).float() / 127.5 - 1, source)
        moved = replace(batch, **{k: getattr(batch, k).to(place.torch) for k in ("x0", "t", "hidden")})
        objective = losses(model, moved)[0]
        objective.mean().backward()
        gradient = torch.cat([p.grad.flatten() for p in trainer.network.parameters()])
        found.append((objective.detach().cpu(), gradient.cpu()))
    tolerance = TOLERANCES[device.precision]
    assert apart(found[1][0], found[0][0]) < tolerance
    assert float((found[1][1] - found[0][1]).norm() / found[0][1].norm()) < 8 * tolerance


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_epoch_costs_the_loss_that_it_costs_on_the_cpu(recipe, device):
    (_, wanted), (_, found) = trained(recipe, choose("cpu", "float32")), trained(recipe, device)
    for one, other in zip(found, wanted, strict=True):
        assert one.train_mean == pytest.approx(other.train_mean, rel=0.02)
        assert one.test_mean == pytest.approx(other.test_mean, rel=0.1)


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_trainings_give_equal_bytes_and_a_graph_gives_those_of_its_kernels(recipe, device, eager):
    (first, records), (second, again), (plain, by_kernels) = (trained(recipe, one) for one in (device, device, eager))
    assert state(first) == state(second)
    assert state(first) == state(plain)
    for one, other, third in zip(records, again, by_kernels, strict=True):
        assert (one.train_mean, one.test_mean) == (other.train_mean, other.test_mean)
        assert (one.train_mean, one.test_mean) == (third.train_mean, third.test_mean)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_training_taken_up_amid_an_epoch_ends_in_the_same_bytes(recipe, device, tmp_path):
    whole, records = trained(recipe, device)
    first, steps = Trainer(settings(recipe), IMAGES, IMAGES[:70], device), []

    def stop():
        steps.append(1)
        if len(steps) == 10:  # six steps and a test batch an epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(first.epochs(between=stop))
    save_state(first, tmp_path / "state")
    second = Trainer(settings(recipe), IMAGES, IMAGES[:70], device)
    restore(second, tmp_path / "state")
    assert (second.epoch, len(second.losses)) == (1, 3)
    rest = list(second.epochs())
    assert state(second) == state(whole)
    assert (rest[-1].train_mean, rest[-1].test_mean) == (records[-1].train_mean, records[-1].test_mean)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_samplers_path_is_that_of_the_cpu(sampler, device):
    drawn = []
    for place in (choose("cpu", "float32"), device):
        trainer = Trainer(settings("thesis"), IMAGES, None, place)
        drawn.append(sample(trainer.trained, 5, sampler=sampler, steps=10, batch_size=3, frames=3, seed=4))
    tolerance = TOLERANCES[device.precision]
    assert apart(drawn[1].frames, drawn[0].frames) < 5 * tolerance
    assert np.abs(drawn[1].images - drawn[0].images).max() < 5 * tolerance


def test_graph_and_kernels_draw_equal_bytes(device, eager):
    images = [sample(trained("thesis", one)[0].trained, 6, steps=20, batch_size=4).images for one in (device, eager)]
    assert images[0].tobytes() == images[1].tobytes()


def test_the_bound_is_that_of_the_cpu(device):
    found = [
        bound(Trainer(settings("thesis"), IMAGES, None, place).trained, IMAGES[:40], draws=4, batch_size=64)
        for place in (choose("cpu", "float32"), device)
    ]
    assert found[1].total == pytest.approx(found[0].total, rel=TOLERANCES[device.precision])


def test_statistics_taken_again_are_those_of_the_cpu(device):
    found = []
    for place in (choose("cpu", "float32"), device):
        model = renorming.renormed(Trainer(settings("thesis"), IMAGES, None, place).trained, IMAGES)
        found.append(torch.cat([b.flatten().float().cpu() for b in model.network.buffers()]))
    assert apart(found[1], found[0]) < TOLERANCES[device.precision]
