"""The smoke workflow end to end, in a copy of the project, by the command that a person types.

Its study is the thesis's with every set and figure: the linear model on each set, power 10 on one. Table `power`
is left out, as it takes as long as all the others. Dry runs ask whether the whole study resolves to its jobs at every
scale.
"""

import io
import json
import re
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from patience import PATIENCE
from PIL import Image
from programs.preloaded import programs
from project import blank_samples, copy_project, environment

from diffusion.checkpoints import load_model
from diffusion.devices import choose
from diffusion.store.files import read_json, sha256, write_json
from studies.planning.resolving import make_plan
from studies.report.reference import collect

MODELS = ("linear", "power-10")
GRID = [["low", "linear"], ["high", "linear"], ["array", "linear"], ["array", "power-10"]]


def narrowed(study):
    """The study on few cells, with the claims that name no other model or samples that are not there; one cell is drawn
    in every other way."""
    others = study["models"].keys() - set(MODELS)
    cell = {"data": ["array"], "model": ["linear"]}
    return study | {
        "models": {name: study["models"][name] for name in MODELS},
        "grid": GRID,
        "tables": [name for name in study["tables"] if name != "power"],
        "resampled": {name: way | {"cells": cell} for name, way in study["resampled"].items()},
        "claims": [
            one
            for one in study["claims"]
            if not others & set(words := re.findall(r"[\w.-]+", str(one.get("contrast")))) and "samples" not in words
        ],
    }


