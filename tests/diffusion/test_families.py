"""Laws of every family of the registry, and one from outside that has no path and no likelihood."""

import json

import numpy as np
import pytest
import torch
from commands import FAST, call, refusal

from diffusion.checkpoints import load_model, restore, save_model, save_state, tensors_of
from diffusion.devices import choose
from diffusion.family import FAMILIES, likelihood_sources, sampling_sources, training_sources
from diffusion.settings import FamilySettings
from diffusion.store.files import as_images, write_array
from diffusion.store.sources import followed
from diffusion.store.surroundings.memory import TooLargeError
from diffusion.training import Trainer

SMALL = {"epochs": 2, "batch_size": 16, "precision": "float32", "widths": (4, 8), "timesteps": 10}
PLUGIN = '''
"""A family whose network is one image: it learns the mean, and draws that with noise."""

import torch

from diffusion.family import FAMILIES, Family
from diffusion.images import Samples, as_arrays, to_unit
from diffusion.settings import FamilySettings, setting
from diffusion.streams import generator


class Settings(FamilySettings):
    family: str = setting("mean", "what kind")
    spread: float = setting(0.1, "of the noise", ge=0)


class Picture(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(shape))


class Model:
    calls = 1

    def __init__(self, settings, shape, network, device):
        self.settings, self.shape, self.network, self.device = settings, shape, network, device

    @staticmethod
    def build(settings, shape):
        return Picture(shape)

    @classmethod
    def new(cls, settings, shape, device):
        return cls(settings, shape, cls.build(settings, shape), device)


class Learner:
    def __init__(self, settings, shape, device):
        self.model = Model.new(settings, shape, device)
        self.network = self.model.network
        self.optimizers = [torch.optim.SGD(self.network.parameters(), settings.learning_rate, momentum=0.9)]

    def prepare(self, x0, source, testing=False):
        return x0 + 0.01 * torch.randn(x0.shape, generator=source)

    def step(self, batch):
        loss = self.test(self.model, batch).mean()
        self.optimizers[0].zero_grad()
        loss.backward()
        self.optimizers[0].step()
        return {"train": loss.detach(), "size": self.network.mean.detach().square().mean()}

    def test(self, model, batch):
        return (batch - model.network.mean).square().flatten(1).mean(1)

    def trained(self, network):
        return Model(self.model.settings, self.model.shape, network.eval(), self.model.device)


@torch.no_grad()
def draw(model, count, noised=None, progress=None, seed=0, **how):
    noise = torch.stack([torch.randn(model.shape, generator=generator(seed, 99, i)) for i in range(count)])
    x = model.network.mean + model.settings.spread * noise
    return Samples(as_arrays(to_unit(x, model.settings.value_range).clamp(0, 1)))


HERE = {part: f"mean_family:{name}" for part, name in
        {"settings": "Settings", "learner": "Learner", "model": "Model", "draw": "draw"}.items()}
FAMILIES.add("mean", Family(frozenset(), **HERE))
'''


def settings(name, **more):
    kind = FAMILIES[name].settings
    return kind(**{key: value for key, value in (SMALL | more).items() if key in kind.model_fields})


@pytest.fixture
def images():
    torch.set_num_threads(1)
    return as_images((np.random.default_rng(0).random((48, 8, 8)) < 0.3).astype(np.uint8) * 255)


def weights(trainer):
    return {name: value.numpy().tobytes() for name, value in tensors_of(trainer).items()}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_goes_on_from_its_state_as_if_undisturbed(name, images, tmp_path):
    whole, first, second = (Trainer(settings(name, epochs=3, ema=0.9), images, images[:8]) for _ in range(3))
    list(whole.epochs())
    next(first.epochs())
    save_state(first, tmp_path / "state")
    restore(second, tmp_path / "state")
    list(second.epochs())
    assert weights(second) == weights(whole)
    for ours, theirs in zip(whole.records, second.records, strict=True):
        assert (ours.train_mean, ours.test_mean, ours.means) == (theirs.train_mean, theirs.test_mean, theirs.means)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_familys_model_draws_the_same_from_its_file(name, images, tmp_path):
    trainer = Trainer(settings(name), images)
    list(trainer.epochs())
    save_model(trainer.trained, tmp_path / "model")
    models = trainer.trained, load_model(tmp_path / "model", choose("cpu", "float32"))
    one, same = (FAMILIES[name].draw(model, 3, seed=4) for model in models)
    np.testing.assert_array_equal(one.images, same.images)
    assert one.images.min() >= 0
    assert one.images.max() <= 1
    assert (one.frames is not None) == ("frames" in FAMILIES[name].capabilities)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_larger_than_the_memory_is_refused_before_it_is_made(name, images, monkeypatch):
    chosen = settings(name, ema=0.9)
    trainer = Trainer(chosen, images)
    list(trainer.epochs())
    kept = [pair for one in trainer.learner.optimizers for weight in one.state.values() for pair in weight.items()]
    held = 4 * (3 * trainer.parameters + sum(state.numel() for name, state in kept if name != "step"))
    monkeypatch.setattr("diffusion.training.fitting.free_memory", lambda: held)
    Trainer(chosen, images)
    monkeypatch.setattr("diffusion.training.fitting.free_memory", lambda: 0.7 * held)
    if held:
        with pytest.raises(TooLargeError, match=r"GiB are free: (lower --widths?|choose a smaller one), or"):
            Trainer(chosen, images)


