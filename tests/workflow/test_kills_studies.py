"""Measuring, figures, tables and the report, stopped at random moments: whole files or none, in the end the same."""

import os
import signal
import sys
import time
from itertools import cycle, islice

import click
import numpy as np
import pytest
from commands import Started, call, fill, refusal
from fake_results import bounded, make_results
from stops import CODES, stop

from diffusion.store.console import run_cleanly
from studies.planning.resolving import make_plan

pytestmark = pytest.mark.faults

STUDY = """\
title: Small
question: Is it whole?
data: {array: {}}
models: {linear: {}, power-10: {}}
figures: [loss, overlap]
tables: [losses, measures, verdicts]
claims:
  - {id: one, claim: It is so., source: section 1, kind: difference, measure: valid_share, smallest: 0.1, why: to test,
     contrast: {plus: [{model: [linear]}], minus: [{model: [power-10]}]}}
"""


def commands(plan):
    """Every command of the room that writes, in the order in which they need each other."""
    measured = [["measure", run.name] for run in plan.runs]
    last = [["figure"], ["table"], ["report"], ["reference"]]
    return [["studies", *words, *plan.flags.split()] for words in [["measure-data", "array-seed0"], *measured, *last]]


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(STUDY)
    made = make_plan("small.yaml", "smoke")
    make_results(made)
    for run in made.runs:
        bounded(run)
    return made


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def kill_each_command(plan, tmp_path, kills):
    """Stop every command of the plan so often, by one signal after the other, and let it finish; how many stops hit."""
    before, took = contents(tmp_path / "results"), []
    call("studies", "--help", folder=tmp_path)  # the first call waits for the imports
    for words in commands(plan):
        begun = time.monotonic()
        code, said = call(*words, folder=tmp_path)
        assert code == 0, said
        took.append(time.monotonic() - begun)
    whole, rng, stopped = contents(tmp_path / "results"), np.random.default_rng(0), 0
    for name in whole.keys() - before.keys():
        (tmp_path / "results" / name).unlink()
    numbers = cycle(CODES)
    for words, longest in zip(commands(plan), took, strict=True):
        for number in islice(numbers, kills):
            stopped += stop(Started(*words, folder=tmp_path), number, rng, longest)
            found = contents(tmp_path / "results")
            # a record that was begun, and says so, stands beside what isn't there yet
            made = {n: b for n, b in found.items() if not n.endswith(".partial") and b'"unfinished"' not in b}
            assert made.items() <= whole.items()
        assert call(*words, folder=tmp_path)[0] == 0
    assert contents(tmp_path / "results") == whole
    return stopped


def test_kills_of_what_measures_and_shows_leave_whole_files_or_none(plan, tmp_path):
    assert kill_each_command(plan, tmp_path, 1) >= 4


@pytest.mark.soak
def test_many_kills_of_what_measures_and_shows_leave_whole_files_or_none(plan, tmp_path):
    assert kill_each_command(plan, tmp_path, 8 * len(CODES)) >= 80


def test_a_full_disk_leaves_what_was_shown_and_measured_as_it_was(disk, tmp_path):
    small = (
        STUDY.replace(", power-10: {}}", "}")
        .replace("minus: [{model: [power-10]}]", "level: 0.5")
        .replace("[loss, overlap]", "[loss]")
    )
    (tmp_path / "small.yaml").write_text(small)
    plan = make_plan(str(tmp_path / "small.yaml"), "smoke", disk / "results")
    make_results(plan)
    bounded(plan.runs[0])
    for words in commands(plan)[:2]:
        assert call(*words, folder=tmp_path)[0] == 0
    fill(disk, leave=0)
    before = contents(disk / "results")
    for words in commands(plan)[:4]:
        code, said = call(*words, folder=tmp_path)
        assert code == 2, said
        assert "No space left on device" in refusal(said, "studies")
    assert contents(disk / "results") == before


@pytest.fixture
def handlers():
    """The signals' handlers are afterwards what they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_stop_that_a_library_makes_an_error_of_is_still_a_stop(handlers, monkeypatch, capsys):
    @click.command()
    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:
            raise ValueError("Invalid bounding box") from None

    monkeypatch.setattr(sys, "argv", ["studies"])
    with pytest.raises(SystemExit) as end:
        run_cleanly(work, "studies")
    assert (end.value.code, capsys.readouterr().err) == (143, "studies: stopped by SIGTERM\n")
