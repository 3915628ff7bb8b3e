"""The figure of the score: exact where it says so, and as far off as it says."""

from itertools import pairwise

import matplotlib.text
import numpy as np
import pytest
import torch
from drawn import draw, words_of

from diffusion.processes.gaussian import Gaussian
from diffusion.schedules import schedule
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, shown
from studies.report.figures.curves import score_field
from studies.report.style import DPI, save


@pytest.fixture(scope="module")
def process():
    return Gaussian(schedule("linear"))


@pytest.fixture(scope="module")
def learnt(process):
    return score_field.learn(process)


def index(process, abar):
    return int(np.abs(process.schedule.abar - abar).argmin())


def test_the_exact_score_is_the_gradient_of_the_log_density(process):
    x = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for abar in score_field.LEVELS:
        a = process.schedule.abar[index(process, abar)]
        means = np.sqrt(a) * torch.tensor(score_field.POINTS, dtype=torch.float64)
        log = (-(x[:, None] - means).square().sum(-1) / (2 * (1 - a))).logsumexp(1)
        wanted = torch.autograd.grad(log.sum(), x)[0]
        found = score_field.exact_score(process, x.detach(), index(process, abar))
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_the_learnt_score_is_off_by_what_the_caption_says(process, learnt):
    errors = [score_field.measure_error(process, learnt, index(process, abar)) for abar in score_field.LEVELS]
    assert errors == sorted(errors)
    assert (errors[0], errors[-1]) == pytest.approx((0.02, 0.13), abs=0.015)
    nothing = score_field.measure_error(process, lambda x, t: torch.zeros_like(x), index(process, 0.5))
    assert nothing == pytest.approx(1)


def test_paths_with_the_exact_score_end_at_images(process):
    levels = [score_field.Level(index(process, abar), abar) for abar in score_field.LEVELS]
    paths = score_field.walk(process, lambda x, t: score_field.exact_score(process, x, t), levels)
    for before, after in pairwise(paths):
        assert np.array_equal(before[-1], after[0])
    apart = paths[-1][-1][:, None] - np.sqrt(score_field.LEVELS[-1]) * np.array(score_field.POINTS)
    nearest = np.linalg.norm(apart, axis=-1)
    assert nearest.min(axis=1).max() < 0.3
    assert len(set(nearest.argmin(axis=1))) == len(score_field.STARTS)


def test_the_figure_needs_no_run_and_is_whole(tmp_path, learnt, monkeypatch):
    plan = make_plan("langevin", "smoke", tmp_path)
    assert shown(FIGURES, "score-field", plan).inputs(plan) == []
    monkeypatch.setattr(score_field, "learn", lambda process: learnt)
    monkeypatch.setattr(score_field, "DRAWN", 500)
    figure = draw("score-field", plan)
    assert "scale smoke · T = 1000" in words_of(figure)
    assert all(text.get_fontsize() >= 8 for text in figure.findobj(matplotlib.text.Text))
    save(figure, tmp_path / "one", ("png",))
    width, height = figure.get_size_inches() * DPI
    edges = figure.get_tightbbox().extents * DPI
    assert np.all((edges > -0.01) & (edges < [width, height, width + 0.01, height + 0.01])), "something is cut off"


def test_equal_seeds_learn_equal_fields(process, monkeypatch):
    monkeypatch.setattr(score_field, "STEPS", 20)
    x = torch.ones(3, 2, dtype=torch.float64)
    threads = torch.get_num_threads()
    assert torch.equal(score_field.learn(process)(x, 300), score_field.learn(process)(x, 300))
    assert torch.get_num_threads() == threads
