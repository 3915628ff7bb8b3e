"""Killed, stopped and interrupted at random moments, by two writers at once: the same command ends the same way."""

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pandas as pd
import pytest
from commands import SAMPLING, TRAINING, Started, call, refusal
from patience import PATIENCE, wait_until
from stops import CODES, RUN_FILES, stop, weights

from diffusion.remaking import SECONDS
from diffusion.store.files import replacing, write_text
from diffusion.store.stops import uninterrupted

pytestmark = pytest.mark.faults

TRAIN = ["diffusion", "train", "set", "--out", "run", "--epochs", "8", *TRAINING]
SAMPLE = ["diffusion", "sample", "run", *SAMPLING]
BOUND = ["diffusion", "likelihood", "run", "set", "--threads", "1"]


def outcome(run):
    """All that a run's folder holds but clocks: weights, losses without seconds, samples."""
    losses = pd.read_csv(run / "losses.csv").drop(columns=SECONDS)
    samples = [(run / name).read_bytes() for name in ("samples.npy", "samples-frames.npy")]
    return [losses.to_csv(), weights(run / "model.safetensors"), *samples]


def test_kills_at_random_moments_change_nothing(undisturbed, tiny):
    shutil.rmtree(tiny / "run")
    rng, stopped = np.random.default_rng(0), 0
    for i in range(12):
        stopped += stop(Started(*TRAIN, folder=tiny), list(CODES)[i % 3], rng, 0.5)
    assert stopped >= 4
    assert call(*TRAIN, folder=tiny)[0] == 0
    for words in (SAMPLE, BOUND):
        for number in CODES:
            stop(Started(*words, folder=tiny), number, rng, 0.1)
        assert call(*words, folder=tiny)[0] == 0
    assert outcome(tiny / "run") == outcome(undisturbed / "run")
    drawn = [
        "samples-frames.npy",
        "samples.json",
        "samples.npy",
        "samples.png",
        "likelihood.csv",
        "likelihood.json",
        "likelihood.npy",
    ]
    assert sorted(p.name for p in (tiny / "run").iterdir()) == sorted(RUN_FILES + drawn)
    before = (tiny / "run/likelihood.npy").read_bytes()
    assert call(*BOUND, folder=tiny)[0] == 0
    assert (tiny / "run/likelihood.npy").read_bytes() == before


def test_a_stop_says_which_epoch_is_saved_and_the_next_call_goes_on_from_it(tiny):
    shutil.rmtree(tiny / "run")
    command = Started(*TRAIN, "--epochs", "10000", folder=tiny)
    command.after((tiny / "run/checkpoint.safetensors").exists)
    code, said = command.send(signal.SIGTERM).ended()
    assert code == 143
    saved = int(re.search(r"checkpoint\.safetensors holds epoch (\d+)", said)[1])
    code, said = call(*BOUND, folder=tiny)
    assert code == 2
    assert f"not trained to its end: run/checkpoint.safetensors holds epoch {saved}" in said
    command = Started(*TRAIN, "--epochs", "10000", folder=tiny)
    command.after(lambda: "epoch" in command.log.read_text() if command.log.exists() else False)
    code, said = command.send(signal.SIGINT).ended()
    assert f"epoch {saved + 1} of 10000" in said
    assert code == 130


