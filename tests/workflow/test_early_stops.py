"""Ctrl-C and SIGTERM while a command's script is still importing: one line and its exit code."""

import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from patience import PATIENCE
from project import ROOT

pytestmark = pytest.mark.faults

SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
LONG = {
    "triangles": ["generate", "--count", "9000000", "--out", "made"],
    "diffusion": ["schedules", "--timesteps", "100000"],
    "studies": ["plan", "--seeds", ",".join(map(str, range(200)))],
}
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped by SIGTERM"}


def is_minded(process, number=signal.SIGTERM):
    """Whether a process catches a signal, which Python by itself leaves alone."""
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return bool(caught) and int(caught[1], 16) >> (number - 1) & 1


def test_too_little_memory_for_a_library_is_one_line(tmp_path):
    command = f'ulimit -v 400000; exec "{sys.executable}" -m diffusion train set --out run'
    (tmp_path / "set").mkdir()
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"diffusion: error: out of memory: a library cannot be loaded .*\n", done.stderr), done.stderr


@pytest.mark.parametrize("number", WORDS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stop_at_any_moment_of_the_start_is_one_line(name, number, tmp_path):
    """The script is the one that pip writes; its first third of a second, in steps."""
    module, _, function = SCRIPTS[name].partition(":")
    script = tmp_path / name
    script.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2, 0.33):
        words = [sys.executable, script, *LONG[name]]
        started = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(words, **started, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
        while not is_minded(process):
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(number)
        said = process.communicate(timeout=PATIENCE)[1]
        if process.returncode == 0:
            break  # it was through
        assert process.returncode == 128 + number, said
        assert re.fullmatch(rf"{name}: {WORDS[number]}.*\n", said), said
    else:
        return
    assert delay > 0.05, "ended before it could be stopped"
