import sys

import matplotlib.colors
import matplotlib.text
import numpy as np
import pytest
from fake_results import losses, make_results, make_run
from PIL import Image
from skimage.color import rgb2lab

from diffusion.schedules import schedule
from studies import cli
from studies.planning.resolving import make_plan
from studies.report import palette
from studies.report import tiles as mosaic
from studies.report.catalogue import FIGURES
from studies.report.figures import curves as figures_curves
from studies.report.figures import images as figures_images
from studies.report.style import DPI, save

SCHEDULES = ("linear", "wave", "power-1.5", "power-2", "power-10")
OF_RUNS = [name for name, entry in FIGURES.items() if entry.maker.split(".")[2] in ("curves", "images")]
LOST = "array-wave-seed0"
# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0: linear RGB as people without L or M cones see it
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    plan = make_plan("thesis", "smoke", tmp_path_factory.mktemp("results"))
    make_results(plan)
    return plan


@pytest.fixture
def with_a_hole(plan):
    run = plan.run(LOST)
    names = [path.name for path in run.folder.iterdir()]
    for name in names:
        (run.folder / name).rename(run.folder / f"{name}.away")
    yield plan
    for name in names:
        (run.folder / f"{name}.away").rename(run.folder / name)


def run_cli(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["studies", *map(str, words)])
    cli.main()


def lines_of(axes):
    return {matplotlib.colors.to_hex(line.get_color()) for line in axes.lines}


def words_of(figure):
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return " ".join(text.get_text() for text in texts)


@pytest.mark.parametrize("name", OF_RUNS)
def test_every_figure_is_whole_and_readable(plan, name, tmp_path):
    figure = FIGURES[name].make(plan)
    png, svg = save(figure, tmp_path / name)
    width, height = figure.get_size_inches() * DPI
    image = Image.open(png)
    assert image.size == (round(width), round(height))
    assert len(np.unique(np.asarray(image.convert("L")))) > 2
    assert svg.read_text().lstrip().startswith("<?xml")
    assert all(text.get_fontsize() >= 8 for text in figure.findobj(matplotlib.text.Text))
    edges = figure.get_tightbbox().extents * DPI
    assert np.all((edges > -0.01) & (edges < [width, height, width + 0.01, height + 0.01])), "something is cut off"
    assert f"scale {plan.scale_name} · {'T' if name in ('schedules', 'noising') else 'seed 0'}" in words_of(figure)


def test_equal_data_give_equal_bytes(plan, tmp_path):
    for name in ("schedules", "starts-low"):
        first, second = (save(FIGURES[name].make(plan), tmp_path / f"{name}{i}") for i in range(2))
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_schedule_has_one_colour_in_every_figure(plan):
    assert lines_of(FIGURES["schedules"].make(plan).axes[0]) == {palette.colour(name) for name in SCHEDULES}
    panels = np.array(FIGURES["loss"].make(plan).axes[:15]).reshape(5, 3)
    for name, row in zip(SCHEDULES, panels, strict=True):
        assert all(palette.colour(name) in lines_of(axes) for axes in row)
    bars = FIGURES["time"].make(plan).axes[0].patches
    assert [matplotlib.colors.to_hex(bar.get_facecolor()) for bar in bars].count(palette.colour("wave")) == 3


def test_all_training_means_can_be_compared_without_the_first_epoch(plan):
    last = FIGURES["loss"].make(plan).axes[15:]
    assert [lines_of(axes) for axes in last] == [{palette.colour(name) for name in SCHEDULES}] * 3
    for line in last[0].lines:
        assert list(line.get_ydata()) == pytest.approx(losses(2).train_mean[1:])


@pytest.mark.parametrize("sight", ["usual", *BLIND])
def test_the_thesis_schedules_can_be_told_apart(sight):
    srgb = np.array([matplotlib.colors.to_rgb(palette.colour(name)) for name in SCHEDULES])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(BLIND.get(sight, np.eye(3))).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]
    gaps = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(5, 1)]
    assert gaps.min() > 12  # 2.3 is just noticeable


def test_made_up_schedules_have_lasting_colours_of_their_own():
    names = ["power-3", "power-4", "wave-8", *palette.COLOURS]
    assert len({palette.colour(name) for name in names}) == len(names)
    assert palette.colour("power-3") == palette.colour("power-3")


def test_text_is_darkened_to_be_read_and_no_further():
    assert palette.text_colour("#767676") == "#767676"  # 4.54 on white
    assert palette.text_colour("#777777") != "#777777"  # 4.48


