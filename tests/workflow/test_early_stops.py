"""Ctrl-C and SIGTERM while a command is still importing, or where Python ignores exceptions: one line, an exit code."""

import inspect
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE
from project import ROOT

import diffusion.store.stops
import triangles.stops
from diffusion.store.stops import Stopped, Stops, uninterrupted

pytestmark = pytest.mark.faults

SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
LONG = {
    "triangles": ["generate", "--count", "9000000", "--out", "made"],
    "diffusion": ["schedules", "--timesteps", "100000"],
    "studies": ["plan", "--seeds", ",".join(map(str, range(200)))],
}
LOST = 120.0  # seconds after which a stop has not got through
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
    guarded = f"if __name__ == '__main__':\n    sys.exit({function}())\n"  # for what it spawns imports the script
    script.write_text(f"import sys\nfrom {module} import {function}\n{guarded}")
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


IGNORED = """
import gc, os, signal, sys, time, weakref
from {module} import cli, main


class Thing:
    pass


class Dying:
    def __del__(self):
        send()


def send(*_):
    gc.callbacks.clear()
    os.kill(os.getpid(), {number})
    time.sleep(0.001)


def work(*_, **more):
    place = {place!r}
    if place == "weakref":
        thing = Thing()
        watched = weakref.ref(thing, send)
        del thing
    elif place == "del":
        Dying()
    else:
        gc.callbacks.append(send)
        gc.collect()
    time.sleep({patience})


cli.main = work
main()
"""


@pytest.mark.parametrize("place", ["weakref", "del", "gc"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stop_where_python_ignores_exceptions_is_a_stop(name, place):
    number = signal.SIGINT if place == "gc" else signal.SIGTERM
    script = IGNORED.format(module=f"{name}.cli", number=int(number), place=place, patience=LOST)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (128 + number, f"{name}: {WORDS[number]}\n")


def test_ctrl_c_where_python_ignores_exceptions_ends_a_workflow():
    script = IGNORED.replace("from {module} import cli, main", "from studies.terminal.stopping import Stop")
    script = script.replace("cli.main = work\nmain()", "Stop().install()\nwork()")
    script = script.format(number=int(signal.SIGINT), place="del", patience=LOST)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == "stopped: nothing was under way; the same command starts it\n"
    assert done.returncode == -signal.SIGINT


class Dying:
    """Does something when it is deleted, where Python ignores exceptions."""

    def __init__(self, act: Callable[[], object]):
        self.act = act

    def __del__(self):
        self.act()


@pytest.fixture
def told(monkeypatch):
    """Exceptions that Python ignored and told the former hook of; handlers are afterwards what they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    found = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: found.append(type(unraisable.exc_value)))
    yield found
    assert signal.getsignal(signal.SIGALRM) == before[signal.SIGALRM]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    signal.signal(signal.SIGTERM, before[signal.SIGTERM])


def stop_here():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.001)


def run_minded(act):
    with Stops() as stops:
        signal.signal(signal.SIGTERM, stops)
        act()


def test_a_lost_stop_waits_for_what_is_being_written_and_other_errors_are_told(told, monkeypatch):
    monkeypatch.setattr(diffusion.store.stops, "AGAIN_AFTER", PATIENCE)
    hook, written = sys.unraisablehook, []

    def write():
        Dying(lambda: 1 / 0)
        Dying(stop_here)
        with uninterrupted():
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            time.sleep(0.05)
            written.append("whole")
        written.append("late")

    with pytest.raises(Stopped):
        run_minded(write)
    assert (told, written, sys.unraisablehook) == ([ZeroDivisionError], ["whole"], hook)


def test_a_stop_that_is_lost_again_and_again_is_sent_until_it_gets_through(told):
    ends = []

    def linger():
        time.sleep(PATIENCE)
        ends.append("through")

    def work():
        Dying(stop_here)
        Dying(linger)
        Dying(linger)
        time.sleep(PATIENCE)

    with pytest.raises(Stopped):
        run_minded(work)
    assert (told, ends) == ([], [])


def test_a_stop_inside_the_hook_that_is_told_of_ignored_exceptions_is_a_stop(told, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: stop_here())

    def work():
        Dying(lambda: 1 / 0)
        time.sleep(PATIENCE)

    with pytest.raises(Stopped):
        run_minded(work)


def test_a_lost_stop_ends_a_wait_that_begins_as_it_comes(told, monkeypatch):
    """A signal between Python's last look and the system's wait does not end the wait: about one in a hundred here."""
    monkeypatch.setattr(diffusion.store.stops, "AGAIN_AFTER", 0.001)

    def work(end):
        Dying(stop_here)
        while time.perf_counter() < end:
            pass
        time.sleep(LOST)

    started = time.monotonic()
    for late in np.random.default_rng(0).uniform(-60e-6, 90e-6, 600):
        with pytest.raises(Stopped):
            run_minded(lambda late=late: work(time.perf_counter() + 0.001 + late))
    assert (told, time.monotonic() - started < LOST) == ([], True)


def test_a_command_that_ends_before_its_lost_stop_is_sent_again_leaves_no_timer(told, monkeypatch):
    monkeypatch.setattr(diffusion.store.stops, "AGAIN_AFTER", PATIENCE)
    run_minded(lambda: Dying(stop_here))
    assert told == []


@pytest.mark.parametrize("part", ["Stopped", "Stops", "on_stop"])
def test_both_rooms_mind_stops_alike(part):
    rooms = (triangles.stops, diffusion.store.stops)
    assert len({inspect.getsource(getattr(room, part)) for room in rooms}) == 1
