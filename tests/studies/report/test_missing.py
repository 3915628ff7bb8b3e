"""What is missing is named, with the command that makes it and its cost by the runs that are there."""

import json

from axes import axes
from fake_results import make_results

from diffusion.store.files import read_json, write_json
from studies.planning.resolving import make_plan
from studies.report.missing import list_missing
from studies.report.reference import collect

STUDY = {
    "title": "t",
    "question": "q",
    **axes(["array"], ["linear", "wave"]),
    "extended": {"data": "array", "model": "linear", "epochs_factor": 2},
    "training": {"optimizer": "adam", "cooldown": 0},  # so that the longer run goes on from the grid's
    "resampled": {"again": {"cells": {"model": ["linear"]}, "sampling": {"count": 8}}},
}


def test_missing_cells_and_samplings_are_named_with_command_and_cost(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(STUDY))
    plan = make_plan(str(path), "smoke", tmp_path / "results")
    assert {one["seconds"] for one in list_missing(plan)} == {None}  # nothing to go by
    make_results(plan, measured=True)
    for run in plan.runs:
        run.files[2].touch()  # the models
    assert list_missing(plan) == []
    linear, wave = plan.grid
    (longer,), (again,) = plan.extended, plan.resampled
    for one in (wave, again):
        measured = one.measure_file.read_bytes()
        one.measure_file.unlink()
        assert [told["why"] for told in list_missing(plan)] == ["not measured"]
        one.measure_file.write_bytes(measured)
    for gone in (wave.folder / "run.json", longer.samples_file.with_suffix(".json"), again.files[-1]):
        gone.unlink()
    told = {one["name"]: one for one in list_missing(plan)}
    assert {name: one["why"] for name, one in told.items()} == {
        wave.name: "not trained",
        longer.name: "no samples.json",
        f"{linear.name}, samples again": "not sampled",
    }
    epoch, drawing = 2.0, 2.0  # seconds, of training and testing and of the scale's 16 samples: see fake_results
    assert told[wave.name]["seconds"] == round(epoch * wave.training.epochs + drawing)
    assert told[longer.name]["seconds"] == round(epoch * linear.training.epochs + drawing)  # only the further epochs
    assert told[f"{linear.name}, samples again"]["seconds"] == drawing / 2
    assert told[wave.name]["made by"].endswith(f"-- {wave.measure_file}")
    linear.files[2].unlink()  # a model that is not kept must be trained again
    told = {one["name"]: one["seconds"] for one in list_missing(plan)}
    assert told[longer.name] == round(2 * epoch * linear.training.epochs + drawing)
    assert told[f"{linear.name}, samples again"] == round(epoch * linear.training.epochs + drawing / 2)


def test_a_missing_run_costs_what_others_of_its_kind_took(tmp_path):
    """Seeds of a slow model are priced by its own: a family's network call may take a thousand times another's."""
    study = STUDY | axes(["array"], ["linear", "wave"]) | {"seeds": {"smoke": [0, 1]}}
    study = {name: study[name] for name in ("title", "question", "data", "models", "seeds")}
    study["models"]["wave"] = {"schedule": "wave", "widths": [8, 16]}
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(study))
    plan = make_plan(str(path), "smoke", tmp_path / "results")
    make_results(plan, measured=True)
    slow, fast = ([run for run in plan.grid if run.model == name] for name in ("wave", "linear"))
    for run in slow:
        record = read_json(run.folder / "samples.json")
        write_json(run.folder / "samples.json", record | {"seconds_per_image": 1000.0})
    for gone in (slow[1], fast[1]):
        (gone.folder / "run.json").unlink()
    told = {one["name"]: one["seconds"] for one in list_missing(plan)}
    drawing = 1000 * slow[1].sampling.count
    assert told[slow[1].name] == round(2.0 * slow[1].training.epochs + drawing)
    assert told[fast[1].name] == round(2.0 * fast[1].training.epochs + 2.0)


def test_measures_of_each_image_are_kept_as_tables(tmp_path):
    import pandas as pd

    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps({name: STUDY[name] for name in ("title", "question", "data", "models")}))
    plan = make_plan(str(path), "smoke", tmp_path / "results")
    make_results(plan, measured=True)
    manifest = collect(plan, tmp_path / "kept")
    for run in plan.grid:
        table = pd.read_csv(manifest.parent / "runs" / run.name / "per-image.csv.xz")
        assert len(table) == run.sampling.count
        assert abs(table.ink.mean() - dict_of(run)["ink"].mean()) < 0.01
    real = pd.read_csv(manifest.parent / "data" / plan.datasets[0].name / "real.csv.xz")
    assert len(real) == plan.datasets[0].settings.test_count
    assert json.loads(manifest.read_text())["missing"] == []
    before = manifest.read_bytes()
    assert collect(plan, tmp_path / "kept").read_bytes() == before


def dict_of(run):
    import numpy as np

    return np.load(run.folder / "per-image.npz")
