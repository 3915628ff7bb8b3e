"""What the report shows of a claim's contrast: each seed's values where they belong, and no interval of one seed."""

import json

import numpy as np
import pytest
from axes import axes, measured

from studies.planning.resolving import make_plan
from studies.report.html.claim_plots import lay_out_plots
from studies.report.html.page import render
from studies.verdicts.contrasts import parts
from studies.verdicts.judging import gather, judge

SHARED = {"source": "section 1", "measure": "ink", "why": "to test"}
SETS = {"plus": [{"data": ["low"]}], "minus": [{"data": ["array"]}]}
EACH = {"plus": [{"model": ["wave"]}], "minus": [{"model": ["linear"]}, {"model": ["power-2"]}], "each": True}
LEVEL = {"plus": [{"data": ["low"]}], "level": 0.3}
OTHERS = {"plus": [{"model": ["wave"]}], "minus": [{"model": ["linear"], "samples": "again"}]}
UNLIKE = {
    "plus": [{"data": ["low"], "model": ["wave", "power-2"]}],
    "minus": [{"data": ["low"], "model": ["linear"]}],
}
CLAIMS = [
    {
        "id": "level",
        "claim": "F.",
        "kind": "difference",
        "contrast": SETS | {"minus": [], "level": 0.3},
        "smallest": 0.1,
    },
    {"id": "unlike", "claim": "E.", "kind": "difference", "contrast": UNLIKE, "smallest": 0.1},
    {"id": "sets", "claim": "A.", "kind": "difference", "contrast": SETS, "smallest": 0.1, "figure": "starts-low"},
    {"id": "each", "claim": "B.", "kind": "difference", "contrast": EACH, "smallest": 0.02},
    {"id": "same", "claim": "C.", "kind": "equivalence", "contrast": SETS, "smallest": 1.1},
    {"id": "others", "claim": "G.", "kind": "difference", "contrast": OTHERS, "smallest": 0.1},
    {"id": "never", "claim": "D.", "kind": "never", "contrast": {"plus": [{}]}, "smallest": 0.5},
]
SCHEDULES = ("linear", "wave", "power-2")


def value(run):
    """Low exceeds array by 0.05, 0.1 and 0.15, by schedule, and each seed by 0.01 times its number more."""
    gain = 0.05 * (1 + SCHEDULES.index(run.model)) + 0.01 * run.seed
    return 0.25 + 0.02 * SCHEDULES.index(run.model) + gain * (run.data == "low")


@pytest.fixture
def study(tmp_path):
    def make(seeds):
        content = {
            "title": "t",
            "question": "q",
            "claims": [SHARED | claim for claim in CLAIMS],
            "tables": ["verdicts"],
        }
        content |= {**axes(["low", "array"], SCHEDULES), "figures": ["starts-low"]}
        content["resampled"] = {"again": {"cells": {"model": ["linear"]}, "sampling": {"variance": "beta-tilde"}}}
        (tmp_path / "mine.yaml").write_text(json.dumps(content))
        plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results", seeds)
        for run, one in [(run, run) for run in plan.grid] + [(one.run, one) for one in plan.resampled]:
            run.folder.mkdir(parents=True, exist_ok=True)
            one.samples_file.touch()
            measured(run, {"ink": value(run)}).to_csv(one.measure_file, index=False)
        return plan

    return make


def shown(plan, name):
    """A claim's parts, and what the report draws of them."""
    found, one = gather(plan)[0], next(one for one in judge(plan) if one.claim.id == name)
    return parts(plan, one, found), lay_out_plots(plan, one, found)


def values(plot, xs):
    """Percent of a plot's width -> values, by the plot's own ticks."""
    (x0, v0), *_, (x1, v1) = [(x, float(text.replace("−", "-"))) for x, text in plot["ticks"]]
    return [v0 + (x - x0) * (v1 - v0) / (x1 - x0) for x in xs]


