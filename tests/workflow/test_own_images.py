"""From a folder of pictures to a report: what needs no geometry is made of them, and what does is left out."""

import shlex

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from studies.planning.resolving import make_plan
from tests.test_extending import call


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with 60 digits, by scikit-learn, in a folder of PNG files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my digits").mkdir()
    for i, image in enumerate(load_digits().images[:60]):
        Image.fromarray(np.rint(image * 255 / 16).astype(np.uint8)).save(f"my digits/{i}.png")
    return tmp_path


def test_three_lines_lead_from_a_folder_to_a_report(folder):
    call("studies", "new", "mine", "--images", "my digits")
    text = (folder / "mine.yaml").read_text()
    assert "epochs: 1569" in text  # 51 pictures are shown as often as 10,000 for 8 epochs
    text = text.replace("1569", "2, batch_size: 10, widths: [4, 8]").replace("size: 32", "size: 8")
    (folder / "mine.yaml").write_text(text)
    said = call("studies", "plan", "--study", "mine.yaml", "--scale", "smoke")
    for line in [line for line in said.splitlines() if line.startswith("  ")]:
        call(*shlex.split(line))
    plan = make_plan("mine.yaml", "smoke", folder / "results")
    measures = pd.read_csv(plan.grid[0].measure_file).set_index("measure").value
    assert {"ink", "test_loss", "nearest_training", "identical_share"} <= set(measures.index)
    assert not [name for name in measures.index if name.startswith(("iou", "clean", "ks_", "copied"))]
    cells = pd.read_csv(plan.output / "tables" / "cells.csv")
    assert not [name for name in cells if name.startswith("iou")]
    assert "total_bits" in cells
    assert (plan.output / "report.html").stat().st_size > 10_000


def test_what_cannot_be_is_refused_in_the_plan(folder):
    call("studies", "new", "mine", "--images", "my digits")
    text = (folder / "mine.yaml").read_text()
    for wrong, said in (
        ("images: nowhere", "data.pictures: there is no nowhere: give the path"),
        ("images: my digits, fitt: pad", "unknown setting 'fitt' of imported images"),
        ("images: my digits, size: 9", "images of 9 px do not fit 3 widths: their sides must be divisible by 4"),
        ("images: my digits, judged_as: triangle", "imported pictures are judged as no kind"),
    ):
        (folder / "wrong.yaml").write_text(text.replace("images: my digits, size: 32", wrong))
        with pytest.raises(ValueError, match=said):
            make_plan("wrong.yaml", "smoke", folder / "results")
    (folder / "wrong.yaml").write_text(text.replace("samples, neighbours", "samples, overlap"))
    with pytest.raises(ValueError, match="no data of a kind whose pictures are fitted"):
        make_plan("wrong.yaml", "smoke", folder / "results").study.figures and call(
            "studies", "figure", "overlap", "--study", "wrong.yaml", "--scale", "smoke"
        )


def test_what_is_odd_among_the_pictures_is_said_and_set_when_the_study_is_begun(folder):
    (folder / "my digits" / "notes.png").write_text("hello")
    Image.new("RGB", (8, 8), "red").save("my digits/red.png")
    said = call("studies", "new", "mine", "--images", "my digits")
    assert "1 cannot be read (notes.png: no picture in a known format): left out" in said
    assert "1 are in colour (red.png): made gray as the others" in said
    settings = make_plan("mine.yaml", "smoke", folder / "results").grid[0].dataset.settings
    assert (settings.skip_broken, settings.colour) == (True, False)


def test_the_plan_changes_with_the_pictures(folder):
    call("studies", "new", "mine", "--images", "my digits")
    before = make_plan("mine.yaml", "smoke", folder / "results").grid[0].dataset
    assert [path.name for path in before.source_files] == sorted(f"{i}.png" for i in range(60))
    (folder / "my digits" / "3.png").unlink()
    after = make_plan("mine.yaml", "smoke", folder / "results").grid[0].dataset
    assert after.settings.count + after.settings.test_count == 59
    assert after.name == before.name == "pictures-seed0-of_my_digits-size32"


def test_training_on_a_folder_of_pictures_names_the_command_that_imports_them(folder):
    from diffusion.runs import read_data

    with pytest.raises(ValueError, match=r"triangles import '.*my digits' --out DATA"):
        read_data(folder / "my digits")
