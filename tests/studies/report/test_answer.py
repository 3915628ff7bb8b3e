"""What came out, in sentences: the best and the worst cell are named, with the means that were planted."""

import pandas as pd

from studies.measures.results import COLUMNS
from studies.planning.resolving import make_plan
from studies.report.html.across import lay_out_scales
from studies.report.html.answer import tell_answer, tell_training


def test_the_best_and_the_worst_cell_are_named_with_their_means(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path, (0, 1))
    assert tell_answer(plan) == []
    for run in plan.grid:
        run.folder.mkdir(parents=True)
        run.samples_file.touch()
        share = 0.5 + 0.1 * run.seed
        share += {("wave", "high"): 0.2, ("power-10", "low"): -0.4}.get((run.model, run.data), 0)
        values = {"plain_iou_0.8_share": share, "plain_iou_0.9_share": share / 2, "small_share": share / 10}
        values |= {f"real_{name}": value for name, value in zip(values, (0.99, 0.9, 0.17), strict=True)}
        rows = [[run.data, run.model, "", run.seed, name, value, "share", 50] for name, value in values.items()]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(run.measure_file, index=False)
    first, second, third = tell_answer(plan)
    assert "By rough shape the best cell is wave on the 720 px set: 75% of its samples" in first
    assert "The worst is power-10 on the low resolution set with 15%; of real images 99% do" in first
    assert "reached by 38% at most, wave on the 720 px set; of real images by 90%" in third
    assert "Of a cell's samples 1% to 8% have less ink than that, of real images 17%." in second


def test_models_that_learn_nothing_are_neither_best_nor_worst(tmp_path):
    plan = make_plan("families", "smoke", tmp_path, (0,))
    shares = {"copier": 1.0, "exact": 0.99, "exact-720": 0.99, "vae": 0.6, "flow": 0.01}
    for run in plan.grid:
        run.folder.mkdir(parents=True)
        run.samples_file.touch()
        values = {"plain_iou_0.8_share": shares.get(run.model, 0.5), "plain_iou_0.9_share": 0.1, "small_share": 0.2}
        values |= {f"real_{name}": 0.9 for name in values}
        rows = [[run.data, run.model, "", run.seed, name, value, "share", 50] for name, value in values.items()]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(run.measure_file, index=False)
    told = tell_answer(plan)[0]
    assert "best cell is VAE on the array set: 60%" in told
    assert "worst is flow on the array set with 1%" in told


def test_the_first_screen_shows_what_holds_where_other_scales_are_known(tmp_path):
    alone = make_plan("thesis", "laptop", tmp_path, (0,))
    plant(alone, {"plain_iou_0.8_share": 0.5})
    assert lay_out_scales(alone, FRAME) is None
    nearer = make_plan("thesis", "thesis", tmp_path, (0,))
    plant(nearer, {"clean_share": 0.3, "real_clean_share": 0.97})
    found = lay_out_scales(alone, FRAME)
    assert [(one["scale"], one["seeds"]) for one in found["drawn"]] == [("thesis", 1), ("laptop", 1)]
    assert found["drawn"][0]["told"].startswith("30% at best (")
    assert "older. Overlap of 0.8 or more: 50% at best" in found["drawn"][1]["told"]
    assert found["real"] == "97%"
    told = [(one["outcome"], one["why"], [claim["id"] for claim in one["claims"]]) for one in found["outcomes"]]
    assert told == [
        ("reproduced", "by laptop", ["a", "d"]),
        ("contradicted", "formulas or drawing", ["c"]),
        ("open", "leans for it at thesis, one seed", ["b"]),
    ]
    assert lay_out_scales(alone, None) is None


FRAME = pd.DataFrame(
    [
        ("a", "A.", "reproduced", "by laptop; leans the same way at thesis, one seed"),
        ("b", "B.", "open", "leans for it at thesis, one seed; reading: JPEG"),
        ("c", "C.", "contradicted", None),
        ("d", "D.", "reproduced", "by laptop"),
    ],
    columns=["id", "claim", "as a whole", "why"],
)


def plant(plan, values):
    for run in plan.grid:
        run.folder.mkdir(parents=True, exist_ok=True)
        run.samples_file.touch()
        rows = [[run.data, run.model, "", run.seed, name, value, "share", 50] for name, value in values.items()]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(run.measure_file, index=False)


def test_the_recipe_is_told_of_the_models_that_were_trained_by_it(tmp_path):
    told = {name: tell_training(make_plan(name, "laptop", tmp_path)) for name in ("thesis", "resolution", "families")}
    assert told["thesis"] == ("All models", "8 epochs", "")
    assert told["resolution"] == ("All models", "1 to 16 epochs", "")
    who, epochs, others = told["families"]
    assert (who, epochs) == ("The models of diffusion", "8 epochs")
    (tmp_path / "mine.yaml").write_text("{title: t, question: q, data: {array: {}}, models: {vae: {}}}")
    assert tell_training(make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path))[0] == ""
    assert "(VAE; GAN; flow; flow, learnt noise; copier; new real ones)" in others