def test_starts_show_the_samples_pixel_for_pixel(plan, tmp_path):
    png, _ = save(FIGURES["starts-array"].make(plan), tmp_path / "starts")
    page = np.asarray(Image.open(png).convert("L"))
    samples = np.load(plan.cell("array", "power-2").folder / "samples.npy")
    side = (mosaic.PAGE - mosaic.LABEL - mosaic.MARGIN + mosaic.GAP) // 5 - mosaic.GAP
    tile = mosaic.enlarged(mosaic.as_bytes(samples[1]), side)
    pitch = tile.shape[0] + mosaic.GAP
    top = mosaic.TOP + mosaic.HEAD + 4 * pitch  # below the starting noise and three schedules
    left = mosaic.LABEL + side + mosaic.GAP + (side - tile.shape[1]) // 2
    assert np.array_equal(page[top : top + tile.shape[0], left : left + tile.shape[1]], tile)


def test_values_beyond_black_and_white_are_cut_off():
    assert mosaic.as_bytes(np.array([-0.5, 0, 0.5, 1, 7])).tolist() == [0, 0, 128, 255, 255]


def test_blank_tiles_are_crossed_out_and_faint_ones_left():
    black, faint = np.zeros((8, 8), np.uint8), np.eye(8, dtype=np.uint8) * 128
    assert [mosaic.is_blank(tile) for tile in (black, faint)] == [True, False]
    plan = make_plan("thesis", "smoke", "nowhere")
    with_blank = mosaic.tile_figure(plan, "t", "", ["1", "2"], [mosaic.Row("one", [black, faint])])
    assert len(with_blank.axes[0].lines) == 2
    assert mosaic.BLANK in words_of(with_blank)
    without = mosaic.tile_figure(plan, "t", "", ["1"], [mosaic.Row("one", [faint])])
    assert mosaic.BLANK not in words_of(without)