def test_every_cell_is_shown_beside_a_level(study):
    cells, drawn = shown(study((0, 1, 2)), "level")
    assert [part.label for part in cells] == [*SCHEDULES, "mean"]
    assert cells[0].a - cells[0].b == pytest.approx([0.0, 0.01, 0.02])
    assert values(drawn["difference"], [drawn["difference"]["mean"][1]]) == pytest.approx([0.08], abs=1e-4)


def test_sides_of_unlike_sizes_are_shown_by_their_means_alone(study):
    (whole,), _ = shown(study((0, 1, 2)), "unlike")
    assert whole.judged
    assert whole.a - whole.b == pytest.approx([0.105] * 3)


def test_other_samples_under_another_schedule_are_paired_by_set(study):
    cells, _ = shown(study((0, 1, 2)), "others")
    assert [part.label for part in cells] == ["low resolution", "array", "mean"]
    assert cells[0].a - cells[0].b == pytest.approx([0.07] * 3)


def test_cells_that_differ_in_the_set_alone_are_paired_and_averaged(study):
    cells, drawn = shown(study((0, 1, 2)), "sets")
    assert [part.label for part in cells] == [*SCHEDULES, "mean"]
    assert cells[1].a - cells[1].b == pytest.approx([0.10, 0.11, 0.12])
    plot = drawn["difference"]
    for marks, gains in zip(plot["marks"], ([5, 6, 7], [10, 11, 12], [15, 16, 17], [10, 11, 12]), strict=True):
        assert values(plot, [x for _, x in marks]) == pytest.approx(np.array(gains) / 100, abs=1e-4)
    assert values(plot, [plot["neutral"], *plot["limits"], plot["mean"][1]]) == pytest.approx([0, 0.1, 0.11], abs=1e-4)
    low, high = values(plot, plot["interval"])
    assert (low, high) == pytest.approx((0.11 - 0.0248, 0.11 + 0.0248), abs=2e-4)  # t of 2 degrees, sd 0.01
    both = drawn["both"]
    assert values(both, [x for mark in both["marks"][1] for x in mark[1:]]) == pytest.approx(
        [0.37, 0.27, 0.38, 0.27, 0.39, 0.27], abs=1e-4
    )


def test_cells_that_are_all_the_same_are_shown_once(study, monkeypatch):
    monkeypatch.setitem(globals(), "value", lambda run: (1 + (run.data == "low") + run.seed) / 4)
    cells, _ = shown(study((0, 1)), "sets")
    assert [(part.label, part.a.tolist(), part.b.tolist()) for part in cells] == [("all", [0.5, 0.75], [0.25, 0.5])]


def test_of_several_comparisons_the_deciding_one_is_marked(study):
    cells, drawn = shown(study((0, 1, 2)), "each")
    assert [(part.label, part.judged) for part in cells] == [("linear", False), ("power-2", True)]
    assert [row["judged"] for row in drawn["rows"]] == [False, True]


def test_ratios_have_a_limit_on_either_side_and_rates_have_one(study):
    plan = study((0, 1, 2))
    plot = shown(plan, "same")[1]["difference"]
    assert values(plot, [plot["neutral"], *plot["limits"]]) == pytest.approx([1, 1 / 1.1, 1.1], abs=1e-3)
    cells, drawn = shown(plan, "never")
    assert drawn["both"] is None
    assert [part.label for part in cells] == ["low resolution", "array", "all"]
    assert values(drawn["difference"], drawn["difference"]["limits"]) == pytest.approx([0.5], abs=1e-3)


def test_one_seed_gives_points_and_no_interval(study):
    plan = study((0,))
    plot = shown(plan, "sets")[1]["difference"]
    assert (plot["mean"], plot["interval"]) == (None, [])
    assert values(plot, [marks[0][1] for marks in plot["marks"]]) == pytest.approx([0.05, 0.1, 0.15, 0.1], abs=1e-4)
    page = render(plan)
    assert page.count("One seed: no interval") == len(CLAIMS)
    assert page.count('href="#figure-starts-low"') == len(CLAIMS) + 1  # of the contents
    assert f"-- {plan.output}/tables/verdicts.csv {plan.output}/figures/starts-low.png" in page
