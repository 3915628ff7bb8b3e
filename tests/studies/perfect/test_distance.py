"""Distances of outputs to the perfect denoiser's and to that of the training images, measured and drawn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from diffusion.checkpoints import save_model
from diffusion.denoising.finite import finite_model
from diffusion.denoising.perfect import EmpiricalSettings
from studies.measures.results import COLUMNS
from studies.perfect.distance import CENTRES, RULER, measure_distances
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, shown
from triangles.datasets import write_dataset
from triangles.exact import enumerate_images
from triangles.settings import resolve

SIZE = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("distance")
    write_dataset(place / "data", resolve("array", size=SIZE, count=50, test_count=20))
    return place


def measured(folder, name, images, counts=None, data=None):
    """{measure: value} of a perfect model of these images, saved as a run's."""
    settings = EmpiricalSettings(timesteps=20, beta_max=0.5)
    (folder / name).mkdir(exist_ok=True)
    if images is not None:
        save_model(finite_model(settings, images, counts), folder / name / "model.safetensors")
    dataset = SimpleNamespace(folder=folder / "data", settings=data or resolve("array", size=SIZE))
    rows = measure_distances(SimpleNamespace(folder=folder / name, dataset=dataset, training=settings))
    return {row.name: row.value for row in rows}


def test_each_perfect_model_is_at_no_distance_from_itself_and_both_at_one_from_the_other(folder):
    train = np.load(folder / "data/train.npy") > 127
    truth, memory = measured(folder, "truth", *enumerate_images(SIZE)), measured(folder, "memory", train)
    levels = [name.removeprefix("to_truth_") for name in truth if name.startswith("to_truth_")]
    assert len(levels) > 8
    assert set(truth) == set(memory) <= set(RULER.describe())
    for level in levels:
        assert truth[f"to_truth_{level}"] == pytest.approx(0, abs=1e-9)
        assert memory[f"to_memory_{level}"] == pytest.approx(0, abs=1e-9)
        assert truth[f"to_memory_{level}"] == pytest.approx(memory[f"to_truth_{level}"], abs=1e-4)
    assert truth["to_memory_logsnr_0.5"] > 0.01


@pytest.mark.parametrize("data", [resolve("low", size=SIZE), resolve("array", size=32)])
def test_data_whose_images_are_not_all_known_have_no_distances(folder, data):
    assert measured(folder, "memory", None, data=data) == {}


def test_a_run_whose_weights_were_not_kept_has_no_distances(folder):
    assert measured(folder, "lost", None) == {}


def test_distances_are_drawn_by_target_and_what_is_not_known_is_named(tmp_path):
    content = {"title": "t", "question": "q", "data": {"array": {}, "low": {}}, "models": {"linear": {}}}
    content |= {"plugins": ["studies.perfect.plugin"], "figures": ["distance"]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results")
    for run in plan.grid:
        run.folder.mkdir(parents=True)
        run.samples_file.touch()
        values = {"to_truth": 0.1, "to_memory": 0.2} if run.data == "array" else {"other": 0.3}
        names = {f"{name}_logsnr_{CENTRES[12]:g}": value for name, value in values.items()}
        rows = [[run.data, run.model, "", 0, name, value, "1", 64] for name, value in names.items()]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(run.measure_file, index=False)
    figure = shown(FIGURES, "distance", plan).make(plan)
    assert [np.nanmax(axes.lines[0].get_ydata()) for axes in figure.axes] == [0.1, 0.2]
    assert "not all images are known of: low" in figure.texts[-1].get_text()
