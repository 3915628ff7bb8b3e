"""Seconds until a command answers."""

import subprocess
import sys

from benchmarks.places import ROOT
from benchmarks.timing import alternate

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "triangles --help": [sys.executable, "-m", "triangles.cli", "--help"],
    "diffusion --help": [sys.executable, "-m", "diffusion.cli", "--help"],
    "studies --help": [sys.executable, "-m", "studies.cli", "--help"],
    "snakemake -n, thesis study": [sys.executable, "-m", "snakemake", "-n", "-q", "--config", "scale=thesis"],
}


def run(rounds: int = 5):
    def caller(command):
        return lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True) and 1

    table = alternate({name: caller(command) for name, command in COMMANDS.items()}, rounds)
    grouped = table.groupby("contender", sort=False)["seconds"]
    return grouped.agg(["median", "min", "max"]).reset_index()