def called(folder, *arguments):
    return subprocess.run(
        ["snakemake", *arguments], cwd=folder, env=environment(folder, programs()), capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip


def snakemake(folder, *targets):
    return called(folder, "--cores", "2", "--config", "scale=smoke", "study=narrow.yaml", "--", *targets)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project folder with a finished smoke workflow, and its plan."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    study = folder / "narrow.yaml"
    study.write_text(json.dumps(narrowed(yaml.safe_load((folder / "studies/thesis.yaml").read_text()))))
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "The report: results/smoke/narrow/report.html" in done.stdout + done.stderr
    return folder, make_plan(str(study), "smoke", folder / "results")


def test_a_second_call_has_nothing_to_do(finished):
    again = snakemake(finished[0])
    assert again.returncode == 0
    assert "Nothing to be done" in again.stderr


def test_every_data_set_checks_out(finished):
    for dataset in finished[1].datasets:
        command = [sys.executable, "-m", "triangles.cli", "check", str(dataset.folder)]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_every_run_is_whole(finished):
    for run in finished[1].runs:
        losses = pd.read_csv(run.folder / "losses.csv")
        assert losses["epoch"].tolist() == list(range(1, run.training.epochs + 1))
        assert (losses["train_min"] <= losses["train_mean"]).all()
        assert (losses["train_mean"] <= losses["train_max"]).all()
        assert np.isfinite(losses.to_numpy()).all()
        assert load_model(run.folder / "model.safetensors", choose("cpu")).settings == run.training
        samples, frames = np.load(run.folder / "samples.npy"), np.load(run.folder / "samples-frames.npy")
        assert samples.shape == (16, 16, 16)
        assert samples.min() >= 0
        assert samples.max() <= 1
        np.testing.assert_allclose(frames[:, -1].clip(0, 1), samples[:5], atol=1e-6)


def test_samples_show_something_and_differ(finished):
    assert blank_samples(finished[0] / "results") == []


def test_all_cells_start_from_the_same_noise_and_end_apart(finished):
    frames = [np.load(run.folder / "samples-frames.npy") for run in finished[1].grid]
    assert all(np.array_equal(frames[0][:, 0], other[:, 0]) for other in frames[1:])
    assert not any(np.array_equal(frames[0][:, -1], other[:, -1]) for other in frames[1:])


def test_every_figure_opens_and_shows_something(finished):
    plan = finished[1]
    for name in [one.name for one in plan.study.figures]:
        with Image.open(plan.output / "figures" / f"{name}.png") as image:
            gray = np.asarray(image.convert("L"))
        assert min(gray.shape) > 300, name
        assert gray.std() > 5, name
        ElementTree.parse(plan.output / "figures" / f"{name}.svg")


def test_every_table_has_its_rows_in_both_forms(finished):
    plan = finished[1]
    for name in plan.study.tables:
        table = pd.read_csv(plan.output / "tables" / f"{name}.csv")
        text = (plan.output / "tables" / f"{name}.md").read_text()
        assert len(table) >= 1, name
        assert len([line for line in text.splitlines() if line.startswith("|")]) >= len(table) + 2, name
    assert len(pd.read_csv(plan.output / "tables" / "losses.csv")) == len(plan.runs)


def test_the_report_stands_alone(finished):
    page = (finished[1].output / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    pictures = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    assert len(pictures) >= 15
    for picture in pictures:
        Image.open(io.BytesIO(b64decode(picture))).verify()
    for claim in finished[1].study.claims:
        assert claim.id in page


def test_the_reference_is_the_outcome_without_weights(finished, tmp_path):
    plan, folder = finished[1], tmp_path / "reference"
    manifest = read_json(collect(plan, folder))
    assert manifest["missing"] == []
    kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert kept == set(manifest["files"]) | {"manifest.json"}
    assert all(sha256(folder / name) == digest for name, digest in manifest["files"].items())
    assert {"report.html", "tables/losses.csv", f"runs/{plan.runs[0].name}/run.json"} < kept
    assert not [name for name in kept if name.endswith((".npy", ".safetensors"))]
    for name in ("figures/old.png", "other/report.html"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"from an earlier collection, and another study's")
    (tmp_path / "outside").write_bytes(b"not ours")
    more = {"figures/old.png": "", "../outside": ""}
    write_json(folder / "manifest.json", manifest | {"files": manifest["files"] | more})
    collect(plan, folder)
    assert not (folder / "figures" / "old.png").exists()
    assert (folder / "other" / "report.html").exists()
    assert (tmp_path / "outside").exists()


def test_another_study_of_the_same_runs_makes_and_measures_none_of_them_again(finished):
    content = json.loads((finished[0] / "narrow.yaml").read_text()) | {"figures": ["overlap"], "tables": []}
    (finished[0] / "again.yaml").write_text(json.dumps(content))
    planned = called(finished[0], "-n", "--config", "scale=smoke", "study=again.yaml")
    assert planned.returncode == 0, planned.stderr
    jobs = re.findall(r"^rule (\w+):", planned.stdout + planned.stderr, re.MULTILINE)
    assert set(jobs) == {"figure", "report", "all"}


def test_any_file_can_be_asked_for_by_name(finished):
    target = "results/smoke/runs/array-linear-seed0/samples.npy"
    (finished[0] / target).unlink()
    asked = snakemake(finished[0], target)
    assert asked.returncode == 0
    assert (finished[0] / target).exists()
    assert "1 of 1 sample " in asked.stderr


@pytest.mark.parametrize("scale", ["smoke", "laptop", "overnight", "thesis"])
def test_every_scale_of_the_whole_study_resolves_to_its_jobs(finished, scale):
    study = make_plan().study
    planned = called(finished[0], "-n", "--config", f"scale={scale}", "results=new")
    assert planned.returncode == 0, planned.stderr
    jobs = dict(re.findall(r"^(\w+)\s+(\d+)$", planned.stdout + planned.stderr, re.MULTILINE))
    made = {"generate": 3, "train": 16, "sample": 16, "resample": 15, "likelihood": 16}
    shown = {"figure": len(study.figures), "table": len(study.tables), "report": 1, "all": 1}
    judged = {"measure_data": 3, "measure": 16, "measure_other": 15}
    assert {name: int(count) for name, count in jobs.items() if name != "total"} == made | judged | shown


@pytest.mark.parametrize("config", ["scale=huge", "scal=smoke", "study=nothing"])
def test_a_wrong_config_is_one_line_and_code_2(finished, config):
    refused = called(finished[0], "-n", "-q", "--config", config)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert len([line for line in refused.stderr.splitlines() if "error" in line]) == 1


def test_the_snakefile_lints_apart_from_conda_and_the_untracked_plan(finished):
    lint = called(finished[0], "--lint")
    remarks = re.findall(r"^\s+\* (.+?):?$", lint.stdout + lint.stderr, flags=re.MULTILINE)
    others = [remark for remark in remarks if "conda environment or container" not in remark]
    assert len(others) < len(remarks)
    told = (
        "Shell command directly uses variable {} from outside of the rule"  # on purpose: neither makes a result stale
    )
    assert Counter(others) == {told.format("PLAN"): 3, told.format("DEVICE"): 6}
