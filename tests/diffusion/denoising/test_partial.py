"""Starting on the way: the same steps, fewer of them."""

import numpy as np
import pytest
import torch
from commands import call

from diffusion.denoising.model import Model
from diffusion.denoising.partial import from_abar
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.settings import TrainSettings


def model(schedule="linear"):
    settings = TrainSettings(schedule=schedule, widths=(4, 8), timesteps=50, beta_max=0.2)
    return Model.new(settings, (1, 8, 8), choose("cpu", "float32"))


def test_the_way_ends_where_the_share_is_left_and_is_the_same_before():
    whole = model()
    part = from_abar(whole, 0.5)
    abar, steps = whole.process.schedule.abar, part.process.timesteps
    assert abar[steps - 1] <= 0.5 < abar[steps - 2]
    assert np.array_equal(part.process.schedule.abar, abar[:steps])
    xt, t = torch.randn(3, 1, 8, 8), torch.tensor([0, 5, steps - 1])
    whole.network.eval()
    assert torch.equal(part.predict(xt, t).x0, whole.predict(xt, t).x0)


def test_sampling_from_the_middle_starts_from_images_noised_that_far():
    images = np.random.default_rng(0).integers(0, 2, (4, 1, 8, 8), dtype=np.uint8) * 255
    part = from_abar(model(), 0.5)
    found = sample(part, 4, noised=images, framed=4, frames=2)
    assert found.steps == [part.process.timesteps, 0]
    start = 2 * found.frames[:, 0] - 1
    x0 = images[:, 0] / 127.5 - 1
    share = (start * x0).mean()  # sqrt(abar), up to the noise of 256 pixels
    assert share == pytest.approx(np.sqrt(part.process.schedule.abar[-1]), abs=0.15)


@pytest.mark.parametrize(
    ("abar", "word"), [(0.0, "between 0 and 1"), (1.0, "between 0 and 1"), (1e-9, "never reached")]
)
def test_impossible_shares_are_refused(abar, word):
    with pytest.raises(ValueError, match=word):
        from_abar(model(), abar)


def test_the_command_starts_there_and_says_so(tiny):
    words = ["sample", "run", "--count", "2", "--steps", "3", "--name", "part", "--from-abar", "0.5", "--threads", "1"]
    code, said = call("diffusion", *words, folder=tiny)
    assert (code, said.count("\n")) == (2, 1)
    assert "--from-abar belongs to --noised" in said
    code, said = call("diffusion", *words, "--noised", "set", folder=tiny)
    assert code == 0, said
    assert '"from_abar": 0.5' in (tiny / "run" / "part.json").read_text()
