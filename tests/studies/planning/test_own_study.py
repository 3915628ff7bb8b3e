"""A study of one's own: begun with a template, narrowed by one edit, told all of its faults at once."""

import pytest
import yaml
from click.testing import CliRunner

from studies.cli import cli
from studies.planning import estimating
from studies.planning.reading import find, read_yaml
from studies.planning.resolving import make_plan
from studies.terminal.worth import weigh


def edited(tmp_path, **changes):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(read_yaml(find("thesis")) | changes))
    return str(path)


def test_a_narrowed_grid_is_one_edit_and_what_is_left_out_is_told(tmp_path):
    study = edited(tmp_path, grid=[["array", "linear"], ["array", "power-2"]])
    plan = make_plan(study, "smoke", tmp_path)
    assert {run.name for run in plan.runs} == {"array-linear-seed0", "array-power-2-seed0"}
    assert {run.run.name for run in plan.resampled} <= {run.name for run in plan.runs}
    assert {"extended", "claim low-noisy", "figure reverse-low", "figure loss-extended"} <= set(plan.left_out)
    assert "reverse-array" in [one.name for one in plan.study.figures]
    said = CliRunner().invoke(cli, ["plan", "--study", study, "--scale", "smoke"]).output
    assert "left out, as the grid has no cells for them: extended, claim low-noisy" in said
    assert make_plan("thesis", "smoke", tmp_path).left_out == ()


def test_a_mistake_is_no_narrowing(tmp_path):
    with pytest.raises(ValueError, match="unknown figure 'los'"):
        make_plan(edited(tmp_path, grid=[["array", "linear"]], figures=["los"]), "smoke", tmp_path)


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    data = {name: {} for name in ("high", "array")}
    models = {"linear": {"timesteps": 0}, "cosine": {"epochs": -1}}
    with pytest.raises(ValueError, match=r"models.cosine: epochs = -1.*; .*models.linear: timesteps = 0"):
        make_plan(edited(tmp_path, data=data, models=models, extended=None, resampled={}), "smoke", tmp_path)
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        make_plan(edited(tmp_path, data=data, figures=["los", "reverse-low"], tables=["tabel"]), "smoke", tmp_path)
    for fault in ("claim low-noisy", "claim high-best", "'los'", "'reverse-low'", "'tabel'"):
        assert fault in str(refusal.value)


def test_the_template_runs_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    assert run(cli, ["new", "mine"]).exit_code == 0
    assert len((tmp_path / "mine.yaml").read_text().splitlines()) <= 12
    assert len(make_plan("mine.yaml", "laptop", tmp_path).runs) == 4
    for name in ("mine", "data", "../x", ""):
        assert isinstance(run(cli, ["new", name]).exception, ValueError)


def test_an_estimate_is_told_for_the_cores_there_are_and_for_more_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(estimating, "estimate_plan", lambda plan: estimating.Cost(7200.0, 0, ()))
    told = estimating.tell_estimate(make_plan("thesis", "laptop", tmp_path), 2)
    assert told.startswith("training and sampling take about 60 min on 2 cores of this machine")
    assert told.endswith("seeds=0,1,2 about 3 x 60 min")
    assert "seeds" not in estimating.tell_estimate(make_plan("thesis", "laptop", tmp_path, (0, 1)), 1)


@pytest.mark.parametrize(
    ("scale", "seeds", "level"), [("smoke", None, "nothing"), ("laptop", None, "hint"), ("laptop", (0, 1), "verdict")]
)
def test_what_numbers_are_worth_is_known_before_the_hours(scale, seeds, level, tmp_path):
    assert weigh(make_plan("thesis", scale, tmp_path, seeds)).level == level


def test_an_option_of_a_process_names_the_run_only_where_it_is_not_the_usual(tmp_path):
    counts = {"schedule": "linear", "process": "poisson", "target": "poisson", "value_range": "unit"}
    content = {"title": "t", "question": "q", "data": {"array": {}}}
    content["models"] = {"poisson": counts, "dim": counts | {"log_snr_first": 8}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path)
    usual, dim = plan.cell("array", "poisson"), plan.cell("array", "dim")
    assert "log_snr" not in usual.name + usual.training_flags
    assert "log_snr_first8.0" in dim.name
    assert "--log-snr-first 8.0" in dim.training_flags
