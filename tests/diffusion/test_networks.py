"""Laws of every network of the registry, and facts of the two U-Nets."""

import math

import pytest
import torch

from diffusion.denoising.model import Model
from diffusion.devices import choose
from diffusion.networks import FACTS, NETWORKS, facts
from diffusion.networks.embedding import SinusoidalEmbedding
from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.settings import TrainSettings


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def settings(name="thesis", **more):
    return TrainSettings(network=name, **({"widths": (8, 12, 20)} | more))


def test_the_thesis_network_has_the_listings_parameter_count():
    with torch.device("meta"):
        network = ThesisUNet(1, settings(widths=(64, 128, 256, 512, 1024)))
    assert count(network) == 62_713_025


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_keep_the_images_shape_and_see_the_time_step(name, channels):
    torch.manual_seed(0)
    network = NETWORKS[name](channels, settings(name)).eval()
    x = torch.randn(1, channels, 2 * network.divisor, 3 * network.divisor)
    early, late = network(x, torch.tensor([1])), network(x, torch.tensor([900]))
    assert early.shape == x.shape
    assert not torch.allclose(early, late, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_follow_from_the_seed(name):
    def weights(seed):
        model = Model.new(settings(name, seed=seed), (1, 16, 16), choose("cpu", "float32"))
        return torch.cat([p.detach().flatten() for p in model.network.parameters()])

    before = torch.get_rng_state()
    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", NETWORKS)
def test_facts_are_true_of_the_network(name):
    modules = NETWORKS[name](1, settings(name)).modules()
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in modules) == facts(name).batch_norm


def test_full_skip_adds_one_convolution_and_widens_the_last():
    plain, skipped = (ThesisUNet(1, settings(widths=(4, 8), full_skip=skip)) for skip in (False, True))
    assert count(skipped) - count(plain) == (8 * 8 * 9 + 8) + (8 - 4)
    torch.manual_seed(0)
    x = torch.randn(1, 1, 8, 8)
    assert skipped(x, torch.tensor([1])).shape == x.shape


def test_time_embedding_is_sines_then_cosines_of_geometric_frequencies():
    embedding = SinusoidalEmbedding(4)(torch.tensor([7]))
    assert embedding[0].tolist() == pytest.approx([math.sin(7), math.sin(7e-4), math.cos(7), math.cos(7e-4)], abs=1e-6)


@pytest.mark.parametrize("name", FACTS)
def test_what_is_known_of_a_network_without_torch_is_true_of_it(name):
    for widths in ((4, 8), (4, 4, 8, 8)):
        settings = TrainSettings(network=name, widths=widths)
        assert FACTS[name].divisor(settings) == NETWORKS[name](1, settings).divisor
