"""The plugin: a model of all triangles, samples that are triangles, and what is drawn of both."""

import numpy as np
import pytest
import torch
import yaml

from diffusion.checkpoints import load_model, save_model
from diffusion.denoising.matched import draw_matched
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.family import FAMILIES
from studies.perfect.family import PerfectSettings
from studies.perfect.learner import PerfectLearner
from studies.perfect.member import is_triangle
from studies.planning.resolving import make_plan
from triangles.exact import every
from triangles.kinds.polygons import draw_many

SIZE = 8


def triangles(count, seed=0):
    return draw_many(np.random.default_rng(seed).random((count, 3, 2)), SIZE)


@pytest.fixture(scope="module")
def models():
    FAMILIES.add("perfect", "studies.perfect.family:PERFECT")
    names, shape, device = ("linear", "power-10"), (1, SIZE, SIZE), choose("cpu", "float32")
    made = {name: PerfectSettings(schedule=name) for name in names}
    learners = {name: PerfectLearner(one, shape, device) for name, one in made.items()}
    return {name: learner.trained(learner.network) for name, learner in learners.items()}


def test_drawn_triangles_are_members_and_spoilt_ones_are_not():
    ink = triangles(40) > 0
    assert is_triangle(ink).all()
    spoilt = ink.copy()
    spoilt[:, 0, 0] ^= True
    spoilt[:, -1, -1] ^= True
    assert is_triangle(spoilt).mean() < 0.2
    assert not is_triangle(np.zeros((1, SIZE, SIZE), bool)).any()


@pytest.mark.parametrize(("sampler", "steps"), [("ancestral", 20), ("ddim", 10), ("dpm-solver", 10)])
def test_a_perfect_model_draws_triangles_only(models, sampler, steps):
    drawn = sample(models["linear"], 16, sampler=sampler, steps=steps).images
    assert is_triangle(drawn > 0.5).mean() > 0.9


def test_power_10_draws_triangles_of_the_right_size_where_it_starts_rightly(models):
    """From N(0, I) the start lacks the black background: what is drawn there is larger."""
    real = triangles(300)[:, None]
    matched = draw_matched(models["power-10"], real, 48, seed=0)
    starts = {"normal": None, "noised": real, "matched": matched}
    ink = {
        name: (sample(models["power-10"], 48, noised=start, steps=12).images > 0.5).sum(axis=(1, 2)).mean()
        for name, start in starts.items()
    }
    assert ink["normal"] > 1.25 * ink["noised"]
    assert ink["normal"] > 1.25 * ink["matched"]


@pytest.mark.parametrize(
    ("size", "slow", "words"),
    [
        (32, False, "about 2.6 s for each x_t, as many as an image has steps: give --slow"),
        (64, True, "64 px would take .* h to sum for one x_t: 48 px is the most"),
    ],
)
def test_a_size_that_takes_long_is_refused_before_anything_is_made(tmp_path, size, slow, words):
    content = {"title": "t", "question": "q", "plugins": ["studies.perfect.plugin"], "data": {"array": {"size": size}}}
    content |= {"models": {"exact": {"family": "perfect", "epochs": 1, "slow": slow}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=words):
        make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path / "results")


def test_over_16_px_a_model_sums_over_edges(tmp_path, monkeypatch):
    """As if 16 px were 4, since an x_t takes long there."""
    for place in ("triangles.exact.canvas.ENUMERABLE", "studies.perfect.learner.LARGEST"):
        monkeypatch.setattr(place, 4)
    every.cache_clear()
    device, settings = choose("cpu", "float32"), PerfectSettings(slow=True, timesteps=20, beta_max=0.3)
    learner = PerfectLearner(settings, (1, SIZE, SIZE), device)
    x0, source = torch.from_numpy(triangles(4) / 127.5 - 1)[:, None].float(), torch.Generator().manual_seed(0)
    assert 0 < float(learner.step(learner.prepare(x0, source))["train"]) < 2
    save_model(learner.trained(learner.network), tmp_path / "model.safetensors")
    images = sample(load_model(tmp_path / "model.safetensors", device), 6, steps=10).images
    assert is_triangle(images > 0.5).all()
    with pytest.raises(ValueError, match="give --slow"):
        PerfectLearner(PerfectSettings(), (1, SIZE, SIZE), device)
    every.cache_clear()
