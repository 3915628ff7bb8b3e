"""A flow is one to one, its slope is autograd's, and its density integrates to one."""

import itertools

import numpy as np
import pytest
import torch

from diffusion.devices import choose
from diffusion.rivals.flow import Coupling, Flow, bound
from diffusion.rivals.settings import FlowSettings

CPU = choose("cpu", "float32", 1)


def shaken(model, by=0.4):
    """The same model with weights that do something: each coupling begins as the identity."""
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(by * torch.randn(parameter.shape, generator=source, dtype=parameter.dtype))
    return model.double()


SHAPES = [(1, 4, 4), (1, 16, 16), (3, 8, 8), (1, 6, 6), (1, 10, 12), (1, 14, 28), (3, 6, 14), (1, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_done_is_undone_and_the_slope_is_that_of_autograd(shape):
    torch.manual_seed(0)
    network = shaken(Flow.build(FlowSettings(levels=256, width=3, couplings=3), shape), by=0.2)
    x = torch.randn((3, *shape), dtype=torch.float64)
    z, slope = network(x)
    assert z.shape == (3, np.prod(shape))
    np.testing.assert_allclose(network.undo(z).detach(), x, atol=1e-9)
    if x[0].numel() <= 64:
        for one, told in zip(x, slope, strict=True):
            jacobian = torch.autograd.functional.jacobian(lambda v: network(v[None])[0][0], one)
            assert told.item() == pytest.approx(
                torch.linalg.slogdet(jacobian.reshape(z.shape[1], -1))[1].item(), abs=1e-9
            )


def test_a_density_of_two_pixels_integrates_to_one():
    torch.manual_seed(1)
    coupling = shaken(Coupling(2, 4))
    side = torch.linspace(-40, 40, 801, dtype=torch.float64)
    x = torch.cartesian_prod(side, side).reshape(-1, 2, 1, 1)
    with torch.no_grad():
        z, slope = coupling(x)
    log_p = -0.5 * (z.square() + np.log(2 * np.pi)).flatten(1).sum(1) + slope
    assert (log_p.exp().sum() * (side[1] - side[0]) ** 2).item() == pytest.approx(1, abs=1e-3)


def test_levels_of_two_by_two_pixels_have_chances_that_sum_to_one():
    """In the mean over the noise; a bound by few draws gives less to each."""
    torch.manual_seed(2)
    settings = FlowSettings(levels=2, width=3, couplings=2)
    model = Flow(settings, (1, 2, 2), shaken(Flow.build(settings, (1, 2, 2))), CPU)
    images = np.array([*itertools.product((0, 255), repeat=4)], np.uint8).reshape(16, 1, 2, 2)
    x = torch.tensor(images / 127.5 - 1)
    noise = torch.rand((2000, 1, 1, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        chances = torch.stack([model.log_density(x, one.expand_as(x)).exp() for one in noise]).mean(0)
    assert chances.sum().item() == pytest.approx(1, abs=0.05)
    model.network.float()
    totals = {K: bound(model, images, draws=K).pairs.sum() for K in (1, 256)}
    assert totals[1] > totals[256]


def test_levels_that_a_flow_has_not_are_refused():
    model = Flow.new(FlowSettings(levels=2, width=2, couplings=2), (1, 8, 8), CPU)
    with pytest.raises(ValueError, match="2 gray levels"):
        bound(model, np.full((1, 1, 8, 8), 100, np.uint8))
    with pytest.raises(ValueError, match="must be even"):
        Flow.new(FlowSettings(levels=256), (1, 7, 8), CPU)


def test_drawn_images_lie_on_the_levels():
    model = Flow.new(FlowSettings(levels=2, width=2, couplings=2), (1, 8, 8), CPU)
    drawn = model.images(torch.randn(20, 64))
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("levels", [2, 52, 76, 103, 205, 256])
def test_images_of_as_many_levels_as_a_flow_are_bounded_and_others_refused(levels):
    """255/51 times a level is no whole number in binary."""
    model = Flow.new(FlowSettings(levels=levels, width=2, couplings=2), (1, 2, 2), CPU)
    known = np.unique((np.arange(levels) * 255 / (levels - 1)).round().astype(np.uint8))
    exact = [one for one in known if abs(one / 255 * (levels - 1) - round(one / 255 * (levels - 1))) < 1e-9]
    images = np.resize(np.array(exact, np.uint8), (len(exact) // 4 + 1, 1, 2, 2))
    assert np.isfinite(bound(model, images, draws=1).decoder).all()
    if levels < 256:
        with pytest.raises(ValueError, match=f"more than the flow's {levels} gray levels"):
            bound(model, images + np.uint8(1) * (images == 0))
