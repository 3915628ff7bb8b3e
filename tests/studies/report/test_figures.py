"""Figures of runs: whole, readable, and true to the files; holes where results are missing."""

import sys

import matplotlib.colors
import matplotlib.text
import numpy as np
import pytest
from drawn import LOST, draw, lines_of, words_of
from fake_results import losses, make_results, make_run
from PIL import Image
from skimage.color import rgb2lab

from diffusion.schedules import schedule
from studies import cli
from studies.planning.plan import Run
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, shown
from studies.report import palette, rows
from studies.report.figures.measures import by_cell, per_image, population
from studies.report.figures.measures.time import format_rate
from studies.report.style import DPI, save
from studies.verdicts import analytic

MODELS = ("linear", "wave", "power-1.5", "power-2", "power-10")
SHOWN = [one.name for one in make_plan("thesis", "smoke").study.figures]
EPOCHS = make_plan("thesis", "smoke").runs[0].training.epochs
# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0: linear RGB as people without L or M cones see it
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def run_cli(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["studies", *map(str, words)])
    cli.main()


@pytest.mark.parametrize("name", SHOWN)
def test_every_figure_is_whole_and_readable(made, name, tmp_path):
    figure = draw(name, made)
    png, svg = save(figure, tmp_path / name)
    width, height = figure.get_size_inches() * DPI
    image = Image.open(png)
    assert image.size == (round(width), round(height))
    assert len(np.unique(np.asarray(image.convert("L")))) > 2
    assert svg.read_text().lstrip().startswith("<?xml")
    assert all(text.get_fontsize() >= 8 for text in figure.findobj(matplotlib.text.Text))
    edges = figure.get_tightbbox().extents * DPI
    assert np.all((edges > -0.01) & (edges < [width, height, width + 0.01, height + 0.01])), "something is cut off"
    assert f"scale {made.scale_name} · {'T' if name in ('schedules', 'noising') else 'seed 0'}" in words_of(figure)


def test_equal_data_give_equal_bytes(made, tmp_path):
    for name in ("schedules", "starts-low"):
        first, second = (save(draw(name, made), tmp_path / f"{name}{i}") for i in range(2))
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_model_has_one_colour_in_every_figure(made):
    assert lines_of(draw("schedules", made).axes[0]) == {made.colour(name) for name in MODELS}
    panels = np.array(draw("loss", made).axes[:15]).reshape(5, 3)
    for name, row in zip(MODELS, panels, strict=True):
        assert all(made.colour(name) in lines_of(axes) for axes in row)
    bars = draw("time", made).axes[0].patches
    assert [matplotlib.colors.to_hex(bar.get_facecolor()) for bar in bars].count(made.colour("wave")) == 3


def test_all_training_means_can_be_compared_without_the_first_epoch(made):
    last = draw("loss", made).axes[15:]
    assert [lines_of(axes) for axes in last] == [{made.colour(name) for name in MODELS}] * 3
    for line in last[0].lines:
        assert list(line.get_ydata()) == pytest.approx(losses(EPOCHS).train_mean[1:])


@pytest.mark.parametrize("sight", ["usual", *BLIND])
def test_the_models_colours_can_be_told_apart(made, sight):
    srgb = np.array([matplotlib.colors.to_rgb(made.colour(name)) for name in MODELS])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(BLIND.get(sight, np.eye(3))).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]
    gaps = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(5, 1)]
    assert gaps.min() > 12  # 2.3 is just noticeable


def test_text_is_darkened_to_be_read_and_no_further():
    assert palette.text_colour("#767676") == "#767676"  # 4.54 on white
    assert palette.text_colour("#777777") != "#777777"  # 4.48


def test_schedules_that_claims_compare_are_drawn_beside_those_of_the_grid(made, monkeypatch):
    for other in ("cosine", "sigmoid"):
        check = getattr(analytic, f"linear_before_{other}")
        monkeypatch.setattr(check, "schedules", ("linear", other), raising=False)
    betas, abars = draw("schedules", made).axes
    assert (len(betas.lines), len(abars.lines)) == (5, 7)
    expected = [schedule(name).abar for name in ("cosine", "sigmoid")]
    assert [line.get_color() for line in abars.lines[5:]] == [palette.MUTED] * 2
    for line, abar in zip(abars.lines[5:], expected, strict=True):
        assert np.array_equal(line.get_ydata(), abar)


