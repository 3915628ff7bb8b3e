"""What a person sees by hand: contact sheets, recipes by name, choices in --help."""

import os

import numpy as np
import pytest
from click.testing import CliRunner
from commands import FAST, SAMPLING, call, refusal
from PIL import Image

from diffusion.cli import cli
from diffusion.commands.recipes import RECIPES
from diffusion.images import CELL, GAP, GROUND, contact_sheet
from diffusion.optimizers import OPTIMIZERS
from diffusion.settings import TrainSettings
from diffusion.store.files import read_json
from diffusion.targets import TARGETS
from studies.planning.reading import read_scales
from triangles.cli import cli as triangles


def test_sampling_leaves_a_picture_beside_its_arrays(tiny):
    assert (tiny / "run/samples.png").exists()
    assert call("diffusion", "sample", "run", *SAMPLING, "--name", "more", folder=tiny)[0] == 0
    with Image.open(tiny / "run/more.png") as sheet:
        assert sheet.size == (4 * (CELL + GAP) + GAP, 2 * (CELL + GAP) + GAP)


def test_show_makes_a_sheet_of_any_samples(tiny):
    code, said = call("diffusion", "show", "run", "--count", "3", "--columns", "1", "--out", "x.png", folder=tiny)
    assert (code, said) == (0, "3 images: x.png\n")
    with Image.open(tiny / "x.png") as sheet:
        assert sheet.size == (CELL + 2 * GAP, 3 * (CELL + GAP) + GAP)
    for words, reason in (
        (["run", "--name", "none"], "run/none.npy does not exist: --name samples"),
        (["set"], "set is a data set: `triangles show set`"),
    ):
        code, said = call("diffusion", "show", *words, folder=tiny)
        assert code == 2
        assert reason in refusal(said)
    code, said = call("triangles", "show", "run", folder=tiny)
    assert code == 2
    assert "run is a run, not a data set: `diffusion show run`" in refusal(said, "triangles")


def facts(folder):
    """What each file and link below a folder is, of its size and how old."""
    found = {path: path.lstat() for path in folder.rglob("*") if not path.is_dir() and ".log" not in path.name}
    return {path: (one.st_mode, one.st_size, one.st_mtime_ns) for path, one in found.items()}


@pytest.mark.parametrize("command", [("diffusion", "show", "run"), ("triangles", "show", "set")])
@pytest.mark.parametrize(
    "place", ["notes.docx", "notes.png", "link.png", "pipe.png", "run/run.json", "run/samples.npy"]
)
def test_a_sheet_takes_the_place_of_no_other_file(command, place, tiny):
    (tiny / "notes.docx").write_text("mine")
    (tiny / "notes.png").write_text("mine, and no picture")
    (tiny / "link.png").symlink_to("notes.docx")
    os.mkfifo(tiny / "pipe.png")
    before = facts(tiny)
    code, said = call(*command, "--out", place, folder=tiny)
    assert code == 2
    assert place in refusal(said, command[0])
    assert facts(tiny) == before
    assert call(*command, "--out", "sheet.png", folder=tiny)[0] == 0
    assert call(*command, "--out", "sheet.png", folder=tiny)[0] == 0


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_sheet_shows_each_pixel(channels):
    images = np.zeros((2, 4, 6, *channels), np.float32)
    images[1, 0, 0] = 2.0  # beyond white
    images[1, 3, 5] = np.nan
    sheet, scale = contact_sheet(images, columns=1), CELL // 6
    assert (sheet[:GAP] == GROUND).all()
    second = sheet[2 * GAP + 4 * scale : -GAP, GAP:-GAP]
    assert (second[:scale, :scale] == 255).all()
    assert second.sum() == 3 * 255 * scale**2


def test_a_recipe_is_its_settings_and_options_beside_it_win(tiny):
    words = ["train", "set", "--out", "x", "--recipe", "fast", "--epochs", "1", "--widths", "4,8", "--ema", "0.5"]
    assert call("diffusion", *words, *FAST, folder=tiny)[0] == 0
    settings = read_json(tiny / "x/run.json")["settings"]
    assert {name: settings[name] for name in RECIPES["fast"]} == {**RECIPES["fast"], "ema": 0.5}


def test_the_thesis_recipe_is_the_default_and_studies_have_the_same_recipes():
    assert {name: TrainSettings.model_fields[name].default for name in RECIPES["thesis"]} == RECIPES["thesis"]
    assert {name: one.training for name, one in read_scales().recipes.items() if name in RECIPES} == RECIPES


def test_help_shows_what_there_is_to_choose_from():
    def said(program, *words):
        return " ".join(CliRunner().invoke(program, [*words, "--help"]).output.split())

    def chosen_from(names):
        return f"[{'|'.join(names)}]"

    assert list(TARGETS)[:5] == ["eps", "x0", "v", "bernoulli", "poisson"]  # then those of plugins, if any are imported
    train = said(cli, "train")
    for choice in (
        chosen_from(TARGETS),
        chosen_from(OPTIMIZERS),
        "[thesis|fast]",
        "power-10|sine-ramp",
        "power-P|wave-K",
    ):
        assert choice in train
    assert "[ancestral|ddim|dpm-solver|langevin|corrected" in said(cli, "sample")
    assert "[triangle" in said(triangles, "generate")


def test_generating_by_way_of_files_says_where_they_are(tmp_path):
    words = ["--size", "8", "--count", "4", "--test-count", "2", "--workers", "1"]
    said = call("triangles", "generate", *words, "--format", "png", "--out", "a", folder=tmp_path)[1]
    assert "--files leaves them too" in said
    assert "--files" not in call("triangles", "generate", *words, "--out", "b", folder=tmp_path)[1]
