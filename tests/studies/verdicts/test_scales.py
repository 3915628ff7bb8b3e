"""Verdicts by scale: hints, what agrees, what depends on the recipe; committed cells and those made here."""

import json

import numpy as np
import pandas as pd
import pytest
from axes import axes, measured
from click.testing import CliRunner
from fake_results import record

from diffusion.store.records import write_json
from studies.cli import cli
from studies.planning.resolving import make_plan
from studies.planning.staleness import digest_of_inputs
from studies.registries import FIGURES, TABLES
from studies.report.tables.across.scales import judge_all, make
from studies.verdicts.judging import judge, judge_stages
from studies.verdicts.scales import choose_scales, combine, judge_scales
from studies.verdicts.telling import print_out, print_scales, tabulate, tabulate_scales

SCALES = ("thesis", "overnight", "laptop")
CELLS = {"plus": [{"model": ["linear"]}], "minus": [{"model": ["wave"]}]}
DIFFERENCE = {"kind": "difference", "measure": "ink", "contrast": CELLS, "smallest": 0.1, "why": "to test"}


def claim(name="one", **changes):
    return {"id": name, "claim": "Something.", "source": "section 1", **DIFFERENCE, **changes}


@pytest.fixture
def judged(tmp_path):
    """Judge claims at scales, where linear exceeds wave by given effects: scale -> (effect, seeds)."""

    def judge(claims, effects, committed=(), without=(), **more):
        content = {
            "title": "t",
            "question": "q",
            "claims": claims,
            **axes(["low", "array"], ["linear", "wave"]),
            **more,
        }
        path = tmp_path / "mine.yaml"
        path.write_text(json.dumps(content))
        for scale, (effect, seeds) in effects.items():
            below = tmp_path / "results" / ("reference" if scale in committed else "")
            plan = make_plan(str(path), scale, below, tuple(range(seeds)))
            for run in plan.grid:
                if (scale, run.data, run.model) in without:
                    continue
                folder = plan.output / "runs" / run.name if scale in committed else run.folder
                write(run, folder, effect, scale in committed)
        return judge_scales(str(path), list(effects), tmp_path / "results")

    return judge


def write(run, folder, effect, committed):
    rng = np.random.default_rng([run.seed, len(run.model), len(run.data)])
    folder.mkdir(parents=True)
    value = 0.5 + effect * (run.model == "linear") + rng.normal(0, 0.01)
    measured(run, {"ink": value}, "1").to_csv(
        folder / ("measures.csv.xz" if committed else "measures.csv"), index=False
    )
    if not committed:
        (folder / "samples.npy").touch()


def whole(columns):
    (one,) = combine(columns)
    return one


def test_scales_that_agree_make_a_verdict(judged):
    columns = judged([claim()], {"thesis": (0.3, 3), "overnight": (0.2, 1), "laptop": (0.2, 4)})
    one = whole(columns)
    assert (one.outcome, one.why) == ("reproduced", "judged at thesis and laptop")
    assert one.p_holm == max(column.judged[0].evidence.p for column in columns if column.scale != "overnight")


def test_a_nearer_scale_of_one_seed_that_leans_the_other_way_takes_the_verdict(judged):
    one = whole(judged([claim()], {"thesis": (-0.1, 1), "overnight": (0.2, 2), "laptop": (0.2, 4)}))
    assert one.outcome == "depends on the recipe"
    assert one.why == (
        "laptop leans for it; leans the other way at thesis, one seed, leans the same way at overnight, two seeds"
    )


def test_a_farther_scale_of_one_seed_decides_nothing(judged):
    one = whole(judged([claim()], {"overnight": (0.2, 4), "laptop": (-0.2, 1)}))
    assert (one.outcome, one.why) == ("reproduced", "judged at overnight")


def test_deciding_scales_that_differ_make_it_depend_on_the_recipe(judged):
    one = whole(judged([claim()], {"overnight": (0.2, 3), "laptop": (-0.2, 3)}))
    assert (one.outcome, one.why) == ("depends on the recipe", "overnight for it, laptop against")
    assert np.isnan(one.p_holm)


