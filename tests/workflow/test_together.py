"""Several Snakemakes, a cell that fails, and kills without end: the others go on, and the outcome is the same."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest
from commands import call
from patience import PATIENCE
from project import OUT, STUDY, blank_samples, copy_project, snakemake, start
from stops import weights

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
        said = first.communicate(timeout=PATIENCE)[0]
        assert first.returncode == 1
    assert "being written by another process" in said
    assert (other / "run.json").exists()
    assert not (project / TABLE).exists()
    words = ["studies", "table", "losses", "--allow-missing", "--scale", "smoke", "--study", "small.yaml"]
    assert call(*words, folder=project)[0] == 0
    table = pd.read_csv(project / TABLE).set_index("model")
    assert table.train_mean.isna().to_dict() == {"linear": True, "cosine": False}
    asked = [str((failing / "run.json").relative_to(project)), TABLE]  # a table that is there asks for no run itself
    code, said = snakemake(project, "--cores", "8", *asked)
    assert code == 0, said
    assert not pd.read_csv(project / TABLE).train_mean.isna().any()


CLOCKS = {"seconds", "test_seconds", "loading_seconds", "set_made_in_s"}
CLOCK_MEASURES = ["seconds_per_epoch", "training_images_per_second"]


def outcome(folder):
    """All that a workflow leaves but clocks, logs and what only resuming needs."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".csv":
            table = pd.read_csv(path)
            if path.name == "measures.csv" and "measure" in table:
                table = table[~table.measure.isin(CLOCK_MEASURES)]
            found[name] = table.drop(columns=CLOCKS & set(table)).to_csv()
        elif path.name == "model.safetensors":
            found[name] = weights(path)
        elif path.suffix in (".npy", ".npz", ".svg"):
            found[name] = path.read_bytes()
        elif path.suffix == ".png":
            from PIL import Image

            found[name] = np.asarray(Image.open(io.BytesIO(path.read_bytes()))).tobytes()
        elif path.suffix in (".md", ".html"):
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


STAGES = ("generate", "train", "sample", "likelihood", "measure", "measure-data", "figure", "table", "report")
SOAK = ["--config", "scale=smoke", "study=soak.yaml"]
EARLY = 0.4  # of a whole workflow: killed there when it starts anew, for the first stages take only seconds
EVERY_STAGE = """\
title: Small
question: Is it the same after all?
data: {array: {}}
models: {linear: {}, cosine: {}}
figures: [samples, likelihood]
tables: [measures]
"""


def at_work(folder):
    """The stages under way in the folder."""
    found = set()
    for number in orphans(folder):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")
            found |= {b for a, b in pairwise(words) if Path(a).name in ("triangles", "diffusion", "studies")}
    return sorted(found & set(STAGES))


def killed(project, attempt, longest):
    """One Snakemake, killed at a random moment, alone or with its jobs, unless it ends before; a record of it."""
    rng, number = np.random.default_rng([0, attempt]), (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[attempt % 3]
    alone, process = rng.random() < 0.5, start(project, "--cores", "2", words=subprocess.DEVNULL, config=SOAK)
    time.sleep(float(rng.uniform(0.02, 0.4)) * longest)
    record = {"signal": number.name if process.poll() is None else None, "alone": bool(alone)}
    record |= {"stages": at_work(project)}
    if record["signal"]:
        kill(process, number, alone)
    record |= {"code": process.wait(PATIENCE), "left jobs at work": bool(orphans(project))}
    return record


def soak_folders(folder):
    """A project done whole, one to harm, the log of kills, as an earlier call left them, and the seconds of a whole."""
    whole, harmed, seconds = folder / "whole", folder / "harmed", folder / "seconds"
    if not seconds.exists():
        for project in (whole, harmed):
            shutil.rmtree(project, ignore_errors=True)
            (copy_project(project) / "soak.yaml").write_text(EVERY_STAGE)
        begun = time.monotonic()
        code, said = snakemake(whole, "--cores", "2", config=SOAK)
        assert code == 0, said
        assert blank_samples(whole / "results") == [], "what a kill does to blank samples, no measure tells"
        (folder / "kills.jsonl").write_text("")
        seconds.write_text(str(time.monotonic() - begun))
    return whole, harmed, folder / "kills.jsonl", float(seconds.read_text())


def records(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.soak
def test_kills_without_end_change_nothing(tmp_path):
    """TRIANGLES_KILLS (100) kills of Snakemake, alone or with its jobs, then one completion.

    A workflow that got done meanwhile starts over. With a folder in TRIANGLES_SOAK every kill is logged there as it
    comes (`tail -f kills.jsonl`), and a call that was broken off is taken up again by the next.
    """
    kills = int(os.environ.get("TRIANGLES_KILLS", "100"))
    whole, harmed, log, longest = soak_folders(Path(os.environ.get("TRIANGLES_SOAK", tmp_path)).resolve())
    while sum(bool(one["signal"]) for one in records(log)) < kills:
        assert snakemake(harmed, "--unlock", config=SOAK)[0] == 0
        fresh = not (harmed / "results").exists()
        record = killed(harmed, len(records(log)), longest * (EARLY if fresh else 1))
        with log.open("a") as stream:
            stream.write(json.dumps(record) + "\n")
        if record["code"] == 0:
            shutil.rmtree(harmed / "results")
    while orphans(harmed):
        time.sleep(0.2)
    assert snakemake(harmed, "--unlock", config=SOAK)[0] == 0
    code, said = snakemake(harmed, "--cores", "2", config=SOAK)
    assert code == 0, said
    assert not list((harmed / "results").rglob("*.partial"))
    ours, theirs = outcome(harmed), outcome(whole)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    hit = Counter(stage for one in records(log) if one["signal"] for stage in one["stages"])
    signals = Counter((one["signal"], one["alone"]) for one in records(log) if one["signal"])
    print(dict(hit), dict(signals), flush=True)
    assert kills < 100 or set(hit) == set(STAGES), "no kill fell into some stage"