def test_samples_stand_below_held_out_images(plan, tmp_path):
    png, _ = save(FIGURES["samples"].make(plan), tmp_path / "samples")
    page = np.asarray(Image.open(png).convert("L"))
    real = np.load(plan.cell("low", "linear").dataset.folder / "test.npy")[0]
    wide = (mosaic.PAGE - mosaic.LABEL - mosaic.MARGIN - 4 * mosaic.GAP) // 3
    tile = mosaic.enlarged(real, (wide + figures_images.THIN) // 6 - figures_images.THIN)
    top = mosaic.TOP + mosaic.HEAD
    assert np.array_equal(page[top : top + len(tile), mosaic.LABEL : mosaic.LABEL + len(tile)], tile)
    drawn = np.load(plan.cell("high", "wave").folder / "samples.npy")[0]  # second set; below real and linear
    tile = mosaic.enlarged(mosaic.as_bytes(drawn), len(tile) // len(real) * len(real))
    pitch = 3 * (len(tile) + figures_images.THIN) - figures_images.THIN + 2 * mosaic.GAP
    top, left = top + 2 * pitch, mosaic.LABEL + wide + 2 * mosaic.GAP
    assert np.array_equal(page[top : top + len(tile), left : left + len(tile)], tile)


def test_gray_pixels_are_marked_and_others_kept():
    image = np.array([[0, 1, 8, 9], [255, 254, 247, 246]], np.uint8)
    marked = figures_images.marked(image)
    pale, strong = figures_images._rgb_of(palette.FAINT_GRAY), figures_images._rgb_of(palette.CLEAR_GRAY)
    expected = [[[0, 0, 0], pale, pale, strong], [[255] * 3, pale, pale, strong]]
    assert marked.tolist() == expected


def test_moments_run_from_noise_to_image_ever_closer():
    steps = list(range(1000, -1, -20))
    shown = [steps[i] for i in figures_images.moments(steps)]
    assert (shown[0], shown[-1], len(shown)) == (1000, 0, figures_images.MOMENTS)
    assert np.all(np.diff(np.diff(shown)) >= 0)


def test_the_photograph_needs_no_network(monkeypatch):
    monkeypatch.setattr("socket.socket", None)
    photo = figures_images.photograph()
    assert photo.shape == (96, 96)
    assert (photo.min(), photo.max()) == (0, 1)


def test_schedules_that_claims_compare_are_drawn_beside_those_of_the_grid(plan):
    betas, abars = FIGURES["schedules"].make(plan).axes
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
    axes = FIGURES["time"].make(plan).axes[0]
    told = {round(text.get_position()[0], 6): text.get_text() for text in axes.texts}
    count = lone.dataset.settings.count
    assert told[2.0] == f" {figures_curves._rate(count / 2)}/s"
    assert told[4.0] == f" {figures_curves._rate(count / 4)}/s*"
    assert "*: of fewer seeds" in words_of(axes.figure)


def make_run_alone(run, seconds, **more):
    """The losses of a run whose epochs took that long, and nothing else."""
    run.folder.mkdir(parents=True)
    losses(run.training.epochs).assign(seconds=seconds, **more).to_csv(run.folder / "losses.csv", index=False)


def test_a_missing_cell_is_a_hole(with_a_hole):
    figure = FIGURES["samples"].make(with_a_hole)
    assert words_of(figure).count("no result") == 1
    assert len(figure.axes[0].images) == 17  # fourteen cells and three sets of real images
    loss = np.array(FIGURES["loss"].make(with_a_hole).axes[:15]).reshape(5, 3)
    assert [axes.texts[0].get_text() if axes.texts else "" for axes in loss[1]] == ["", "", "no result"]
    assert words_of(FIGURES["reverse-array"].make(with_a_hole)).count("no result") == 1


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
def test_broken_results_are_refused_in_one_line(plan, monkeypatch, capsys, name, content, complaint):
    run = plan.run("array-linear-seed0")
    (run.folder / name).write_bytes(content)
    figure = "loss" if name == "losses.csv" else "starts-array" if name == "samples.npy" else "reverse-array"
    try:
        with pytest.raises(SystemExit) as end:
            run_cli(monkeypatch, "figure", figure, *plan.flags.split())
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


def test_a_cell_s_panel_shows_the_mean_the_range_and_the_test_mean(plan):
    axes, told = FIGURES["loss"].make(plan).axes[0], losses(2)
    mean, test = axes.lines
    assert list(mean.get_ydata()) == list(told.train_mean)
    assert list(test.get_ydata()) == list(told.test_mean)
    assert test.get_linestyle() == "--"
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert {*told.train_min, *told.train_max} == set(band)


def test_the_thick_line_below_is_the_mean_over_seeds_and_the_base_s_that_of_training(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path, (0, 1, 2))
    for seed, factor in ((0, 1), (1, 2), (2, 6)):
        make_run_alone(plan.run(f"low-linear-seed{seed}"), factor, train_mean=factor * losses(2).train_mean)
    (*thin, thick) = FIGURES["loss"].make(plan).axes[15].lines
    assert [line.get_ydata()[0] for line in thin] == pytest.approx(losses(2).train_mean[1] * np.array([1, 2, 6]))
    assert thick.get_ydata() == pytest.approx([3 * losses(2).train_mean[1]])
    make_run_alone(plan.extended[0].base, 1.0)
    _, base = FIGURES["loss-extended"].make(plan).axes[0].lines
    assert list(base.get_ydata()) == list(losses(2).train_mean)


@pytest.fixture
def rows_alone(monkeypatch):
    """Figures of tiles as their column heads and rows."""
    monkeypatch.setattr(
        figures_images, "tile_figure", lambda plan, title, detail, heads, rows, *facts, **how: (heads, rows)
    )


def test_strips_run_from_noise_to_the_image_and_starts_are_the_noises(plan, rows_alone):
    heads, rows = figures_images.reverse(plan, "array")
    assert (heads[0], heads[-1]) == ("t = 1000", "t = 0")
    for name, row in zip(SCHEDULES, rows, strict=True):
        frames = mosaic.as_bytes(np.load(plan.cell("array", name).folder / "samples-frames.npy"))
        assert row.label == name
        assert np.array_equal(row.tiles[0], frames[0, 0])
        assert np.array_equal(row.tiles[-1], frames[0, -1])
    noises = np.load(plan.cell("array", "linear").folder / "samples-frames.npy")[:, 0]
    shown = figures_images.starts(plan, "array")[1][0].tiles
    assert np.array_equal(shown, mosaic.as_bytes(noises[: len(shown)]))


def test_the_photograph_keeps_the_share_of_power_written_below_it(plan, rows_alone, monkeypatch):
    """Least squares of x_t on x_0: the slope is sqrt(abar), what is left over has a variance of 1 - abar."""
    monkeypatch.setattr(figures_images, "as_bytes", lambda values: values)
    photo = 2 * figures_images.photograph().ravel() - 1
    for name, row in zip(SCHEDULES, figures_images.noising(plan)[1], strict=True):
        abar = schedule(name).abar[[99, 249, 499, 749, 999]]
        found = [np.polyfit(photo, 2 * tile.ravel() - 1, 1, full=True) for tile in row.tiles[1:]]
        assert [line[0] for line, *_ in found] == pytest.approx(np.sqrt(abar), abs=0.08)
        assert [float(left[0]) / photo.size for _, left, *_ in found] == pytest.approx(1 - abar, rel=0.05)
