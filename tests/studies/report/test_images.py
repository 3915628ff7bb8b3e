"""Figures of images: what is shown are the files' own pixels, enlarged evenly."""

import numpy as np
import pytest
import torch
from drawn import draw, words_of
from PIL import Image

from diffusion.checkpoints import load_model, save_model
from diffusion.devices import choose
from diffusion.family import FAMILIES
from diffusion.schedules import schedule
from diffusion.store.files import write_json
from studies.measures.results import first_seed
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, shown
from studies.report import palette, tiles
from studies.report.figures.images import noising, reverse, starts
from studies.report.figures.images.reverse import choose_moments
from studies.report.figures.images.samples import THIN
from studies.report.figures.images.training_examples import mark_gray
from studies.report.style import save

MODELS = ("linear", "wave", "power-1.5", "power-2", "power-10")


def test_starts_show_the_samples_pixel_for_pixel(made, tmp_path):
    png, _ = save(draw("starts-array", made), tmp_path / "starts")
    page = np.asarray(Image.open(png).convert("L"))
    samples = np.load(made.cell("array", "power-2").folder / "samples.npy")
    side = (tiles.PAGE - tiles.LABEL - tiles.MARGIN + tiles.GAP) // 5 - tiles.GAP
    tile = tiles.enlarge(tiles.as_bytes(samples[1]), side)
    pitch = tile.shape[0] + tiles.GAP
    top = tiles.TOP + tiles.HEAD + 4 * pitch  # below the starting noise and three schedules
    left = tiles.LABEL + side + tiles.GAP + (side - tile.shape[1]) // 2
    assert np.array_equal(page[top : top + tile.shape[0], left : left + tile.shape[1]], tile)


def test_values_beyond_black_and_white_are_cut_off():
    assert tiles.as_bytes(np.array([-0.5, 0, 0.5, 1, 7])).tolist() == [0, 0, 128, 255, 255]


def test_blank_tiles_are_crossed_out_and_faint_ones_left():
    black, faint = np.zeros((8, 8), np.uint8), np.eye(8, dtype=np.uint8) * 128
    assert [tiles.is_blank(tile) for tile in (black, faint)] == [True, False]
    plan = make_plan("thesis", "smoke", "nowhere")
    with_blank = tiles.draw_tiles(plan, ("t", ""), ["1", "2"], [tiles.Row("one", [black, faint])])
    assert len(with_blank.axes[0].lines) == 2
    (said,) = tiles.tell_blanks([black, faint])
    assert said in words_of(with_blank)
    without = tiles.draw_tiles(plan, ("t", ""), ["1"], [tiles.Row("one", [faint])])
    assert said not in words_of(without)
    dim = np.zeros((8, 8, 3), np.uint8)
    dim[2:5, 2:5] = 20, 5, 5  # of which nothing stands out
    (said,) = tiles.tell_blanks([dim, black])
    assert "nothing stands out" in said


