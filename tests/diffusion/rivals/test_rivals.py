"""What holds for each family here: sides, channels, and draws that depend on no batch."""

import numpy as np
import pytest
import torch

from diffusion.devices import choose
from diffusion.family import FAMILIES
from diffusion.store.console import settings_options
from diffusion.training.trainer import Trainer

CPU = choose("cpu", "float32", 1)
GRAY = np.array([128], np.uint8)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 16), (1, 32, 32)])
@pytest.mark.parametrize("name", ["vae", "gan", "flow", "copier"])
def test_an_image_depends_on_model_seed_and_place_and_on_no_batch(name, shape):
    kind = FAMILIES[name].settings
    small = {"width": 4, "couplings": 2, "latent": 3, "kept": 8, "pixel_noise": True}
    settings = kind(**{key: value for key, value in small.items() if key in kind.model_fields}).settle(GRAY)
    model = FAMILIES[name].model.new(settings, shape, CPU)
    if name == "copier":
        model.network.kept.random_(0, 256)
        model.network.seen.fill_(8)
    whole = FAMILIES[name].draw(model, 6, seed=2).images
    assert whole.shape == (6, *shape[1:], *([3] if shape[0] == 3 else []))
    for other in (FAMILIES[name].draw(model, 6, seed=2, batch_size=4), FAMILIES[name].draw(model, 3, seed=2)):
        np.testing.assert_allclose(other.images, whole[: len(other.images)], atol=1e-5)
    assert (FAMILIES[name].draw(model, 6, seed=3).images != whole).any()


@pytest.mark.parametrize("name", ["diffusion", "vae", "gan", "flow", "copier"])
def test_the_precision_that_a_model_tells_is_the_one_it_computes_in(name):
    """Asked for bfloat16, a model either computes otherwise than in float32, or says that float32 is what it takes."""
    kind = FAMILIES[name].settings
    small = {"width": 8, "couplings": 2, "widths": (4, 8), "kept": 16, "batch_size": 8, "drop_last": False, "epochs": 1}
    settings = kind(**{key: value for key, value in small.items() if key in kind.model_fields})
    images = np.random.default_rng(0).integers(0, 256, (16, 1, 8, 8), np.uint8)
    trained = []
    for precision in ("float32", "bfloat16"):
        trainer = Trainer(settings, images, device=choose("cpu", precision, 1))
        for _ in trainer.epochs():
            pass
        trained.append(trainer.trained)
    first, second = (torch.cat([v.flatten().double() for v in one.network.state_dict().values()]) for one in trained)
    assert torch.equal(first, second) == (trained[1].device.precision == "float32")


@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].settings.idle])
def test_settings_that_are_said_to_be_idle_change_no_draw_and_no_help_names_them(name):
    kind = FAMILIES[name].settings
    other = {"optimizer": "muon", "learning_rate": 0.5, "cooldown": 1.0, "ema": 0.9, "precision": "bfloat16"}
    images = np.random.default_rng(0).integers(0, 2, (8, 1, 8, 8), np.uint8) * 255
    drawn = []
    for idle in ({}, {key: other[key] for key in kind.idle}):
        settings = kind(epochs=1, batch_size=4, **idle)
        trainer = Trainer(settings, images, device=choose("cpu", settings.precision, 1))
        assert len(list(trainer.epochs())) == 1
        drawn.append(FAMILIES[name].draw(trainer.trained, 6).images)
    assert (drawn[0] == drawn[1]).all()
    shown = {option.name for option in settings_options(kind) if not option.hidden}
    assert shown == kind.model_fields.keys() - kind.idle
