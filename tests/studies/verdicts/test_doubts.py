"""What keeps a verdict from being sure: many claims, small effects, single seeds, several looks, other recipes."""

import numpy as np
import pytest
from judged import CELLS, DIFFERENCE, claim, outcomes, planted

from studies.planning.claim import Claim
from studies.verdicts.claims import tell_contrast
from studies.verdicts.judging import judge
from studies.verdicts.telling import tabulate


def test_more_claims_need_more_evidence(study):
    """Holm: a p of 0.01 alone is a finding, but not as the best of twenty."""

    def value(run):
        return 0.1 * (run.model == "linear") + 0.05 * (-1) ** run.seed * (run.model == "wave") + run.seed

    alone = study([claim(**DIFFERENCE)], value)
    assert 0.005 < judge(alone)[0].evidence.p < 0.05
    assert outcomes(alone) == {"one": "reproduced"}
    many = study([claim(f"c{i}", **DIFFERENCE) for i in range(20)], value)
    assert set(outcomes(many).values()) == {"inconclusive"}


def test_a_small_effect_is_neither_reproduced_nor_contradicted(study):
    plan = study([claim(**DIFFERENCE | {"smallest": 0.5})], planted(0.2))
    assert outcomes(plan) == {"one": "smaller than matters"}


def test_what_hangs_on_one_seed_is_fragile(study):
    def value(run):
        effect = 0.11 if run.seed else -0.06  # seed 0 makes all the spread
        return effect * (run.model == "linear") + run.seed / 1000 * (run.model == "wave")

    (one,) = judge(study([claim(**DIFFERENCE)], value))
    assert (one.outcome, one.fragile) == ("reproduced", (1, 2, 3, 4, 5))  # without seed 0 it is only surer
    few = study([claim(**DIFFERENCE)], planted(0.2), seeds=(0, 1, 2))
    (one,) = judge(few)
    assert (one.outcome, one.fragile) == ("reproduced", (0, 1, 2))
    assert "fragile: it changes if seed 0 or 1 or 2 is left out" in one.notes
    assert tabulate(few).iloc[0].fragile == "0,1,2"
    assert not judge(study([claim(**DIFFERENCE)], planted(0.2)))[0].fragile
    undecided = study([claim(**DIFFERENCE)], lambda run: 0.3 * (-1) ** run.seed * (run.model == "linear"))
    assert not judge(undecided)[0].fragile  # only what is decided may hang on a seed


def test_after_several_looks_a_p_over_two_percent_is_open(study):
    def value(run):
        return (0.1 + 0.085 * (-1) ** run.seed) * (run.model == "linear")

    plan = study([claim(**DIFFERENCE)], value)
    assert 0.02 < judge(plan)[0].p_holm < 0.05
    assert outcomes(plan) == {"one": "reproduced"}
    looked = {"smoke": [{"seeds": [0, 1], "times": 5}, {"seeds": [9], "times": 7}]}
    plan = study([claim(**DIFFERENCE)], value, looked=looked)
    (one,) = judge(plan)
    assert one.outcome == "inconclusive"
    assert "is over 0.02, and these seeds were looked at 5 times" in one.notes[0]
    assert "looked at 5 times while seeds were added" in tabulate(plan).iloc[0].evidence
    elsewhere = {"laptop": looked["smoke"]}
    assert outcomes(study([claim(**DIFFERENCE)], value, looked=elsewhere)) == {"one": "reproduced"}


def test_a_study_may_fix_its_seeds_and_name_those_that_confirm(study):
    plan = study([claim(**DIFFERENCE)], planted(0.2), seeds=None, seeds_fixed={"smoke": [3, 4, 5]})
    assert plan.scale.seeds == (3, 4, 5)
    assert "fixes" not in tabulate(plan).iloc[0].evidence
    short = study([claim(**DIFFERENCE)], planted(0.2), seeds=(3, 4), seeds_fixed={"smoke": [3, 4, 5]})
    assert "the study fixes 3 seeds, 3, 4, 5" in tabulate(short).iloc[0].evidence
    for seeds, word in (((0, 1), "exploratory"), ((3, 4), "confirmatory; the study fixes 3 seeds")):
        plan = study([claim(**DIFFERENCE)], planted(0.2), seeds=seeds, confirming={"smoke": [3, 4, 5]})
        assert word in tabulate(plan).iloc[0].evidence


def test_a_claim_of_another_recipe_is_not_asked(study):
    plan = study([claim(**DIFFERENCE, recipe="thesis"), claim("two", **DIFFERENCE, recipe="fast")], planted(0.2))
    assert plan.scale.recipe == "fast"
    assert outcomes(plan) == {"one": "not asked", "two": "reproduced"}
    assert judge(plan)[0].notes == ("asked only of the recipe thesis",)
    assert np.isnan(judge(plan)[0].p_holm)  # and costs the others nothing


def test_each_data_set_by_itself(study):
    """On average the claim holds, on one of the sets it does not."""

    def value(run):
        return {"low": -0.2, "array": 0.9}[run.data] * (run.model == "linear") + planted(0)(run)

    together = claim(**DIFFERENCE)
    apart = claim(**DIFFERENCE | {"contrast": CELLS | {"each_data": True}})
    assert outcomes(study([together], value)) == {"one": "reproduced"}
    plan = study([apart], value)
    (one,) = judge(plan)
    assert (one.outcome, one.against) == ("contradicted", "low resolution")
    assert tell_contrast(plan, one.claim) == "linear − wave, on each set"
    with pytest.raises(ValueError, match="leave each_data out"):
        Claim(**claim(kind="never", measure="ink", contrast={"plus": [{}], "each_data": True}, smallest=0.1, why="w"))


def test_a_reading_that_a_verdict_hangs_on_is_said(study):
    plan = study([claim(**DIFFERENCE, reading="JPEG at quality 75")], planted(0.2))
    assert "hangs on a reading: JPEG at quality 75" in tabulate(plan).iloc[0].evidence
