"""Averaged weights that look back further than a run is long are warned of before its hours are spent."""

from pathlib import Path

import pytest
import yaml
from project import ROOT

from diffusion.rivals.settings import CopierSettings, VaeSettings
from studies.planning.resolving import make_plan
from studies.report.commands import describe_plan

STUDIES = sorted({path.stem for path in (ROOT / "studies").glob("*.yaml")} - {"scales"})
MINE = {"title": "t", "question": "q", "data": {"array": {}}, "models": {"wave": {"schedule": "wave", "label": "mine"}}}


def plan(folder: Path, scale="laptop", **training):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(MINE | {"training": training}))
    return make_plan(str(path), scale, folder)


def warned(plan) -> list[str]:
    return [line for line in describe_plan(plan).splitlines() if line.startswith("warning")]


def test_the_warning_names_the_model_and_a_decay_that_is_none(tmp_path):
    (line,) = warned(plan(tmp_path, epochs=1))
    assert "model mine: ema 0.995 averages over 200 steps, and the run has 312" in line
    most = line.split("at most ")[1]
    assert warned(plan(tmp_path, epochs=1, ema=float(most))) == []
    assert warned(plan(tmp_path)) == []
    assert warned(plan(tmp_path, "smoke", epochs=1)) == []  # which proves the wiring and nothing else


@pytest.mark.parametrize("study", STUDIES)
def test_no_study_of_ours_averages_for_too_long(study):
    assert warned(make_plan(study, "laptop")) == []


def test_what_is_told_is_what_the_average_would_keep_of_the_first_weights():
    settings = VaeSettings(epochs=2, batch_size=10, ema=0.9)
    left = {count: settings.ema ** (2 * settings.count_steps(count)) for count in range(10, 400, 10)}
    assert {bool(settings.warn_of_averages(count)) for count, kept in left.items() if kept > 0.0068} == {True}
    assert {settings.warn_of_averages(count) for count, kept in left.items() if kept < 0.0046} == {""}


def test_without_weights_there_is_nothing_to_warn_of():
    assert CopierSettings(ema=0.999).warn_of_averages(200) == ""
