"""What the workflow says on a terminal: a line a finished job, what is at work, and one line after Ctrl-C."""

import io
import logging
import signal
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from patience import PATIENCE, wait_until
from project import copy_project, start
from snakemake_interface_logger_plugins.common import LogEvent

from diffusion import checkpoints
from studies.terminal.handler import LogHandler
from studies.terminal.jobs import Job, Jobs
from studies.terminal.progress import read_progress, saved_progress

LOG = """\
training 1,234 parameters on CPU, 1 thread (float32), epoch 3 of 8
epoch 3/8: train 0.12345 (0.1 to 0.2), test 0.2, 1300 images/s
"""


@pytest.mark.parametrize(
    ("log", "said", "share"),
    [
        (LOG, "epoch 3/8, loss 0.123, 1300 images/s", 3 / 8),
        (LOG + "epoch 4/8, 50%: loss 0.1101, 900 images/s\n", "epoch 4/8, loss 0.11, 900 images/s", 3.5 / 8),
        (LOG[:60], "", None),
        ("25% of 6,400 calls\n", "25%", 0.25),
        ("", "", None),
    ],
)
def test_a_log_tells_how_far_its_job_is(log, said, share, tmp_path):
    path = tmp_path / "log"
    path.write_text(log)
    found = read_progress(path)
    assert (found.said, found.share) == (said, share)


def test_a_checkpoint_tells_what_it_holds_without_torch(undisturbed, tmp_path):
    checkpoint = undisturbed / "run/checkpoint.safetensors"
    assert saved_progress(checkpoint) == checkpoints.saved_progress(checkpoint) == (8, 0)
    (tmp_path / "broken").write_bytes(checkpoint.read_bytes()[:100])
    assert saved_progress(tmp_path / "broken") == saved_progress(tmp_path / "none") == (0, 0)


def test_the_time_left_follows_from_what_is_done_and_at_work(tmp_path):
    log, now = tmp_path / "log", time.monotonic()
    log.write_text("epoch 5/10: train 0.1, test 0.1, 5 images/s\n")
    jobs = Jobs(planned=Counter(train=4, sample=4, all=1))
    jobs.running = {n: Job("train", "", log, now - 600) for n in (1, 2)}  # 20 min each: two are half done, two wait
    assert jobs.tell_left() == "at least 30 min left"
    jobs.running[3] = Job("sample", "", None, now)
    assert jobs.tell_left() == ""


def record(event, message=None, **more):
    made = logging.makeLogRecord({"msg": message, "levelno": logging.INFO})
    made.__dict__ |= more | ({"event": event} if event else {})
    return made


@pytest.fixture
def handler(monkeypatch):
    settings = SimpleNamespace(stdout=False, dryrun=False)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    stopped = []
    made = LogHandler(settings, lambda: ["epoch 2 of 8 of a on b"], lambda: bool(stopped), {"a-b": "a on b, seed 0"})
    made.said, made.stopping = stream, stopped
    yield made
    made.close()


def test_a_finished_job_is_one_line_and_noise_is_none(handler, tmp_path):
    log = tmp_path / "log"
    log.write_text(LOG + "diffusion: error: the loss was inf\n")
    started = {"rule_name": "train", "wildcards": {"run": "a-b"}, "log": [str(log)]}
    for one in (
        record(None, "Building DAG of jobs..."),
        record(LogEvent.RUN_INFO, "Job stats: ...", stats={"train": 2, "all": 1, "total": 3}),
        record(LogEvent.JOB_INFO, jobid=1, **started),
        record(LogEvent.JOB_INFO, jobid=2, **started),
        record(LogEvent.SHELLCMD, "x" * 9000),
        record(LogEvent.JOB_FINISHED, job_id=1),
        record(LogEvent.JOB_ERROR, jobid=2, **started),
        record(None, "something that is no noise"),
    ):
        handler.emit(one)
    lines = handler.said.getvalue().splitlines()
    assert lines[:2] == ["2 jobs: 2 train", "goes on after epoch 2 of 8 of a on b"]
    assert lines[2].startswith("1 of 2 train         a on b, seed 0  0 s, epoch 3/8, loss 0.123, 1300 images/s")
    assert lines[3].startswith("failed: train")
    assert lines[-2:] == ["diffusion: error: the loss was inf", "something that is no noise"]
    handler.stopping.append(True)
    handler.emit(record(LogEvent.JOB_ERROR, jobid=2, **started))
    assert handler.said.getvalue().splitlines() == lines, "what a stop breaks is no error"


def test_a_closed_stderr_stops_no_workflow(handler):
    handler.emit(record(LogEvent.RUN_INFO, "Job stats: ...", stats={"train": 2, "total": 2}))
    assert handler.said.getvalue().startswith("2 jobs: 2 train\n")
    handler.said.close()
    handler.emit(record(LogEvent.RUN_INFO, "Job stats: ...", stats={"train": 2, "total": 2}))  # raises nothing
    assert handler.said.closed


@pytest.mark.faults
def test_ctrl_c_ends_a_workflow_with_one_line_and_the_same_command_goes_on(tmp_path):
    folder = copy_project(tmp_path)
    slow = "training: {batch_size: 2, widths: [32, 64, 128]}\n"
    study = f"{slow}data: {{array: {{}}}}\nmodels: {{linear: {{}}}}\ntitle: Long\nquestion: How long?\n"
    (folder / "long.yaml").write_text(study)
    process = start(folder, "--cores", "1", config=["--config", "scale=smoke", "study=long.yaml"])
    wait_until(
        lambda: list(Path(folder).glob("results/smoke/runs/*/checkpoint.safetensors")),
        lambda: process.poll() is None,
    )
    process.send_signal(signal.SIGINT)  # not to the jobs: Snakemake passes it on
    said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "Error" not in said
    assert said.splitlines()[-1].startswith("stopped: finished jobs are saved, and ")
    assert said.splitlines()[-1].endswith(" of 6 of linear on array, seed 0; the same command goes on")
