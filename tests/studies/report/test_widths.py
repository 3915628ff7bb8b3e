"""The same cells at every scale: means over seeds, fresh statistics beside running ones, and holes."""

import json

import numpy as np
import pytest
from axes import axes, measured

from studies.planning.resolving import make_plan
from studies.registries import FIGURES, TABLES

STUDY = {"title": "t", "question": "q", **axes(["array"], ["linear", "wave"])}
VALUES = {"plain_iou_0.8_share": 0.5, "ink": 80.0, "background_haze": 0.01, "total_bits": 2.0, "small_share": 0.2}


@pytest.fixture
def plan(tmp_path):
    """Measures made at overnight, with fresh statistics of linear, and committed at laptop for two seeds."""
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(STUDY | {"resampled": {"again": {"renormed": True}}}))
    committed = make_plan(str(path), "laptop", tmp_path / "results" / "reference", (0, 1))
    for run in committed.grid:
        write(run, committed.output / "runs" / run.name / "measures.csv.xz", VALUES | {"ink": 80 + 2 * run.seed})
    made = make_plan(str(path), "overnight", tmp_path / "results")
    for run in made.grid:
        write(run, run.measure_file, VALUES | {"clean_share": 0.4, "real_clean_share": 0.95})
        run.samples_file.touch()
    fresh = made.resampled[0]
    write(fresh.run, fresh.measure_file, {"ink": 90.0})
    fresh.samples_file.touch()
    return made


def write(run, path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    measured(run, values, "1").to_csv(path, index=False)


def test_the_table_has_a_row_for_each_cell_scale_and_kind_of_statistics(plan):
    table = TABLES["widths"].make(plan)
    rows = table.set_index(["model", "scale", "statistics"])
    assert len(rows) == 5
    assert rows.loc[("linear", "laptop", "running"), ["seeds", "ink", "recipe"]].tolist() == [2, 81.0, "fast"]
    assert np.isnan(rows.loc[("linear", "laptop", "running"), "clean_share"])  # its measures are older
    assert rows.loc[("linear", "overnight", "running"), "clean_share"] == 0.4
    assert rows.loc[("linear", "overnight", "fresh"), "ink"] == 90
    assert ("wave", "overnight", "fresh") not in rows.index


def test_seeds_that_confirm_are_not_averaged_with_those_that_explored(plan, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"confirming": {"laptop": [1]}}))
    table = TABLES["widths"].make(make_plan(str(path), "overnight", tmp_path / "results"))
    ink = table.set_index(["model", "scale", "statistics"]).ink
    assert ink["linear", "laptop", "running"] == 80
    assert ink["linear", "laptop, confirmatory", "running"] == 82


def test_the_figure_says_what_was_not_measured(plan):
    figure = FIGURES["widths"].make(plan)
    holes = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert holes.count("not\nmeasured") == 6  # clean shapes at laptop, and all five measures at thesis
    assert "laptop: 2 seeds · overnight: 1 seed · thesis: 0 seeds" in " ".join(text.get_text() for text in figure.texts)


def test_a_study_without_fresh_statistics_has_no_such_figure(tmp_path):
    (tmp_path / "mine.yaml").write_text(json.dumps(STUDY))
    plan = make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path / "results")
    with pytest.raises(ValueError, match="takes no cell's statistics again"):
        FIGURES["widths"].bind("widths").inputs(plan)