def test_ctrl_c_leaves_a_terminal_clean(tiny):
    """The bar ends with its line; the last word stands alone on the next one."""
    shutil.rmtree(tiny / "run")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    words = [sys.executable, "-c", "from diffusion.cli import main; main()", *TRAIN[1:], "--epochs", "10000"]
    process = subprocess.Popen(words, cwd=tiny, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = _read(ours, until=b"images/s")
    os.killpg(process.pid, signal.SIGINT)
    text = (said + _read(ours)).decode()
    assert process.wait(PATIENCE) == 130
    assert re.search(r"\r\x1b\[Kdiffusion: interrupted: run\S* holds [^\r\n]+; the same [^\r\n]+\r\n$", text)
    assert "\x1b[?25l" not in text


def _read(terminal, until=None):
    """What a terminal shows until those bytes come, or to the end."""
    said = b""
    with contextlib.suppress(OSError):  # Linux reports the end of a terminal as an error
        while until is None or until not in said:
            assert select.select([terminal], [], [], PATIENCE)[0], said
            said += os.read(terminal, 65536)
    return said


def test_a_signal_waits_for_what_is_being_written(tmp_path):
    path, seen = tmp_path / "file", []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(path.exists()))
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            assert not seen
            path.write_text("whole")
        assert seen == [True]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_a_killed_writer_left_is_swept_and_a_living_one_is_spared(tmp_path):
    """Spared: one of a living process, one of another machine with the same number, one that tells no machine."""
    dead = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout.strip()
    with replacing(tmp_path / "b") as partial:
        host, ours, start = partial.name.removeprefix(".b.").removesuffix(".partial").split(".")
        partial.write_text("b")
    assert ours == str(os.getpid())
    boot, ticks = start.split("-")
    swept = [f"{host}.{dead}.{start}", f"{host}.{ours}.{boot}-{int(ticks) - 1}", f"{host}.{ours}.00000000-{ticks}"]
    spared = [f"{'0' * 12}.{dead}.{start}", f"{host}.{ours}.{start}", dead]
    for name in (*swept, *spared):
        (tmp_path / f".a.csv.{name}.partial").write_text("half")
    (tmp_path / f".a.csv.{host}.{ours}.{start}.partial").unlink()  # which is this process's own
    with replacing(tmp_path / "a.csv") as partial:
        partial.write_text("whole")
    left = {path.name for path in tmp_path.iterdir()} - {"a.csv", "b"}
    assert left == {f".a.csv.{name}.partial" for name in spared if name != f"{host}.{ours}.{start}"}


def test_what_is_temporary_is_written_where_it_stands(tmp_path):
    """A file of a file beside it would have a name that nobody sweeps after a kill."""
    with replacing(tmp_path / "a.csv") as partial:
        write_text(partial, "whole")
        assert list(tmp_path.iterdir()) == [partial]
    assert (tmp_path / "a.csv").read_text() == "whole"


def test_a_child_that_outlives_its_killed_parent_keeps_the_run(tiny):
    shutil.rmtree(tiny / "run")
    words = [sys.executable, "-c", "from diffusion.cli import main; main()", *TRAIN[1:], "--epochs", "10000"]
    script = 'cd "$0"; "$@" & echo $!; wait'
    shell = subprocess.Popen(["sh", "-c", script, str(tiny), *words], stdout=subprocess.PIPE, text=True)
    child = int(shell.stdout.readline())
    try:
        wait_until((tiny / "run/checkpoint.safetensors").exists, lambda: shell.poll() is None)
        shell.kill()
        shell.wait()
        os.kill(child, 0)
        for second in (TRAIN, SAMPLE, BOUND):
            code, said = call(*second, folder=tiny)
            assert code == 2
            assert "being written by another process" in refusal(said)
    finally:
        os.kill(child, signal.SIGKILL)
    for _ in range(100):
        code, said = call(*TRAIN, folder=tiny)
        if "being written" not in said:
            break
    assert code == 2
    assert "other settings" in refusal(said), "a dead process holds the lock"


def test_eight_workers_interrupted_leave_nothing(tmp_path):
    words = ["triangles", "generate", "--preparation", "high", "--workers", "8", "--out", "set"]
    command = Started(*words, folder=tmp_path).after((tmp_path / "set").exists)
    time.sleep(float(np.random.default_rng(1).uniform(0, 1)))
    code, said = command.send(signal.SIGINT).ended()
    assert (code, "Traceback" in said) == (130, False), said
    assert list(tmp_path.iterdir()) == []
    small = ["triangles", "generate", "--count", "8", "--test-count", "2", "--out", "set"]
    assert call(*small, folder=tmp_path)[0] == 0
    assert call("triangles", "check", "set", folder=tmp_path)[0] == 0
