"""Several Snakemakes, a cell that fails, and kills without end: the others go on, and the outcome is the same."""

import io
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest
from commands import call
from project import OUT, STUDY, copy_project, snakemake, start
from test_kills import weights

pytestmark = pytest.mark.faults

TABLE = f"{OUT}/tables/losses.csv"


def test_a_failing_cell_stops_no_other_and_a_second_snakemake_is_refused(tmp_path):
    project = copy_project(tmp_path)
    (project / "small.yaml").write_text(STUDY.replace("[low, array]", "[array]"))
    runs = project / "results/smoke/runs"
    failing, other = runs / "array-linear-seed0", runs / "array-cosine-seed0"
    failing.mkdir(parents=True)
    with filelock.FileLock(failing / ".lock"):
        first = start(project, "--cores", "8", "--keep-going", TABLE)
        while not list((project / ".snakemake/locks").glob("*")):
            assert first.poll() is None
            time.sleep(0.02)
        code, said = snakemake(project, "--cores", "1", TABLE)
        assert code == 1
        assert "LockException" in said
        said = first.communicate(timeout=300)[0]
        assert first.returncode == 1
    assert "being written by another process" in said
    assert (other / "run.json").exists()
    assert not (project / TABLE).exists()
    words = ["studies", "table", "losses", "--allow-missing", "--scale", "smoke", "--study", "small.yaml"]
    assert call(*words, folder=project)[0] == 0
    table = pd.read_csv(project / TABLE).set_index("schedule")
    assert table.train_mean.isna().to_dict() == {"linear": True, "cosine": False}
    asked = [str((failing / "run.json").relative_to(project)), TABLE]  # a table that is there asks for no run itself
    code, said = snakemake(project, "--cores", "8", *asked)
    assert code == 0, said
    assert not pd.read_csv(project / TABLE).train_mean.isna().any()


CLOCKS = {"seconds", "test_seconds", "loading_seconds", "set_made_in_s"}


def outcome(folder):
    """All that a workflow leaves but clocks, logs and what only resuming needs."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".csv":
            table = pd.read_csv(path)
            found[name] = table.drop(columns=CLOCKS & set(table)).to_csv()
        elif path.name == "model.safetensors":
            found[name] = weights(path)
        elif path.suffix in (".npy", ".npz"):
            found[name] = path.read_bytes()
        elif path.suffix == ".png":
            from PIL import Image

            found[name] = np.asarray(Image.open(io.BytesIO(path.read_bytes()))).tobytes()
        elif path.suffix in (".md", ".svg", ".html"):
            found[name] = None
    return found


def orphans(folder):
    """Processes that still work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder) and process.name != str(os.getpid()):
                found.append(int(process.name))
        except OSError:
            pass
    return found


def kill(process, number, alone):
    try:
        (os.kill if alone else os.killpg)(process.pid, number)
    except ProcessLookupError:
        return


@pytest.mark.soak
def test_kills_without_end_change_nothing(tmp_path):
    """TRIANGLES_KILLS (100) kills of Snakemake, alone or with its jobs, then one completion.

    A workflow that got done meanwhile starts over.
    """
    kills = int(os.environ.get("TRIANGLES_KILLS", "100"))
    rng, counts = np.random.default_rng(0), Counter()
    whole, harmed = (copy_project(tmp_path / name) for name in ("whole", "harmed"))
    begun = time.monotonic()
    code, said = snakemake(whole, "--cores", "2")
    assert code == 0, said
    longest = time.monotonic() - begun
    while counts["killed"] < kills:
        process = start(harmed, "--cores", "2", "--keep-going", words=subprocess.DEVNULL)
        time.sleep(float(rng.uniform(0.05, 0.8)) * longest)
        if process.poll() is None:
            number, alone = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[counts["killed"] % 3], rng.random() < 0.5
            kill(process, number, alone)
            counts["killed"] += 1
            counts[f"{number.name}, {'Snakemake alone' if alone else 'with its jobs'}"] += 1
        process.wait(600)
        counts["left jobs at work"] += bool(orphans(harmed))
        counts["got done"] += process.returncode == 0
        assert snakemake(harmed, "--unlock")[0] == 0
        if process.returncode == 0:
            shutil.rmtree(harmed / "results")
    while orphans(harmed):
        time.sleep(0.2)
    code, said = snakemake(harmed, "--cores", "2")
    print(dict(counts), flush=True)
    assert code == 0, said
    assert not list((harmed / "results").rglob("*.partial"))
    ours, theirs = outcome(harmed), outcome(whole)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
