"""The couplings, their slope and the density of a flow are those of the package zuko with the same weights."""

import numpy as np
import pytest
import torch

from diffusion.rivals.flow import STEEPEST, Flow
from diffusion.rivals.settings import FlowSettings

pytest.importorskip("zuko", reason="zuko comes with pip install -e '.[test]'")

STEEPNESS = np.log(1e-3)  # of zuko's own soft limit of a log scale
SHAPE = (1, 2, 2)  # four pixels, which become four channels of one: 3 x 3 convolutions are then matrices


def univariate(raw, shift):
    """Return zuko's affine map with our parameters: y = (x + shift) e^s, s = 2 tanh(raw / 2)."""
    from zuko.transforms import MonotonicAffineTransform

    log_scale = STEEPEST * torch.tanh(raw / STEEPEST)
    unlimited = log_scale / (1 - (log_scale / STEEPNESS).abs())
    return MonotonicAffineTransform(shift * log_scale.exp(), unlimited)


def translated(coupling):
    """Return a coupling as zuko's two transforms: a permutation, and a coupling by a network of its own."""
    from zuko.flows.coupling import GeneralCouplingTransform
    from zuko.lazy import UnconditionalTransform
    from zuko.transforms import PermutationTransform

    channels, convolutions = len(coupling.order), coupling.network[::2]
    width = convolutions[0].out_channels
    kept = torch.arange(channels) < coupling.kept
    theirs = GeneralCouplingTransform(
        channels, mask=kept, univariate=univariate, shapes=((), ()), hidden_features=(width, width),
        activation=torch.nn.SiLU,
    ).double()  # fmt: skip
    moved = channels - coupling.kept
    paired = torch.arange(2 * moved).reshape(2, moved).T.flatten()  # ours are all scales, then all shifts
    for ours, linear in zip(convolutions, list(theirs.hyper)[::2], strict=True):
        middle = ours.kernel_size[0] // 2  # the only place of the kernel that meets a pixel
        rows = paired if ours is convolutions[-1] else slice(None)
        linear.weight.data = ours.weight.data[rows, :, middle, middle].clone()
        linear.bias.data = ours.bias.data[rows].clone()
    return UnconditionalTransform(PermutationTransform, coupling.order, buffer=True), theirs


@pytest.fixture(scope="module")
def both():
    """A flow of five couplings with random weights, in float64, and zuko's."""
    from zuko.distributions import DiagNormal
    from zuko.lazy import Flow as Theirs
    from zuko.lazy import UnconditionalDistribution

    torch.manual_seed(0)
    ours = Flow.build(FlowSettings(levels=256, width=7, couplings=5), SHAPE).double()
    for weight in ours.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    (couplings,) = ours.levels
    base = UnconditionalDistribution(DiagNormal, torch.zeros(4).double(), torch.ones(4).double(), buffer=True)
    return ours, Theirs([one for coupling in couplings for one in translated(coupling)], base)


@torch.no_grad()
def test_a_flow_and_its_slope_are_zukos(both):
    ours, theirs = both
    x = torch.randn((50, *SHAPE), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z, slope = ours(x)
    expected, ladj = theirs().transform.call_and_ladj(x.flatten(1))
    assert slope.std() > 0.5  # the weights do something
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(slope, ladj, rtol=0, atol=1e-10)


@torch.no_grad()
def test_the_density_and_the_way_back_are_zukos(both):
    ours, theirs = both
    z = torch.randn((50, 4), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    x = ours.undo(z)
    torch.testing.assert_close(x.flatten(1), theirs().transform.inv(z), rtol=0, atol=1e-9)
    base = -0.5 * (z.square() + np.log(2 * np.pi)).sum(1)
    torch.testing.assert_close(base + ours(x)[1], theirs().log_prob(x.flatten(1)), rtol=0, atol=1e-9)
