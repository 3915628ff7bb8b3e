"""A piece of work in a fresh process: its wall seconds, CPU seconds and memory. Linux: memory is read from /proc."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.growing.clocks import clocked
from benchmarks.places import ROOT


def measured(work: str, threads: int = 1, **settings) -> dict:
    """Run `benchmarks.growing.work.WORK(**settings)` in a child. Imports and set-up are left out of its seconds.

    Returns seconds, cpu_seconds (user and system), base_mb (resident once set up) and peak_mb (most ever resident:
    VmHWM, since getrusage's ru_maxrss would carry over the parent's), in units of 10^6 bytes.

    Raises:
        subprocess.CalledProcessError: the work failed; what it said is on stderr.
    """
    command = [sys.executable, "-m", "benchmarks.growing.children", work, json.dumps(settings)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def resident(kind: str = "VmRSS") -> float:
    """Resident memory of this process now, or at most so far (VmHWM), in 10^6 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(kind))


def main(work: str, settings: str) -> None:
    from benchmarks.growing import work as works

    call, base = getattr(works, work)(**json.loads(settings)), resident()
    own, clocks = clocked(call)
    print(json.dumps(clocks | {"base_mb": base, "peak_mb": resident("VmHWM")} | (own or {})))


if __name__ == "__main__":
    main(*sys.argv[1:])