def test_samples_stand_below_held_out_images(made, tmp_path):
    png, _ = save(draw("samples", made), tmp_path / "samples")
    page = np.asarray(Image.open(png).convert("L"))
    real = np.load(made.cell("low", "linear").dataset.folder / "test.npy")[0]
    wide = (tiles.PAGE - tiles.LABEL - tiles.MARGIN - 4 * tiles.GAP) // 3
    tile = tiles.enlarge(real, (wide + THIN) // 6 - THIN)
    top = tiles.TOP + tiles.HEAD
    assert np.array_equal(page[top : top + len(tile), tiles.LABEL : tiles.LABEL + len(tile)], tile)
    drawn = np.load(made.cell("high", "wave").folder / "samples.npy")[0]  # second set; below real and linear
    tile = tiles.enlarge(tiles.as_bytes(drawn), len(tile) // len(real) * len(real))
    pitch = 3 * (len(tile) + THIN) - THIN + 2 * tiles.GAP
    top, left = top + 2 * pitch, tiles.LABEL + wide + 2 * tiles.GAP
    assert np.array_equal(page[top : top + len(tile), left : left + len(tile)], tile)


def test_gray_pixels_are_marked_and_others_kept():
    image = np.array([[0, 1, 8, 9], [255, 254, 247, 246]], np.uint8)
    marked = mark_gray(image)
    pale, strong = (list(bytes.fromhex(shade[1:])) for shade in (palette.FAINT_GRAY, palette.CLEAR_GRAY))
    expected = [[[0, 0, 0], pale, pale, strong], [[255] * 3, pale, pale, strong]]
    assert marked.tolist() == expected


def test_moments_run_from_noise_to_image_ever_closer():
    steps = list(range(1000, -1, -20))
    shown = [steps[i] for i in choose_moments(steps)]
    assert (shown[0], shown[-1], len(shown)) == (1000, 0, 9)
    assert np.all(np.diff(np.diff(shown)) >= 0)


def test_the_photograph_needs_no_network(monkeypatch):
    monkeypatch.setattr("socket.socket", None)
    photo = noising.photograph()
    assert photo.shape == (96, 96)
    assert (photo.min(), photo.max()) == (0, 1)


@pytest.fixture
def rows_alone(monkeypatch):
    """Figures of tiles as their column heads and rows."""
    for module in (noising, reverse, starts):
        monkeypatch.setattr(module, "draw_tiles", lambda made, heading, heads, rows, *facts, **how: (heads, rows))


def test_strips_run_from_noise_to_the_image_and_starts_are_the_noises(made, rows_alone):
    heads, rows = draw("reverse-array", made)
    assert (heads[0], heads[-1]) == ("t = 1000", "t = 0")
    for name, row in zip(MODELS, rows, strict=True):
        frames = tiles.as_bytes(np.load(made.cell("array", name).folder / "samples-frames.npy"))
        assert row.label == name
        assert np.array_equal(row.tiles[0], frames[0, 0])
        assert np.array_equal(row.tiles[-1], frames[0, -1])
    noises = np.load(made.cell("array", "linear").folder / "samples-frames.npy")[:, 0]
    shown = draw("starts-array", made)[1][0].tiles
    assert np.array_equal(shown, tiles.as_bytes(noises[: len(shown)]))


def test_the_photograph_keeps_the_share_of_power_written_below_it(made, rows_alone, monkeypatch):
    """Least squares of x_t on x_0: the slope is sqrt(abar), what is left over has a variance of 1 - abar."""
    monkeypatch.setattr(noising, "as_bytes", lambda values: values)
    photo = 2 * noising.photograph().ravel() - 1
    for name, row in zip(MODELS, draw("noising", made)[1], strict=True):
        abar = schedule(name).abar[[99, 249, 499, 749, 999]]
        found = [np.polyfit(photo, 2 * tile.ravel() - 1, 1, full=True) for tile in row.tiles[1:]]
        assert [line[0] for line, *_ in found] == pytest.approx(np.sqrt(abar), abs=0.08)
        assert [float(left[0]) / photo.size for _, left, *_ in found] == pytest.approx(1 - abar, rel=0.05)


@pytest.fixture
def with_latents(tmp_path):
    """The study of families, with a model of each run of the first seed that has a latent, untrained, but for one."""
    torch.set_num_threads(1)
    plan = make_plan("families", "smoke", tmp_path)
    for run in first_seed(plan):
        if "latent" in run.capabilities and (run.data, run.model) != ("array", "gan"):
            run.folder.mkdir(parents=True)
            settings = run.training.settle()
            model = FAMILIES[settings.family].model.new(settings, (1, 32, 32), choose("cpu", "float32"))
            save_model(model, run.folder / "model.safetensors")
            write_json(run.folder / "run.json", {})
    return plan


def test_walks_lead_from_the_first_sample_to_the_second(with_latents, tmp_path):
    plan = with_latents
    png, _ = save(draw("latent-walks-array", plan), tmp_path / "walks")
    page, run = np.asarray(Image.open(png).convert("L")), plan.cell("array", "flow")
    model = load_model(run.folder / "model.safetensors", choose("cpu", "float32"))
    samples = FAMILIES["flow"].draw(model, 2, seed=run.seed).images
    side = (tiles.PAGE - tiles.LABEL - tiles.MARGIN + tiles.GAP) // 9 - tiles.GAP
    for sample, column in zip(samples, (0, 8), strict=True):
        tile = tiles.enlarge(tiles.as_bytes(sample), side)
        top = tiles.TOP + tiles.HEAD + 2 * (tile.shape[0] + tiles.GAP)  # below the VAE and the GAN
        left = tiles.LABEL + column * (side + tiles.GAP) + (side - tile.shape[1]) // 2
        assert np.array_equal(page[top : top + tile.shape[0], left : left + tile.shape[1]], tile)


def test_walks_have_a_row_for_each_model_with_a_latent_and_name_the_others(with_latents):
    words = words_of(draw("latent-walks-array", with_latents))
    assert "without a latent: diffusion, coins, copier, new real ones" in words
    assert tiles.MISSING in words  # the GAN's model
    assert "z of 1,024" in words
    needed = {path.parent.name.split("-")[1] for path in walks_of(with_latents)}
    assert needed == {"vae", "gan", "flow"}
    with pytest.raises(ValueError, match="no model of study thesis draws from a latent"):
        walks_of(make_plan("thesis", "smoke"))


def walks_of(plan):
    """The files that the walks on the array set are made from."""
    return shown(FIGURES, "latent-walks-array", plan).inputs(plan)
