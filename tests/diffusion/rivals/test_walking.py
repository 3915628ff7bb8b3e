"""A walk starts and ends at draws of the model, and each of its points is distributed as a latent is."""

import numpy as np
import pytest
import torch

from diffusion.devices import choose
from diffusion.family import FAMILIES
from diffusion.rivals.walking import arc, walk

CPU = choose("cpu", "float32", 1)
WITH_LATENT = [name for name, family in FAMILIES.items() if "latent" in family.capabilities]
SMALL = {"width": 4, "couplings": 2, "latent": 3}


def new(name):
    """A model whose images hang on z: as they are made, a flow's couplings are the identity."""
    kind = FAMILIES[name].settings
    settings = kind(**{key: value for key, value in SMALL.items() if key in kind.model_fields}).settle()
    return FAMILIES[name].model.new(settings, (1, 8, 8), CPU)


def test_every_point_of_an_arc_is_distributed_as_its_ends():
    z0, z1 = torch.randn((2, 40_000, 2), generator=torch.Generator().manual_seed(0))
    points = arc(z0, z1, 5)
    torch.testing.assert_close(points[0], z0)
    torch.testing.assert_close(points[-1], z1)
    for point in points:
        np.testing.assert_allclose(np.cov(point.T), np.eye(2), atol=0.03)
        np.testing.assert_allclose(point.mean(0), 0, atol=0.03)
    assert (0.5 * (z0 + z1)).var() < 0.55  # the middle of a straight line is not


def test_an_arc_is_the_spherical_interpolation_of_latents_at_right_angles():
    z0, z1 = torch.tensor([2.0, 0, 0]), torch.tensor([0, 2.0, 0])
    found = arc(z0, z1, 7)
    for point, share in zip(found, np.linspace(0, 1, 7), strict=True):
        expected = [np.sin((1 - share) * np.pi / 2) * 2, np.sin(share * np.pi / 2) * 2, 0]
        np.testing.assert_allclose(point, expected, atol=1e-6)


def test_the_families_that_draw_from_a_normal_latent_say_so():
    assert set(WITH_LATENT) >= {"vae", "gan", "flow"}
    assert "copier" not in WITH_LATENT


@pytest.mark.parametrize("name", WITH_LATENT)
def test_a_walk_leads_from_draw_to_draw(name):
    model = new(name)
    drawn = FAMILIES[name].draw(model, 4, seed=7).images
    images, size = walk(model, 6, seed=7, ends=(1, 3))
    assert images.shape == (6, 8, 8)
    assert images.dtype == np.float32
    assert size == model.latents(torch.Generator())[0].numel()
    np.testing.assert_allclose(images[0], drawn[1], atol=1e-6)
    if len(model.latents(torch.Generator())) == 1:
        np.testing.assert_allclose(images[-1], drawn[3], atol=1e-6)
    assert (images[0] != images[-1]).any()
    np.testing.assert_array_equal(walk(model, 6, seed=7, ends=(1, 1))[0][0], images[0])


@pytest.mark.parametrize("name", WITH_LATENT)
def test_nothing_but_the_latent_moves(name):
    """Without z, all images of a walk are one: pixels that are drawn at random are drawn alike."""
    model = new(name)
    take = model.latents
    model.latents = lambda source: (torch.zeros_like(take(source)[0]), *take(source)[1:])
    images, _ = walk(model, 4)
    assert (images == images[0]).all()


def test_a_walk_of_one_step_is_refused():
    with pytest.raises(ValueError, match="at least 2 steps"):
        walk(new("gan"), 1)