def test_times_are_medians_over_the_seeds_that_are_there(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path, (0, 1, 2))
    for seed, seconds in ((0, 1.0), (1, 2.0), (2, 9.0)):
        run = plan.run(f"array-wave-seed{seed}")
        make_run_alone(run, seconds)
    lone = plan.run("array-linear-seed0")
    make_run_alone(lone, 4.0)
    axes = draw("time", plan).axes[0]
    told = {round(text.get_position()[0], 6): text.get_text() for text in axes.texts}
    assert told[2.0] == f" {format_rate(2.0)} s"
    assert told[4.0] == f" {format_rate(4.0)} s*"
    assert "*: of fewer seeds" in words_of(axes.figure)


def make_run_alone(run, seconds, **more):
    """The losses of a run whose epochs took that long, and nothing else."""
    run.folder.mkdir(parents=True)
    losses(run.training.epochs).assign(seconds=seconds, **more).to_csv(run.folder / "losses.csv", index=False)


def test_a_missing_cell_is_a_hole(with_a_hole):
    figure = draw("samples", with_a_hole)
    assert words_of(figure).count("no result") == 1
    assert len(figure.axes[0].images) == 17  # fourteen cells and three sets of real images
    loss = np.array(draw("loss", with_a_hole).axes[:15]).reshape(5, 3)
    assert [axes.texts[0].get_text() if axes.texts else "" for axes in loss[1]] == ["", "", "no result"]
    assert words_of(draw("reverse-array", with_a_hole)).count("no result") == 1


def test_the_command_refuses_holes_unless_allowed(with_a_hole, monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        run_cli(monkeypatch, "figure", "loss", *with_a_hole.flags.split())
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.count("\n") == 1
    assert f"{LOST}/losses.csv" in error
    assert not (with_a_hole.output / "figures").exists()
    run_cli(monkeypatch, "figure", "loss", "--allow-missing", *with_a_hole.flags.split())
    made = [with_a_hole.output / "figures" / f"loss.{kind}" for kind in ("png", "svg")]
    assert all(path.exists() for path in made)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("losses.csv", b"epoch,train_mean\n1,0.5\n", "train_min"),
        ("losses.csv", b"\xff\xfe\x00", "losses.csv"),
        ("samples.npy", b"\x93NUMPY broken", "samples.npy"),
        ("samples.json", b"{}", "samples.json"),
    ],
)
def test_broken_results_are_refused_in_one_line(made, monkeypatch, capsys, name, content, complaint):
    run = made.run("array-linear-seed0")
    (run.folder / name).write_bytes(content)
    figure = "loss" if name == "losses.csv" else "starts-array" if name == "samples.npy" else "reverse-array"
    try:
        with pytest.raises(SystemExit) as end:
            run_cli(monkeypatch, "figure", figure, *made.flags.split())
    finally:
        make_run(run)
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.count("\n") == 1
    assert complaint in error


