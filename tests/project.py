"""A copy of the project with a small study of its own, to run Snakemake in and to change files of."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from patience import PATIENCE
from programs.preloaded import programs

ROOT = Path(__file__).parent.parent
STUDY = """\
title: Small
question: Does the workflow hold?
data: {low: {}, array: {}}
models: {linear: {}, cosine: {}}
figures: [schedules, loss]
tables: [losses, data]
"""
CONFIG = ["--config", "scale=smoke", "study=small.yaml"]
OUT = "results/smoke/small"


def environment(folder, scripts=Path(sys.executable).parent):
    """The jobs' commands are the ones installed beside this interpreter, and import the copy's packages."""
    path = os.pathsep.join([str(scripts), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {
        "PATH": path,
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def copy_project(folder):
    for name in ("triangles", "diffusion", "studies", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "small.yaml").write_text(STUDY)
    return folder


def start(folder, *arguments, words=subprocess.PIPE, config=CONFIG):
    """Snakemake under way in a session of its own; all its words go to one place."""
    command = [sys.executable, "-m", "snakemake", *arguments, *config]
    return subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=words, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def blank_samples(folder):
    """Samples of a results folder in which nothing is to be seen: no picture has ink, or all pictures are alike."""
    paths = [path for path in sorted(folder.glob("*/runs/*/*.npy")) if path.with_suffix(".json").exists()]
    drawn = {path: np.load(path) for path in paths if path.name != "likelihood.npy"}
    assert drawn, f"{folder} holds no samples"
    return [path for path, one in drawn.items() if not (one > 0.5).any() or one.std(axis=0).mean() < 0.02]


def snakemake(folder, *arguments, config=CONFIG):
    """(exit code, all it said); it and its jobs have the libraries imported already."""
    done = subprocess.run(
        ["snakemake", *arguments, *config], cwd=folder, env=environment(folder, programs()), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout
