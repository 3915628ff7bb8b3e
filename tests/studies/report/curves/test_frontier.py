"""The frontier: network calls that are really made, and the values that were measured."""

from dataclasses import replace

import matplotlib.text
import numpy as np
import pandas as pd
import pytest
import yaml
from drawn import draw, words_of
from scipy import stats

from diffusion.denoising.model import Model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.samplers import SAMPLERS
from diffusion.settings import TrainSettings
from studies.measures.results import COLUMNS
from studies.planning.resolving import make_plan
from studies.planning.study import SamplingSettings
from studies.registries import FIGURES, shown
from studies.report.figures.curves.frontier import count_network_calls, find_points, rate_interval
from studies.report.style import DPI, save

OTHERS = {
    "ten": {"sampling": {"steps": 10}},
    "walked": {"sampling": {"sampler": "langevin", "steps": 5, "corrections": 2}},
    "redrawn": {"noised": True},
}


class Counted(Model):
    """A model that counts how often it is asked."""

    asked = 0

    def captured(self):
        return self

    def output(self, xt, t):
        self.asked += 1
        return super().output(xt, t)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_as_many_calls_are_told_as_are_made(sampler):
    corrections = 3 if "corrections" in SAMPLERS[sampler].options else None
    settings = TrainSettings(widths=(4, 4), timesteps=20)
    plain = Model.new(settings, (1, 4, 4), choose("cpu", threads=1))
    model = Counted(settings, plain.shape, plain.network.eval(), plain.process, plain.device)
    how = SamplingSettings(sampler=sampler, steps=6, corrections=corrections)
    sample(model, 2, sampler=sampler, steps=6, corrections=corrections)
    assert count_network_calls(settings, how) == model.asked
    assert count_network_calls(settings, SamplingSettings()) == 20


def test_the_interval_of_a_share_is_wilson_s():
    for events, images in ((0, 20), (13, 50), (199, 200)):
        wanted = stats.binomtest(events, images).proportion_ci(method="wilson")
        assert rate_interval(events / images, images) == pytest.approx((wanted.low, wanted.high))


def make_measured(tmp_path, seeds, scale=1):
    """A plan of two models, of which the first is measured: 0.5 + seed / 10, and half of that in other ways."""
    models = {"linear": {}, "wave": {}}
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": models, "resampled": OTHERS}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results", seeds)
    for one in (*plan.grid, *plan.resampled):
        run = getattr(one, "run", one)
        if run.model == "linear":
            run.folder.mkdir(parents=True, exist_ok=True)
            value = scale * (0.5 + run.seed / 10) / (1 if one is run else 2)
            rows = [
                [run.data, run.model, "", run.seed, name, number, "share", 50]
                for name, number in (("clean_share", value), ("real_clean_share", 0.9))
            ]
            pd.DataFrame(rows, columns=COLUMNS).to_csv(one.measure_file, index=False)
            one.samples_file.touch()
    return plan


def test_points_are_what_was_measured_with_intervals(tmp_path):
    plan = make_measured(tmp_path, (0, 1, 2))
    ten, walked, own = find_points(plan, "array", "linear")  # the one that starts from images is no point
    assert (ten.calls, walked.calls, own.calls) == (10, 11, 100)
    assert (ten.value, own.value) == pytest.approx((0.3, 0.6))
    assert (walked.sampler, walked.options) == ("langevin", ("corrections 2",))
    values = np.array([0.5, 0.6, 0.7])
    wanted = stats.t.interval(0.95, 2, values.mean(), values.std(ddof=1) / np.sqrt(3))
    assert (own.low, own.high) == pytest.approx(wanted)
    assert find_points(plan, "array", "wave") == []


def test_the_figure_is_whole_and_says_what_is_missing(tmp_path):
    plan = make_measured(tmp_path, (0,))
    figure = draw("frontier", plan)
    assert "95% intervals over images, of one seed · not measured: 3 samplings" in words_of(figure)
    assert "no result" in words_of(figure)
    assert "langevin, corrections 2" in [text.get_text() for text in figure.legends[0].get_texts()]
    real = [line.get_ydata() for line in figure.axes[0].lines if len(set(line.get_ydata())) == 1]
    assert [0.9, 0.9] in [list(values) for values in real]
    save(figure, tmp_path / "one", ("png",))
    assert all(text.get_fontsize() >= 8 for text in figure.findobj(matplotlib.text.Text))
    width, height = figure.get_size_inches() * DPI
    edges = figure.get_tightbbox().extents * DPI
    assert np.all((edges > -0.01) & (edges < [width, height, width + 0.01, height + 0.01])), "something is cut off"


def test_real_images_are_written_where_a_line_would_squeeze_the_samples(tmp_path):
    figure = draw("frontier", make_measured(tmp_path, (0,), scale=0.1))
    assert "held-out real images: 90.0%" in words_of(figure)
    assert figure.axes[0].get_ylim()[1] < 0.3


def test_it_needs_the_measures_of_samplings_from_noise_and_refuses_a_study_without(tmp_path):
    plan = make_measured(tmp_path, (0,))
    needed = {path.name for path in shown(FIGURES, "frontier", plan).inputs(plan)}
    assert {"measures.csv", "ten-measures.csv", "walked-measures.csv"} <= needed
    assert "redrawn-measures.csv" not in needed
    without = replace(plan, resampled=())
    with pytest.raises(ValueError, match="frontier: study mine draws no measured cell"):
        shown(FIGURES, "frontier", without).inputs(without)


def test_every_claim_of_the_study_still_finds_its_samplings():
    plan = make_plan("langevin", "laptop")
    calls = {one.name: count_network_calls(one.run.training, one.sampling) for one in plan.resampled}
    for name, wanted in {"fifty": 50, "corrected-fifty": 49, "corrected": 199, "langevin": 201}.items():
        assert calls[name] == wanted
    assert all(min(abs(count / wanted - 1) for wanted in (10, 20, 50, 100, 200)) < 0.11 for count in calls.values())