def test_hints_alone_leave_a_claim_open(judged):
    columns = judged([claim()], {"thesis": (0.3, 1)})
    assert (whole(columns).outcome, whole(columns).why) == ("open", "leans for it at thesis, one seed")
    row = tabulate_scales(columns).iloc[0]
    assert row["thesis (recipe thesis, widths 64 to 1024)"].endswith("1 seed: a hint")
    assert "to" not in row["thesis (recipe thesis, widths 64 to 1024)"]  # no interval


def test_a_claim_of_one_recipe_is_judged_where_it_is_asked(judged):
    claims = [claim(recipe="thesis")]
    columns = judged(claims, {"overnight": (0.2, 3), "laptop": (-0.2, 3)})
    assert whole(columns).outcome == "reproduced"
    assert columns[1].judged[0].outcome == "not asked"
    assert whole(columns[1:]).outcome == "not asked"


def test_holm_is_over_the_combined_claims(judged):
    columns = judged([claim(), claim("two")], {"laptop": (0.2, 3)})
    one, two = combine(columns)
    alone = columns[0].judged[0].evidence.p
    assert one.p_holm == two.p_holm == pytest.approx(2 * alone)


def test_committed_cells_count_and_those_made_here_replace_them(judged, tmp_path):
    effects = {"thesis": (-0.3, 3), "laptop": (-0.2, 3)}
    assert whole(judged([claim()], effects, committed=("thesis",))).outcome == "contradicted"
    path = str(tmp_path / "mine.yaml")
    plan = make_plan(path, "thesis", tmp_path / "results", tuple(range(4)))
    for run in plan.grid:
        write(run, run.folder, 0.5, committed=False)
    (one,) = judge_scales(path, ["thesis"], tmp_path / "results")[0].judged
    assert (one.outcome, len(one.a)) == ("reproduced", 4)  # the fourth seed is new


def test_seeds_that_confirm_stand_apart_and_replace_those_that_explored(judged):
    confirming = {"laptop": [3, 4, 5]}
    columns = judged([claim()], {"laptop": (0.2, 6)}, confirming=confirming)
    assert [(column.name, column.plan.scale.seeds) for column in columns] == [
        ("laptop, confirmatory", (3, 4, 5)),
        ("laptop", (0, 1, 2)),
    ]
    assert (whole(columns).outcome, whole(columns).why) == ("reproduced", "judged at laptop, confirmatory")
    few = judged([claim("two")], {"overnight": (0.2, 4)}, confirming={"overnight": [3, 4, 5]})
    assert whole(few).why.startswith(
        "judged at overnight; leans the same way at overnight, confirmatory, 1 of 3 seeds, one seed"
    )


def plant(path, scale, results, seeds, count, names, effect):
    """Measure a study's cells: values of `names` that linear has more of, of so many samples."""
    plan = make_plan(str(path), scale, results, seeds)
    for run in plan.grid:
        rng = np.random.default_rng([run.seed, len(run.model), len(run.data)])
        value = 0.4 + effect * (run.model == "linear") + rng.normal(0, 0.01)
        frame = measured(run, dict.fromkeys(names, value), "share").assign(n=count)
        run.folder.mkdir(parents=True)
        frame.to_csv(run.measure_file, index=False)
        run.samples_file.touch()
    return plan