def test_an_unknown_figure_is_named_with_the_known(monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        run_cli(monkeypatch, "figure", "nonsense")
    assert end.value.code == 2
    assert "training-examples" in capsys.readouterr().err


def test_a_cell_s_panel_shows_the_mean_the_range_and_the_test_mean(made):
    axes, told = draw("loss", made).axes[0], losses(EPOCHS)
    mean, test = axes.lines
    assert list(mean.get_ydata()) == list(told.train_mean)
    assert list(test.get_ydata()) == list(told.test_mean)
    assert test.get_linestyle() == "--"
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert {*told.train_min, *told.train_max} == set(band)


def test_the_thick_line_below_is_the_mean_over_seeds_and_the_base_s_that_of_training(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path, (0, 1, 2))
    for seed, factor in ((0, 1), (1, 2), (2, 6)):
        make_run_alone(plan.run(f"low-linear-seed{seed}"), factor, train_mean=factor * losses(EPOCHS).train_mean)
    (*thin, thick) = draw("loss", plan).axes[15].lines
    assert [line.get_ydata()[0] for line in thin] == pytest.approx(losses(EPOCHS).train_mean[1] * np.array([1, 2, 6]))
    assert thick.get_ydata() == pytest.approx(3 * losses(EPOCHS).train_mean[1:])
    make_run_alone(plan.extended[0].base, 1.0)
    _, base = draw("loss-extended", plan).axes[0].lines
    assert list(base.get_ydata()) == list(losses(EPOCHS).train_mean)


PAIRS = """\
title: Pairs
question: Which?
data: {array: {}, low: {label: A long name of a set}}
models: {linear: {}, wave: {label: a model with a long name}, power-2: {}}
grid: [[array, linear], [array, wave], [low, wave], [low, power-2]]
figures: [loss, samples, overlap, noise, population, likelihood, loss-logsnr, time, reverse-low, starts-low, neighbours]
tables: [cells]
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A plan whose grid is a list of pairs, and no product."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "pairs.yaml").write_text(PAIRS)
    plan = make_plan(str(folder / "pairs.yaml"), "smoke", folder / "results")
    make_results(plan, measured=True)
    return plan


@pytest.mark.parametrize("one", ["loss", "samples", "overlap", "likelihood", "time", "reverse-low", "population"])
def test_a_pair_that_is_no_cell_is_no_hole(pairs, one, tmp_path):
    figure = draw(one, pairs)
    assert "no result" not in words_of(figure)
    width, height = figure.get_size_inches() * DPI
    save(figure, tmp_path / one, ("png",))
    edges = figure.get_tightbbox().extents * DPI
    assert np.all((edges > -0.01) & (edges < [width, height, width + 0.01, height + 0.01])), "something is cut off"


def test_the_outermost_losses_of_a_row_and_a_column_have_the_labels(pairs):
    figure = draw("loss", pairs)
    figure.canvas.draw()
    columns = len(pairs.data_names)
    panels = np.array(figure.axes[: len(rows.find_rows(pairs)) * columns]).reshape(-1, columns)
    for axes in panels.flat:
        assert axes.axison or not (axes.lines or axes.collections)
    for lines, axis in ((panels, "yaxis"), (panels.T[:, ::-1], "xaxis")):
        for line in lines:
            ticks = [getattr(axes, axis).get_major_ticks() for axes in line if axes.axison]
            labelled = [any(tick.label1.get_visible() for tick in some) for some in ticks]
            assert labelled == [True] + [False] * (len(ticks) - 1)


def test_losses_that_are_zero_are_told_in_words(tmp_path):
    (tmp_path / "mine.yaml").write_text(PAIRS)
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results")
    for factor, run in enumerate(plan.grid):
        make_run_alone(run, float(factor), train_mean=factor * losses(run.training.epochs).train_mean)
    assert words_of(draw("loss", plan)).count("0 in every epoch") == 1


def test_the_map_is_empty_where_there_is_no_cell(pairs):
    texts = draw("overlap", pairs).axes[0].texts
    places = {tuple(int(v) for v in text.get_position()) for text in texts}
    assert places == {(0, 0), (0, 1), (1, 1), (1, 2), (0, 3), (1, 3)}  # (set, model), the last row is of real images


@pytest.mark.parametrize(
    ("name", "lacking", "said"),
    [
        ("reverse-array", "frames", "without a path: wave"),
        ("starts-array", "frames", "without a path: wave"),
        ("likelihood", "likelihood", "without a likelihood: wave"),
        ("loss-logsnr", "likelihood", "without noise to predict: wave"),
    ],
)
def test_models_that_lack_what_is_shown_are_left_out_and_named(made, monkeypatch, name, lacking, said):
    usual = Run.capabilities.fget
    without = property(lambda run: usual(run) - ({lacking} if run.model == "wave" else set()))
    monkeypatch.setattr(Run, "capabilities", without)
    figure = draw(name, made)
    assert said in words_of(figure)
    needed = shown(FIGURES, name, made).inputs(made)
    assert any("-linear-" in path.parent.name for path in needed)
    if lacking == "frames":
        assert not any("-wave-" in path.parent.name for path in needed)


def test_a_figure_that_no_model_can_fill_is_refused_with_the_study(made, monkeypatch):
    monkeypatch.setattr(Run, "capabilities", property(lambda run: frozenset()))
    for name in ("reverse-array", "starts-array", "likelihood", "loss-logsnr"):
        with pytest.raises(ValueError, match=made.study_name):
            shown(FIGURES, name, made).inputs(made)


def test_data_to_which_no_shape_is_fitted_have_no_column(pairs, monkeypatch):
    monkeypatch.setattr(rows, "fitted_data", lambda plan, able="fitter": ["array"])
    for module in (by_cell, per_image, population):
        monkeypatch.setattr(module, "fitted_data", rows.fitted_data)
    for name in ("overlap", "noise", "population"):
        figure = draw(name, pairs)
        assert "no shape is fitted to: A long name of a set" in words_of(figure)
        needed = shown(FIGURES, name, pairs).inputs(pairs)
        assert {path.parent.name.split("-")[0] for path in needed} == {"array"}
