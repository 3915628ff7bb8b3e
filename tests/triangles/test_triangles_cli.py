"""The command `triangles` as a person meets it: what it makes, what it says, how it refuses."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from triangles.datasets import read_dataset
from triangles.sheets import GAP, SEPARATOR, contact_sheet

FEW = ["--count", "40", "--test-count", "10"]


def test_generate_as_it_stands_makes_and_names_the_default_set(run, tmp_path):
    code, out, err = run("generate", "--format", "npy")
    assert (code, err) == (0, "")
    assert "datasets/array-seed0" in out
    data = read_dataset(tmp_path / "datasets/array-seed0")
    assert (data.train.shape, data.test.shape) == ((10_000, 32, 32), (2_000, 32, 32))
    code, out, _ = run("generate", "--format", "npy")
    assert code == 0
    assert "there already" in out
    code, out, _ = run("check", "datasets/array-seed0")
    assert code == 0
    assert out.splitlines()[-1] == "datasets/array-seed0 is whole and right"


def test_explicit_options_win_over_the_named_combination(run, tmp_path):
    code, _, err = run("generate", "--preparation", "high", "--draw-size", 100, "--quality", 50, *FEW, "--out", "x y")
    assert (code, err) == (0, "")
    settings = read_dataset(tmp_path / "x y").settings
    assert (settings.draw_size, settings.quality, settings.format, settings.resample) == (100, 50, "jpeg", "bicubic")


def test_show_writes_a_sheet_of_enlarged_pixels(run, tmp_path):
    run("generate", "--preparation", "low", *FEW, "--out", "low")
    code, out, _ = run("show", "low", "--count", 6, "--columns", 3)
    assert code == 0
    assert "low/contact-sheet.png" in out
    sheet = np.asarray(Image.open(tmp_path / "low/contact-sheet.png"))
    assert sheet.shape == (2 * (128 + GAP) + GAP, 3 * (128 + GAP) + GAP, 3)
    second = sheet[GAP : GAP + 128, 2 * GAP + 128 : 2 * GAP + 256, 0]
    assert np.array_equal(second[::4, ::4], read_dataset(tmp_path / "low").train[1])
    assert (sheet[0] == SEPARATOR).all()
    assert run("show", "low", "--out", "gray.png", "--highlight")[0] == 0
    assert (tmp_path / "gray.png").exists()


@pytest.mark.parametrize(
    ("target", "reason"),
    [("low", "a sheet is a PNG file"), ("folder.png", "is there and is no PNG file"), ("no/x.png", "No such file")],
)
def test_a_sheet_that_cannot_be_written_is_refused_by_its_own_name(target, reason, run, tmp_path):
    run("generate", "--preparation", "low", *FEW, "--out", "low")
    (tmp_path / "folder.png").mkdir()
    code, _, err = run("show", "low", "--out", target)
    assert code == 2
    assert err.startswith(f"triangles: error: {target}")
    assert reason in err
    assert not list(tmp_path.rglob("*.partial"))


def test_highlight_paints_gray_alone():
    sheet = contact_sheet(np.array([[[0, 255], [10, 128]]], np.uint8), highlight=True)
    black, white, dark, orange = (sheet[GAP + r, GAP + c] for r, c in ((0, 0), (0, 64), (64, 0), (64, 64)))
    assert (black.tolist(), white.tolist()) == ([0, 0, 0], [255, 255, 255])
    assert dark[0] > 60
    assert orange[0] > orange[1] > orange[2] == 0


REFUSED = {
    "no count": (["generate", "--count", 0], "count is 0"),
    "huge count": (["generate", "--count", 10**12], "count is 1000000000000"),
    "draw size": (["generate", "--draw-size", 1], "draw_size is 1"),
    "quality": (["generate", "--preparation", "low", "--quality", 0], "quality is 0"),
    "quality of npy": (["generate", "--quality", 50], "npy has none"),
    "idle filter": (["generate", "--resample", "box"], "size equals draw_size"),
    "files of npy": (["generate", "--files"], "format npy makes none"),
    "negative seed": (["generate", "--seed", -1], "seed is -1"),
    "no number": (["generate", "--size", "big"], "'big' is not a valid integer"),
    "format": (["generate", "--format", "gif"], "'gif' is not one of"),
    "a file in the way": (["generate", *FEW, "--out", "file"], "give another path"),
    "below a file": (["generate", *FEW, "--out", "file/set"], "give another path"),
    "unwritable": (["generate", *FEW, "--out", "/proc/set"], "/proc/set"),
    "no data set": (["check", "nowhere"], "nowhere holds no whole data set"),
    "nothing to show": (["show", "nowhere"], "nowhere holds no whole data set"),
    "kind": (["generate", "--kind", "circle"], "unknown kind 'circle': choose from triangle"),
    "plugin": (["--plugin", "no_such_module", "generate"], "plugin 'no_such_module' cannot be imported"),
    "no command": (["draw"], "No such command"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_ends_with_one_line_and_code_2(run, tmp_path, case):
    (tmp_path / "file").write_text("mine")
    arguments, message = REFUSED[case]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("triangles: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_other_settings_in_the_same_folder_are_refused_until_replaced(run, tmp_path):
    run("generate", *FEW, "--out", "set")
    before = (tmp_path / "set/dataset.json").read_bytes()
    code, _, err = run("generate", *FEW, "--out", "set", "--seed", 1)
    assert code == 2
    assert "differs in seed" in err
    assert (tmp_path / "set/dataset.json").read_bytes() == before
    assert run("generate", *FEW, "--out", "set", "--seed", 1, "--replace")[0] == 0
    assert read_dataset(tmp_path / "set").settings.seed == 1


def test_help_loads_nothing_heavy():
    code = "import sys; from triangles.cli import cli; cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "PIL", "torch", "tqdm"} & set(result.stdout.split())
    assert "generate" in result.stdout