def test_a_width_far_beyond_the_memory_is_refused_in_one_line(images, tmp_path):
    (tmp_path / "set").mkdir()
    for part in ("train", "test"):
        write_array(tmp_path / "set" / f"{part}.npy", images[:, 0])
    code, said = call(
        "diffusion",
        "train",
        "set",
        "--widths",
        "90000,90000",
        "--batch-size",
        "8",
        *FAST,
        "--out",
        "run",
        folder=tmp_path,
    )
    assert code == 1
    assert "GiB are free: lower --widths, or use a machine with more memory" in refusal(said)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_says_what_it_is(name):
    family = FAMILIES[name]
    assert issubclass(family.settings, FamilySettings)
    assert family.settings().family == name
    assert family.capabilities <= {"frames", "likelihood", "reconstruct", "condition", "score", "latent", "pixels"}
    assert (family.bound is not None) == ("likelihood" in family.capabilities)


def test_a_runs_sources_are_those_that_its_settings_choose():
    def names(modules):
        return {path.name for path in followed(*modules, without=("diffusion.store", "diffusion.family"))}

    plain, other = (settings("diffusion", **more) for more in ({}, {"network": "residual", "target": "bernoulli"}))
    assert {"trainer.py", "learner.py", "thesis_unet.py", "squared.py"} <= names(training_sources(plain))
    assert {"residual_unet.py", "bernoulli.py"} <= names(training_sources(other))
    apart = {
        "residual_unet.py",
        "bernoulli.py",
        "ddim.py",
        "sampling.py",
        "likelihood.py",
        "checkpoints.py",
        "files.py",
    }
    assert not apart & names(training_sources(plain))
    assert "ddim.py" in names(sampling_sources(plain, "ddim")) - names(sampling_sources(plain, "ancestral"))
    assert "gaussian_bits.py" in names(likelihood_sources(plain)) - names(sampling_sources(plain))


def test_a_family_from_outside_is_trained_and_sampled_by_the_same_commands(tmp_path):
    (tmp_path / "mean_family.py").write_text(PLUGIN)
    (tmp_path / "set").mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 64), ("test", 16)):
        write_array(tmp_path / "set" / f"{part}.npy", (rng.random((count, 8, 8)) < 0.8).astype(np.uint8) * 255)
    words = ["diffusion", "--plugin", "mean_family"]
    training = ["train", "set", "--family", "mean", "--spread", "0.2", "--epochs", "9", "--batch-size", "16"]
    more = ["--learning-rate", "0.5", "--ema", "0.5", *FAST, "--out", "run"]
    code, said = call(*words, *training, *more, folder=tmp_path)
    assert code == 0, said
    head, *rows = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    assert head == "epoch,train_mean,train_min,train_max,test_mean,size_mean,seconds,test_seconds,loading_seconds"
    assert len(rows) == 9
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["family"], record["capabilities"], record["settings"]["spread"]) == ("mean", [], 0.2)
    code, said = call(*words, "sample", "run", "--count", "4", *FAST, folder=tmp_path)
    assert code == 0, said
    drawn = np.load(tmp_path / "run" / "samples.npy")
    assert drawn.shape == (4, 8, 8)
    assert drawn.mean() == pytest.approx(0.8, abs=0.1)
    assert not (tmp_path / "run" / "samples-frames.npy").exists()
    code, said = call(*words, "likelihood", "run", "set", *FAST, folder=tmp_path)
    assert code == 2
    assert "family mean has no likelihood" in refusal(said)
    code, said = call(*words, "remake", "run", "set", folder=tmp_path)
    assert code == 0, said
    code, said = call("diffusion", "sample", "run", *FAST, folder=tmp_path)
    assert code == 2
    assert "unknown family 'mean'" in refusal(said)