def test_older_and_newer_seeds_are_judged_apart_whatever_was_measured_and_of_how_many_samples(tmp_path):
    """Six explored, of 200 samples each, when one measure was not known yet; six confirm, of 600."""
    new = claim("new", measure="clean_share")
    both = claim("both", measure="iou_0.8_share")
    never = {"kind": "never", "contrast": {"plus": [{}]}, "smallest": 0.2, "why": "w", "measure": "iou_0.8_share"}
    content = {"title": "t", "question": "q", "claims": [new, both, claim("rate") | never]}
    content |= axes(["low", "array"], ["linear", "wave"]) | {"confirming": {"laptop": [6, 7, 8, 9, 10, 11]}}
    path, results = tmp_path / "mine.yaml", tmp_path / "results"
    path.write_text(json.dumps(content))
    old, fresh = range(6), range(6, 12)
    plant(path, "laptop", results, tuple(old), 200, ["iou_0.8_share"], -0.2)
    told = print_scales(judge_scales(str(path), ["laptop"], results))
    assert "hint" not in told  # six seeds explored, and that decides for now
    plant(path, "laptop", results, (6,), 600, ["iou_0.8_share", "clean_share"], 0.2)
    columns = judge_scales(str(path), ["laptop"], results)
    assert [len(one.a) for one in columns[0].judged] == [1, 1, 1]  # a hint beside what was explored
    plant(path, "laptop", results, tuple(fresh)[1:], 600, ["iou_0.8_share", "clean_share"], 0.2)
    confirmed, explored = judge_scales(str(path), ["laptop"], results)
    assert [one.outcome for one in confirmed.judged] == ["reproduced", "reproduced", "contradicted"]
    assert [one.outcome for one in explored.judged] == ["inconclusive", "contradicted", "contradicted"]
    assert explored.judged[0].a is None  # the measure was not taken of these
    assert {one.outcome for one in combine([confirmed, explored])} == {"reproduced", "contradicted"}
    plan = make_plan(str(path), "laptop", results, (*old, *fresh))  # one plan, one report
    stages = judge_stages(plan)
    assert [stage.scale.seeds for stage, _ in stages] == [tuple(fresh), tuple(old)]
    assert [[len(one.a) if one.a is not None else 0 for one in judged] for _, judged in stages] == [[6] * 3, [0, 6, 6]]
    table = tabulate(plan)
    assert table.stage.tolist() == ["confirmatory"] * 3 + ["exploratory"] * 3
    assert table.verdict.tolist() == [one.outcome for column in (confirmed, explored) for one in column.judged]
    assert [one.outcome for one in judge(plan)] == [one.outcome for one in confirmed.judged]
    assert "laptop, exploratory" in print_out(plan)


def test_seeds_committed_in_a_folder_of_their_own_count(tmp_path):
    """What confirms can be committed beside what explored, whose samples are gone, and replaces nothing of it."""
    content = {"title": "t", "question": "q", "claims": [claim(measure="iou_0.8_share")]}
    content |= axes(["low", "array"], ["linear", "wave"]) | {"confirming": {"laptop": [3, 4, 5]}}
    path, kept = tmp_path / "mine.yaml", tmp_path / "results" / "reference" / "laptop"
    path.write_text(json.dumps(content))
    for seeds, place, effect in (((0, 1, 2), kept / "mine", -0.2), ((3, 4, 5), kept / "confirming", 0.2)):
        plan = plant(path, "laptop", tmp_path / "made", seeds, 200, ["iou_0.8_share"], effect)
        for run in plan.grid:
            (place / "runs" / run.name).mkdir(parents=True)
            pd.read_csv(run.measure_file).to_csv(place / "runs" / run.name / "measures.csv.xz", index=False)
    columns = judge_scales(str(path), ["laptop"], tmp_path / "results")
    assert [(one.name, one.judged[0].outcome) for one in columns] == [
        ("laptop, confirmatory", "reproduced"),
        ("laptop", "contradicted"),
    ]


def test_times_of_cells_that_may_share_a_gpu_are_not_judged(judged):
    timed = claim(measure="seconds_per_epoch")
    columns = judged([timed], {"thesis": (0.3, 3), "laptop": (0.2, 3)})
    assert columns[0].judged[0].outcome == "not asked"
    assert "may share a GPU" in columns[0].judged[0].notes[0]
    assert "thesis: not judged: cells may share a GPU" in whole(columns[:1]).why
    assert columns[1].judged[0].outcome != "not asked"


