"""What Snakemake itself costs, by the benchmark files of a finished run; small workflows against cells and cores."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.places import ROOT

SCHEDULES = ("linear", "wave", "power-1.5", "power-2", "power-10", "sine-ramp", "half-sine", "quadratic")
STUDY = """\
title: Growth
question: How much longer do more cells take?
data: {{array: {{}}}}
models: {{{}}}
figures: [schedules]
tables: [losses]
"""
POLL = 0.25  # seconds between two looks at the memory


def jobs(folder: Path) -> pd.DataFrame:
    """The jobs of a finished workflow by FOLDER/benchmarks/*.tsv: job, start and end (seconds of the epoch; the end is
    when the file was written), seconds, cpu_seconds, peak_mb.

    Raises:
        ValueError: no benchmark files.
    """
    rows = []
    for path in sorted((Path(folder) / "benchmarks").glob("*.tsv")):
        # a dash: the job was too short for Snakemake to look at it
        row, end = pd.read_csv(path, sep="\t", na_values="-").iloc[-1], path.stat().st_mtime
        peak = float(row["max_rss"]) * 2**20 / 1e6  # Snakemake writes MiB
        rows.append((path.stem, end - row["s"], end, row["s"], row["cpu_time"], peak))
    if not rows:
        raise ValueError(f"{folder}/benchmarks holds no .tsv files: run the workflow first")
    return pd.DataFrame(rows, columns=["job", "start", "end", "seconds", "cpu_seconds", "peak_mb"])


def overhead(found: pd.DataFrame, cores: int, wall: float | None = None) -> dict:
    """How much of `cores` x `wall` the jobs did not use: `share`, of which `without_job` lies where no job ran at all.

    wall: seconds of the whole workflow; without it, from the first job's start to the last one's end. Jobs are taken
    to occupy one core each. Rules without a benchmark file count as overhead.
    """
    wall = wall or found["end"].max() - found["start"].min()
    work = found["seconds"].sum()
    share, without = 1 - work / (cores * wall), 1 - covered(found["start"], found["end"]) / wall
    return {"jobs": len(found), "wall": wall, "jobs_seconds": work, "share": share, "without_job": without}


def covered(starts, ends) -> float:
    """The length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(zip(starts, ends, strict=True)):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def cells(count: int, cores: int) -> dict:
    """A whole workflow of `count` cells at scale smoke: its clocks, memory (PSS of all its processes together, seen
    every quarter of a second) and overhead."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "growth.yaml").write_text(STUDY.format(", ".join(SCHEDULES[:count])))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores)]
        config = ["--config", "scale=smoke", "study=growth.yaml", f"results={folder / 'results'}"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        found = _watched([*command, *config], cwd=folder, env=environment)
        return found | overhead(jobs(folder / "results" / "smoke"), cores, found["seconds"])


def _watched(command, **options) -> dict:
    """Run a command to its end: seconds, cpu_seconds (it and all its children), peak_mb.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    start, before, peak = time.perf_counter(), os.times(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    while process.poll() is None:
        peak = max(peak, _together(process.pid))
        time.sleep(POLL)
    after = os.times()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": time.perf_counter() - start, "cpu_seconds": cpu, "base_mb": 0.0, "peak_mb": peak}


def _together(pid: int) -> float:
    """Proportional memory of a process and all below it, in 10^6 bytes; those that just ended count nothing."""
    import psutil

    total = 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in tree:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total / 1e6
