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
from studies.registries import FIGURES, TABLES, shown
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


def test_what_is_not_learnt_is_the_distance_times_half_the_pixels_and_the_signal_to_noise_ratio(folder):
    found = measured(folder, "memory", np.load(folder / "data/train.npy") > 127)
    log_snr = np.log(EmpiricalSettings(timesteps=20, beta_max=0.5).noise_schedule().snr)
    excess = {}
    for centre in CENTRES:
        nearest = log_snr[np.abs(log_snr - centre).argmin()]
        if abs(nearest - centre) <= 0.5:
            excess[centre] = np.exp(nearest) * found[f"to_truth_logsnr_{centre:g}"]
    assert found["unlearnt"] == pytest.approx(SIZE**2 / 2 * sum(excess.values()))
    assert found["unlearnt_middle"] == pytest.approx(SIZE**2 / 2 * sum(v for k, v in excess.items() if -5 <= k <= 5))
    assert min(excess.values()) <= found["unlearnt_loss"] <= max(excess.values())
    assert measured(folder, "truth", *enumerate_images(SIZE))["unlearnt"] == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize("data", [resolve("low", size=SIZE), resolve("array", size=32)])
def test_data_whose_images_are_not_all_known_have_no_distances(folder, data):
    assert measured(folder, "memory", None, data=data) == {}


def test_a_run_whose_weights_were_not_kept_has_no_distances(folder):
    assert measured(folder, "lost", None) == {}


def test_distances_are_drawn_by_target_and_what_is_not_known_is_named(tmp_path):
    plan = measured_plan(tmp_path, {"to_truth": 0.1, "to_memory": 0.2})
    figure = shown(FIGURES, "distance", plan).make(plan)
    assert [np.nanmax(axes.lines[0].get_ydata()) for axes in figure.axes] == [0.1, 0.2]
    assert "not all images are known of: low" in figure.texts[-1].get_text()


def test_excess_is_drawn_in_nats_and_tabulated_over_seeds(tmp_path):
    plan = measured_plan(tmp_path, {"to_truth": 0.1}, seeds=[0, 1], unlearnt=[3, 5], unlearnt_middle=1, unlearnt_loss=0)
    figure = shown(FIGURES, "excess", plan).make(plan)
    assert np.nanmax(figure.axes[0].lines[0].get_ydata()) == pytest.approx(16**2 / 2 * np.exp(CENTRES[12]) * 0.1)
    (row,) = shown(TABLES, "excess", plan).make(plan).to_dict("records")
    assert (row["data"], row["seeds"], row["unlearnt"], row["unlearnt_middle"]) == ("array", 2, 4, 1)
    assert row["unlearnt_sd"] == pytest.approx(2**0.5, abs=1e-5)


def test_triangles_are_drawn_over_what_is_not_learnt_a_point_a_seed(tmp_path):
    plan = measured_plan(tmp_path, {}, seeds=[0, 1], unlearnt_middle=[3, 5], member_ink_share=[0.25, 0.5])
    axes = shown(FIGURES, "excess-triangles", plan).make(plan).axes[0]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines] == [(3, 25), (5, 50)]


def measured_plan(tmp_path, distances, seeds=(0,), **others):
    """Plan a study of black and white images, of which this was measured at one level, and of gray ones without."""
    content = {"title": "t", "question": "q", "data": {"array": {}, "low": {}}, "models": {"linear": {}}}
    content |= {"plugins": ["studies.perfect.plugin"], "figures": ["distance", "excess", "excess-triangles"]}
    content |= {"tables": ["excess"], "seeds": {"smoke": list(seeds)}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results")
    for run in plan.grid:
        run.folder.mkdir(parents=True)
        run.samples_file.touch()
        names = {f"{name}_logsnr_{CENTRES[12]:g}": value for name, value in distances.items()}
        names |= {name: np.broadcast_to(value, len(seeds))[run.seed] for name, value in others.items()}
        names = names if run.data == "array" else {"other": 0.3}
        rows = [[run.data, run.model, "", run.seed, name, value, "1", 64] for name, value in names.items()]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(run.measure_file, index=False)
    return plan
