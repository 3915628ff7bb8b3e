"""Situations that people really got into: each is right, or refused in one line before anything is touched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import FAST, call, refusal
from patience import PATIENCE
from project import CONFIG, ROOT, copy_project, environment, snakemake

from diffusion.denoising.sampling import sample
from diffusion.settings import TrainSettings
from diffusion.store.files import as_images
from diffusion.store.surroundings.environment import find_shadow
from diffusion.training import Trainer
from studies.planning.resolving import make_plan

SMALL = ["--widths", "4,8,8,8", "--epochs", "1", "--batch-size", "16", *FAST]


@pytest.fixture
def folder(tmp_path):
    """A folder with 49 images of 8 px in `set`."""
    (tmp_path / "set").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (49, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "set/train.npy", images)
    return tmp_path


def train(folder, *words, memory=None):
    return call("diffusion", "train", "set", "--out", "run", *SMALL, *words, folder=folder, memory=memory)


@pytest.mark.parametrize("words", [["--no-drop-last"], ["--batch-size", "1"]])
def test_a_batch_that_cannot_work_is_refused_before_the_folder_is_touched(words, folder):
    code, said = train(folder, *words)
    assert code == 2
    assert "a batch of 1 image, the last of an epoch, does not work" in refusal(said)
    assert not (folder / "run").exists()
    assert train(folder)[0] == 0


def test_what_began_and_came_to_nothing_blocks_no_other_run(folder):
    (folder / "run").mkdir()
    (folder / "run/started.json").write_text(json.dumps({"settings": {}, "data": {}, "sources": ""}))
    assert train(folder)[0] == 0


def test_a_run_of_other_settings_is_told_which(folder):
    assert train(folder)[0] == 0
    longer = refusal(train(folder, "--epochs", "2")[1])
    assert "--epochs 1 (to go on from it, give another --out and --start-from run)" in longer
    assert "a run of other settings, --learning-rate 0.001, --seed 0:" in refusal(
        train(folder, "--seed", "3", "--learning-rate", "0.01")[1]
    )


def test_averages_over_more_steps_than_there_are_give_a_warning(folder):
    code, said = train(folder, "--ema", "0.999")
    assert code == 0
    assert "warning: --ema 0.999 averages over 1000 steps, and the run has 3" in said
    assert "warning" not in train(folder, "--ema", "0", "--seed", "1", "--replace")[1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["train", "set", "--out", "x", "--seed", "-1"], "--seed = '-1': Input should be"),
        (["train", "set", "--out", "x", "--widths", "0,8"], "--widths = '0': Input should be"),
        (["sample", "x", "--seed", "-1"], "'--seed'"),
        (["likelihood", "x", "set", "--seed", "-1"], "'--seed'"),
    ],
)
def test_a_refusal_names_its_option_and_one_reason(words, reason, folder):
    code, said = call("diffusion", *words, folder=folder)
    assert code == 2
    assert reason in refusal(said)
    assert ";" not in refusal(said)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((500, 500, 4), "one picture with 4 channels"),
        ((512, 512, 3), "one picture with 3 channels"),
        ((5, 8, 8, 4), "a fourth channel"),
        ((5, 3, 8, 8), "channels first"),
    ],
)
def test_an_array_of_another_layout_is_told_what_it_looks_like(shape, reason):
    with pytest.raises(ValueError, match=reason):
        as_images(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("memory", [None, 10**9])
def test_more_than_the_memory_is_told_with_its_size(memory, folder):
    (folder / "big").mkdir()
    np.lib.format.open_memmap(folder / "big/train.npy", "w+", np.uint8, (2 * 10**9, 32, 32))
    code, said = call("diffusion", "train", "big", "--out", "run", *SMALL, folder=folder, memory=memory)
    assert code == 1
    assert "out of memory: big/train.npy holds 1907.3 GiB, and " in refusal(said)
    assert "--batch-size" not in refusal(said)


def test_a_foreign_dataset_json_blocks_nothing(folder):
    (folder / "set/dataset.json").write_text("[]")
    assert train(folder)[0] == 0


def test_the_trainer_refuses_what_it_would_misread_and_shares_nothing(folder):
    settings = TrainSettings(widths=(4, 8), epochs=1, batch_size=8)
    gray = np.random.default_rng(0).integers(0, 256, (16, 8, 8), dtype=np.uint8)
    with pytest.raises(ValueError, match="training images must be uint8"):
        Trainer(settings, gray[:, None] / 255)
    with pytest.raises(ValueError, match="test images must be uint8"):
        Trainer(settings, gray[:, None], gray)
    for images in (gray, np.stack([gray] * 3, axis=-1)):
        assert not np.shares_memory(as_images(images), images)
    mapped = as_images(gray)
    mapped.flags.writeable = False
    trainer = Trainer(settings, mapped)  # a warning of torch's is an error here
    list(trainer.epochs())
    assert sample(trainer.trained, count=1, steps=2).images.shape == (1, 8, 8)


def command(*words, folder, before=""):
    """Run a program by a shell; what is told it may change the surroundings."""
    program = f"from {words[0]}.cli import main; main()"
    line = f'{before} exec "$@"'
    shown = ["sh", "-c", line, "sh", sys.executable, "-c", program, *words[1:]]
    return subprocess.run(
        shown, cwd=folder, stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE
    ).returncode


@pytest.mark.faults
def test_a_closed_stderr_stops_nothing(folder):
    words = ["--size", "8", "--count", "20", "--test-count", "4", "--workers", "1"]
    closed = {"folder": folder, "before": "exec 2>&-;"}
    assert command("triangles", "generate", "--out", "made", *words, **closed) == 0
    assert command("triangles", "generate", "--out", "other", "--seed", "-1", **closed) == 2
    assert command("diffusion", "train", "set", "--out", "run", *SMALL, **closed) == 0


@pytest.mark.faults
def test_nothing_of_the_users_environment_changes_a_figure(folder):
    said = {}
    plain, hostile = "", "export MPLBACKEND=module://none.there LC_ALL=tr_TR.UTF-8 OMP_PROC_BIND=true; "
    for name, before in (("plain", plain), ("hostile", hostile)):
        if before:
            (folder / "matplotlibrc").write_text("font.size: 30\nbackend: nonsense\nsavefig.dpi: 10\n")
        assert command("studies", "figure", "schedules", "--scale", "smoke", "--results", name, folder=folder,
                       before=before) == 0  # fmt: skip
        said[name] = (folder / name / "smoke/figures/schedules.png").read_bytes()
    assert said["plain"] == said["hostile"]


@pytest.mark.parametrize("name", ["triangles.py", "yaml.py", "numpy/__init__.py", "signal.py", "torch.abi3.so"])
def test_a_module_of_the_users_that_stands_before_a_library_is_refused(name, tmp_path, monkeypatch):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('not this one')\n")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    module = name.partition("/")[0].partition(".")[0]
    assert find_shadow().startswith(f"PYTHONPATH has {tmp_path}, whose {module} Python takes for another")


def test_modules_of_ones_own_and_libraries_in_their_own_place_are_not(tmp_path, monkeypatch):
    for name in ("my_lab.py", "tests/__init__.py", "numpy/notes.txt", "README"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    places = [ROOT, tmp_path, tmp_path / "none", Path(np.__file__).parents[1], ""]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, places)))
    assert find_shadow() == ""


def test_the_workflow_refuses_such_a_module_and_its_workers_obey_the_cores(tmp_path):
    project = copy_project(tmp_path / "project")
    words = ["--dry-run", "--printshellcmds", "--", "results/smoke/data/low-seed0/train.npy"]
    for cores in ("1", "3"):
        code, said = snakemake(project, "--cores", cores, *CONFIG, *words, config=[])
        assert code == 0, said
        assert f" --workers {cores} " in said
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/triangles.py").touch()
    hostile = environment(project) | {"PYTHONPATH": f"{project}{os.pathsep}{tmp_path / 'mine'}"}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *CONFIG, *words]
    done = subprocess.run(command, cwd=project, env=hostile, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"snakemake: error: PYTHONPATH has {tmp_path / 'mine'}, whose triangles Python takes" in done.stderr


MANY = {
    "timesteps": 987, "beta_min": 0.000123456, "beta_max": 0.0234567, "widths": [4, 8, 16, 24], "time_dims": 64,
    "epochs": 3, "batch_size": 17, "learning_rate": 0.00123456, "cooldown": 0.12345, "ema": 0.123456,
}  # fmt: skip


def study(folder, **more):
    content = {"title": "T", "question": "Q?", "data": {"array": {}}, "models": {"linear": {}}} | more
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    return str(folder / "mine.yaml")


def test_many_overrides_give_a_name_that_a_file_system_takes(tmp_path):
    sampling = {"count": 33, "framed": 3, "frames": 7, "clip": True, "steps": 77, "variance": "beta-tilde"}
    plans = [
        make_plan(study(tmp_path, training=MANY | more, sampling=sampling), "smoke", tmp_path)
        for more in ({}, {"ema": 0.2})
    ]
    names = [run.name for plan in plans for run in plan.runs]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 120
    assert names[0].startswith("array-linear-seed0-")


@pytest.mark.parametrize("name", ["power-010", "power-10.0", "power-1e1", "power-1", "wave-04", "wave-4"])
def test_one_schedule_has_one_name(name, tmp_path):
    with pytest.raises(ValueError, match="one name for one thing"):
        make_plan(study(tmp_path, models={"power-10": {}, name: {}}), "smoke", tmp_path)
    with pytest.raises(ValueError, match="one name for one thing"):
        TrainSettings(schedule=name)


def test_dumb_terminals_get_no_escape_sequences(folder, monkeypatch):
    from diffusion.store.surroundings import progress

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setitem(os.environ, "TERM", "dumb")
    assert not progress.on_terminal()


def test_a_family_that_draws_at_once_is_sampled_in_another_way(tmp_path):
    """It has no path to keep, in its own samples or in others."""
    copy_project(tmp_path)
    ways = {
        "noisy": {"sampling": {"pixel_noise": True}, "cells": {"model": ["vae"]}},
        "short": {"sampling": {"steps": 5}},
    }
    ways["short"]["cells"] = {"model": ["linear"]}
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": {"vae": {"epochs": 1}, "linear": {}}}
    content |= {"resampled": ways, "figures": ["other-samples", "families"], "tables": ["cells"]}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(content))
    code, said = snakemake(tmp_path, "--cores", "2")
    assert code == 0, said
    runs = {
        path.name.split("-")[1]: {one.name for one in path.iterdir()} for path in tmp_path.glob("results/smoke/runs/*")
    }
    assert {"noisy.npy", "noisy.json", "noisy-measures.csv"} <= runs["vae"]
    assert "noisy-frames.npy" not in runs["vae"]
    assert {"short.npy", "short-frames.npy", "short-measures.csv"} <= runs["linear"]
    assert (tmp_path / "results/smoke/small/figures/other-samples.png").exists()
    assert "Nothing to be done" in snakemake(tmp_path, "--cores", "2")[1]
