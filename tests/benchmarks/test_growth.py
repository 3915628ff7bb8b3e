"""The arithmetic behind the benchmarks: counted operations, fitted exponents, a workflow's idle time."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.convolutions import Layer, alone, flops, layers_of
from benchmarks.growing.growth import GROWTHS, at_the_end, exponent, fits
from benchmarks.growing.growth_figure import draw
from benchmarks.growing.workflow import covered, jobs, overhead
from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.settings import TrainSettings

CONVOLUTIONS = ("convolution", "convolution_backward")


def counted(call):
    """Operations in convolutions, by torch's own counter."""
    with FlopCounterMode(display=False) as counter:
        call()
    return sum(n for op, n in counter.get_flop_counts()["Global"].items() if str(op).endswith(CONVOLUTIONS))


@pytest.mark.parametrize("inner", [True, False])
@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(6, 4, 4, stride=2, padding=1),
        nn.Conv2d(6, 4, (1, 3)),
        nn.Conv2d(5, 2, 1),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1),
    ],
    ids=str,
)
def test_a_layers_operations_are_those_that_torch_counts(module, inner):
    x = torch.zeros(2, module.in_channels, 8, 8)
    layer = Layer(module, tuple(x.shape), tuple(module(x).shape), inner)
    assert flops(layer) == counted(alone(layer, torch.float32))


@pytest.mark.parametrize("full_skip", [True, False])
def test_a_networks_layers_are_all_found_at_their_shapes(full_skip):
    network = ThesisUNet(1, TrainSettings(widths=(2, 4, 8), full_skip=full_skip))
    x, t = torch.zeros(3, 1, 16, 16), torch.zeros(3, dtype=torch.long)
    layers = layers_of(network, lambda: network(x, t))
    assert len(layers) == len([m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)])
    assert sum(map(flops, layers)) == counted(lambda: network(x, t).sum().backward())


def test_the_exponent_of_a_power_law_is_found_exactly():
    x = np.array([1e3, 1e4, 1e5, 1e6])
    p, error = exponent(x, 7e-4 * x**1.3)
    assert p == pytest.approx(1.3)
    assert error == pytest.approx(0, abs=1e-7)


def test_the_exponents_error_is_that_of_least_squares():
    x = np.array([1.0, 2, 4, 8, 16])
    y = x**0.5 * np.exp([0.1, -0.2, 0.05, 0.1, -0.05])
    (slope, _), covariance = np.polyfit(np.log(x), np.log(y), 1, cov="unscaled")
    residuals = np.log(y) - np.polyval(np.polyfit(np.log(x), np.log(y), 1), np.log(x))
    expected = np.sqrt(covariance[0, 0] * (residuals**2).sum() / (len(x) - 2))
    assert exponent(x, y) == pytest.approx((slope, expected))


def test_what_cannot_be_fitted_says_so():
    assert np.isnan(exponent([1, 2], [1, 4])[1])
    assert np.isnan(exponent([3], [1])).all()
    with pytest.raises(ValueError, match="positive"):
        exponent([1, 2, 3], [1, 0, 4])


def test_memory_is_fitted_beyond_the_base_and_only_where_there_is_some():
    x = np.array([1, 10, 100, 1000])
    extra = np.array([0.01, 2.0, 20, 200])
    table = {"series": "one", "x": x, "cpu_seconds": x * 1.0, "base_mb": 40.0, "peak_mb": 40 + extra}
    (row,) = fits(pd.DataFrame(table)).itertuples()
    assert (row.time, row.memory) == pytest.approx((1, 1))


def test_behind_a_fixed_cost_the_last_step_shows_the_exponent_that_lasts():
    x = np.array([100_000, 1, 1_000_000, 10])
    assert at_the_end(x, 1000 + x**1.5) == pytest.approx(1.5, abs=1e-4)
    assert exponent(x, 1000 + x**1.5)[0] < 1.4


def test_two_points_are_drawn_and_not_fitted():
    steps = {"series": ["one"] * 3 + ["two"] * 2, "x": [1, 2, 4, 1, 2], "cpu_seconds": [1, 2, 4, 1, 3], "base_mb": 0.0}
    table = pd.DataFrame(steps | {"peak_mb": [10, 20, 40, 10, 30]})
    figure = draw(replace(GROWTHS["cells"], clock="cpu_seconds"), table, "today")
    words = [text.get_text() for text in figure.texts]
    assert (words.count("1.00 ± 0.00 (1.00)"), words.count("too few points to fit")) == (2, 2)
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]  # two series' points and one line


def test_overlapping_and_separate_jobs_cover_their_union():
    assert covered([0, 1, 5], [3, 2, 6]) == 4


def test_idle_time_comes_from_the_benchmark_files(tmp_path):
    """Two cores for 20 s: a job at 0 ... 10, one at 0 ... 4, one at 12 ... 20."""
    (tmp_path / "benchmarks").mkdir()
    for name, start, end in (("a", 0, 10), ("b", 0, 4), ("c", 12, 20)):
        path = tmp_path / "benchmarks" / f"{name}.tsv"
        path.write_text(f"s\tmax_rss\tcpu_time\n{end - start}\t-\t1\n")
        os.utime(path, (1000 + end, 1000 + end))
    found = overhead(jobs(tmp_path), cores=2)
    assert found["jobs_seconds"] == 22
    assert found["share"] == pytest.approx(1 - 22 / 40)
    assert found["without_job"] == pytest.approx(2 / 20)
    assert overhead(jobs(tmp_path), cores=2, wall=25)["without_job"] == pytest.approx(7 / 25)


def test_without_benchmark_files_nothing_is_made_up(tmp_path):
    with pytest.raises(ValueError, match="run the workflow first"):
        jobs(tmp_path)