def test_times_of_runs_that_a_card_made_are_not_judged_at_any_scale(tmp_path):
    path = tmp_path / "mine.yaml"
    content = {"title": "T", "question": "Q?", "claims": [claim(measure="seconds_per_epoch")]}
    path.write_text(json.dumps(content | axes(["low", "array"], ["linear", "wave"])))
    plan = plant(path, "laptop", tmp_path / "results", (0, 1, 2), 200, ["seconds_per_epoch"], 0.2)
    run = plan.grid[-1]
    for device, outcome in (("CPU, 1 thread", False), ("NVIDIA H100 80GB HBM3", True)):
        write_json(run.folder / "run.json", record(run) | {"device": device})
        assert (judge(plan)[0].outcome == "not asked") == outcome


def test_cells_that_are_there_give_a_hint(judged):
    contrast = {"plus": [{"data": ["low"]}], "minus": [{"data": ["array"]}]}
    columns = judged([claim(contrast=contrast)], {"laptop": (0.2, 3)}, without={("laptop", "array", "wave")})
    (one,) = columns[0].judged
    assert (one.partial, len(one.a), one.outcome) == ("linear only", 3, "inconclusive")
    assert whole(columns).outcome == "open"
    assert "linear only: a hint" in tabulate_scales(columns).iloc[0].iloc[2]
    nothing = judged([claim()], {"overnight": (0.2, 1)}, without={("overnight", d, "wave") for d in ("low", "array")})
    assert nothing[0].judged[0].a is None


def test_the_command_and_the_table_show_all_scales_nearest_first(judged, tmp_path):
    judged([claim()], {"thesis": (0.2, 1), "laptop": (0.2, 3)})
    words = ["verdicts", "--study", str(tmp_path / "mine.yaml"), "--results", str(tmp_path / "results")]
    found = CliRunner().invoke(cli, [*words, "--scales", "laptop,thesis"])
    assert found.exit_code == 0, found.output
    head, _, line = found.output.splitlines()[:3]
    assert head.index("thesis (") < head.index("laptop (")
    assert line.endswith("reproduced")
    table = make(make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path / "results"))
    assert list(table)[2:5] == [f"{name} (recipe {recipe}, widths {widths})" for name, recipe, widths in (
        ("thesis", "thesis", "64 to 1024"), ("overnight", "thesis", "8 to 128"), ("laptop", "fast", "8 to 128")
    )]  # fmt: skip
    assert table["as a whole"].tolist() == ["reproduced"]


def test_the_table_follows_the_files_of_other_scales(judged, tmp_path):
    """It is made again when another scale's measures come or change: they are among its inputs."""
    judged([claim()], {"thesis": (0.2, 1), "overnight": (0.2, 1)}, committed=("overnight",))
    plan = make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path / "results")
    (read,) = {tuple(entry["scales"].inputs(plan)) for entry in (bound(TABLES), bound(FIGURES))}
    theirs = [path for path in read if "laptop" not in path.parts]
    assert len(theirs) == 2 * len(plan.grid)
    assert set(map(str, read[: len(plan.grid)])) >= {str(run.measure_file) for run in plan.grid[:1]}
    before = digest_of_inputs(list(read))(None)
    theirs[0].write_bytes(theirs[0].read_bytes() + b"\n")
    assert digest_of_inputs(list(read))(None) != before


def bound(registry):
    return {"scales": registry["scales"].bind("scales")}


def test_unknown_scales_are_refused():
    assert choose_scales() == list(SCALES)
    assert choose_scales("smoke, laptop,thesis") == ["thesis", "laptop", "smoke"]
    for given in ("thesis,nowhere", "laptop,laptop"):
        with pytest.raises(ValueError, match="unknown or there twice"):
            choose_scales(given)


def test_a_scale_whose_recipe_does_not_fit_has_no_column(tmp_path):
    """The thesis's recipe predicts eps, which coins have not."""
    models = {"linear": {"process": "bernoulli"}, "wave": {"process": "bernoulli"}}
    content = {"title": "t", "question": "q", "claims": [claim()], "data": {"array": {}}, "models": models}
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(content))
    assert [column.plan.scale_name for column in judge_all(make_plan(str(path), "laptop", tmp_path))] == ["laptop"]
    with pytest.raises(ValueError, match="target eps"):
        judge_scales(str(path), ["thesis"], tmp_path / "results")
