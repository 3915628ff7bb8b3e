"""Fresh statistics of batch norm: those of the data, whatever stood there before."""

import json

import numpy as np
import pytest
import torch
from commands import call

from diffusion.denoising.model import Model
from diffusion.denoising.renorming import mean_errors, renormed
from diffusion.devices import choose
from diffusion.settings import TrainSettings


def model(**more):
    settings = TrainSettings(schedule="linear", widths=(4, 8), timesteps=50, beta_max=0.2, batch_size=32, **more)
    made = Model.new(settings, (1, 8, 8), choose("cpu", "float32"))
    made.network.eval()
    return made


def images(count):
    return np.random.default_rng(0).integers(0, 2, (count, 1, 8, 8), dtype=np.uint8) * 255


def norms(of):
    return [module for module in of.network.modules() if isinstance(module, torch.nn.BatchNorm2d)]


def test_statistics_are_the_datas_own_and_forget_what_was_there():
    """The first norm sees a convolution of x_t alone: its statistics are those of the layer's outputs."""
    stale, seen = model(), []
    norms(stale)[0].running_mean += 7
    fresh = renormed(stale, images(320))
    norm = norms(fresh)[0]
    assert not fresh.network.training
    assert norms(stale)[0].running_mean.mean() == 7  # the model given is left as it was
    norm.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()))
    process, source = fresh.process, torch.Generator().manual_seed(1)
    x0 = torch.from_numpy(images(320)) / 127.5 - 1
    t = torch.arange(320) % process.timesteps
    fresh.output(process.noised(x0, t, torch.randn(x0.shape, generator=source)), t)
    assert norm.running_mean == pytest.approx(seen[0].mean((0, 2, 3)), abs=0.02)
    assert norm.running_var == pytest.approx(seen[0].var((0, 2, 3)), rel=0.05)


def test_what_cannot_be_renormed_is_refused():
    with pytest.raises(ValueError, match="32 images"):
        renormed(model(), images(31))
    with pytest.raises(ValueError, match="no batch norm"):
        renormed(model(network="residual"), images(64))


class Biased(torch.nn.Module):
    """The exact noise of images that are all white, off by a hundredth of the time index."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, xt, t):
        eps = (xt - self.process.at("sqrt_abar", t, xt)) / self.process.at("sqrt_1m_abar", t, xt)
        return eps + t[:, None, None, None] / 100


def test_the_mean_error_is_the_bias_at_each_time_step():
    exact = model()
    exact.network = Biased(exact.process)
    white = np.full((40, 1, 8, 8), 255, np.uint8)
    assert mean_errors(exact, white, [1, 11, 50]) == pytest.approx([0, 0.1, 0.49], abs=1e-5)


def test_mean_errors_are_taken_in_batches_to_the_same_numbers():
    some, sizes = model(), []
    seen = some.network.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    whole = mean_errors(some, images(300), [1, 25, 50], batch_size=256)
    assert sizes == [256] * 3
    sizes.clear()
    assert mean_errors(some, images(300), [1, 25, 50], batch_size=100) == pytest.approx(whole, abs=1e-6)
    assert sizes == [100, 100, 56] * 3
    seen.remove()
    assert mean_errors(some, images(300), [1, 25, 50], seed=1) != pytest.approx(whole, abs=1e-4)


def test_the_command_takes_statistics_and_says_so(tiny):
    words = ["sample", "run", "--count", "2", "--steps", "3", "--name", "fresh", "--threads", "1"]
    code, said = call("diffusion", *words, "--renormed", "nowhere", folder=tiny)
    assert (code, said.count("\n")) == (2, 1)
    code, said = call("diffusion", *words, "--renormed", "set", folder=tiny)
    assert code == 0, said
    record = json.loads((tiny / "run" / "fresh.json").read_text())
    assert record["renormed"] == "set"
    found = record["mean_errors"]
    assert found["steps"][-1] == json.loads((tiny / "run" / "run.json").read_text())["settings"]["timesteps"]
    assert len(found["steps"]) == len(found["running"]) == len(found["anew"])
    assert found["running"] != found["anew"]
    assert found["images"] == len(np.load(tiny / "set" / "test.npy")) == 16
