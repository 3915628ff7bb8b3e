"""What the card's benchmark computes without a card: work by hand, its recipe, and its table."""

import json

import pytest

from benchmarks.gpu import FAST, WIDTHS, Row, operations, table, write
from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.settings import TrainSettings
from studies.planning.reading import read_scales


def test_the_work_of_a_pass_is_that_of_its_layers():
    """Widths (1, 2) at 32 px: each layer's multiplications and additions, by hand."""
    convolutions = 32 * 32 * 9 * (1 * 1 + 1 * 2 + 2 * 2) + 16 * 16 * 16 * 2 * 2  # first; down: two, and to 16 px
    convolutions += 16 * 16 * 9 * (4 * 1 + 1 * 1) + 16 * 16 * 16 * 1 * 1  # up: two, and from each of 16 x 16 px
    convolutions += 32 * 32 * 1 * 1  # last
    linear = 128 * 2 + 128 * 1
    assert operations(ThesisUNet(1, TrainSettings(widths=(1, 2)))) == 2 * (convolutions + linear)


def test_the_whole_networks_work_is_the_2_86_billion_operations_of_an_image():
    assert operations(ThesisUNet(1, TrainSettings(widths=WIDTHS["full"]))) == pytest.approx(2.86e9, rel=0.002)


def test_its_recipe_is_the_scales_own():
    fast = read_scales().recipes["fast"].training
    assert {name: fast[name] for name in FAST} == FAST
    assert TrainSettings(**FAST) == TrainSettings(**{**fast, **FAST})


def test_what_was_measured_is_written_as_numbers_and_as_a_table(tmp_path):
    rows = [
        Row("step", "thesis, graph", "full", 128, 6.95, 18408.0, 0.2, 3.1),
        Row("checkpoint", "written", "full", 1, 2863, 0),
    ]
    write(tmp_path, {"card": "a card", "bfloat16_matmul_tflops": 781.31}, rows)
    assert json.loads((tmp_path / "gpu.json").read_text())["rows"][0]["milliseconds"] == 6.95
    text = (tmp_path / "gpu.md").read_text()
    assert text == table({"card": "a card", "bfloat16_matmul_tflops": 781.31}, rows)
    assert "| step | thesis, graph | full | 128 | 6.95 | 18,408 | 20% | 3.1 |" in text
    assert text.startswith("a card; bfloat16_matmul_tflops 781.3\n")
