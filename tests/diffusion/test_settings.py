"""Settings: what is refused before anything is made, and what older files hold."""

import pytest

from diffusion.settings import TrainSettings, read_settings


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"network": "unet"}, "choose from thesis, residual"),
        ({"target": "noise"}, "choose from eps, x0, v, bernoulli"),
        ({"optimizer": "sgd"}, "choose from adam, muon"),
        ({"time_draw": "often"}, "choose from uniform, stratified"),
        ({"process": "poison"}, "choose from gaussian"),
        ({"family": "gam"}, "choose from diffusion.*, or name the plugin that has it"),
        ({"schedule": "steep"}, "power-P or wave-K"),
        ({"network": "residual", "full_skip": True}, "full_skip belongs to the thesis network"),
        ({"target": "bernoulli", "value_range": "unit"}, "needs value_range symmetric"),
        ({"widths": (4,)}, "at least 2"),
        ({"width": (4, 8)}, "belongs to family vae or gan or flow, not to diffusion"),
        ({"widht": (4, 8)}, "not permitted"),
    ],
)
def test_impossible_settings_are_refused(given, word):
    with pytest.raises(ValueError, match=word):
        TrainSettings(**given)


def test_settings_of_older_files_are_those_of_the_first_family():
    old = TrainSettings(seed=3).model_dump(mode="json")
    del old["family"], old["process"]
    assert read_settings(old) == TrainSettings(seed=3)


def test_the_noise_schedule_has_the_settings_steps_and_bounds():
    noise = TrainSettings(timesteps=20, beta_min=0.001, beta_max=0.3).noise_schedule()
    assert (noise.name, noise.timesteps) == ("linear", 20)
    assert (noise.betas[0], noise.betas[-1]) == (0.001, 0.3)
