import math

import pytest
import torch

from diffusion.networks import unet


def test_the_thesis_network_has_the_listings_parameter_count():
    with torch.device("meta"):
        network = unet.ThesisUNet(1, (64, 128, 256, 512, 1024))
    assert unet.parameter_count(network) == 62_713_025


@pytest.mark.parametrize(
    ("kind", "channels", "full_skip"), [("thesis", 1, False), ("thesis", 3, True), ("residual", 3, False)]
)
def test_networks_keep_the_images_shape_and_see_the_time_step(kind, channels, full_skip):
    torch.manual_seed(0)
    network = unet.build(kind, channels, (8, 12, 20), full_skip=full_skip).eval()
    x = torch.randn(1, channels, 8, 12)
    early, late = network(x, torch.tensor([1])), network(x, torch.tensor([900]))
    assert early.shape == x.shape
    assert not torch.allclose(early, late, atol=1e-4)


def test_full_skip_adds_one_convolution_and_widens_the_last():
    torch.manual_seed(0)
    plain, skipped = (unet.build("thesis", 1, (4, 8), full_skip=skip) for skip in (False, True))
    assert unet.parameter_count(skipped) - unet.parameter_count(plain) == (8 * 8 * 9 + 8) + (8 - 4)


def test_time_embedding_is_sines_then_cosines_of_geometric_frequencies():
    embedding = unet.SinusoidalEmbedding(4)(torch.tensor([7]))
    assert embedding[0].tolist() == pytest.approx([math.sin(7), math.sin(7e-4), math.cos(7), math.cos(7e-4)], abs=1e-6)


@pytest.mark.parametrize(("kind", "widths", "full_skip"), [("unet", (4, 8), False), ("thesis", (4,), False)])
def test_impossible_networks_are_refused(kind, widths, full_skip):
    with pytest.raises(ValueError, match=r"choose thesis or residual|two or more"):
        unet.build(kind, 1, widths, full_skip=full_skip)
