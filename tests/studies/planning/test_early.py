"""What a command would refuse after hours is refused when a study is planned."""

import re

import pytest
import yaml

from studies.planning.resolving import make_plan

FLOW = {"models": {"flow": {"epochs": 1}}}
EXACT = {"plugins": ["studies.exact_sampler"]}
OTHERS = {
    "models": {"vae": {"epochs": 1}, "linear": {}},
    "resampled": {"few": {"sampling": {"steps": 5}, "cells": {"model": ["linear"]}}},
}


def claim(measure, model):
    side = [{"model": [model], "samples": "few"}]
    told = {"id": "one", "claim": "c", "source": "s", "kind": "difference", "smallest": 0.1, "why": "w"}
    return {"claims": [told | {"measure": measure, "contrast": {"plus": side, "level": 0.5}}]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampling": {"count": 10**6 + 1}}, "count = 1000001"),
        ({"sampling": {"batch_size": 10**5 + 1}}, "batch_size = 100001"),
        ({"sampling": {"frames": 10**5 + 1}}, "frames = 100001"),
        ({"sampling": {"sampler": "langevin", "corrections": 1001}}, "corrections = 1001"),
        ({"training": {"batch_size": 10**6}}, "10000 training images do not fill one batch of 1000000: lower it"),
        (FLOW | {"data": {"array": {"size": 31}}}, "models.flow on data.array: images of 31 x 31 px do not fit a flow"),
        (EXACT | {"models": {"exact": {"kind": "circle"}}}, "unknown kind 'circle'"),
        (EXACT | {"models": {"exact": {"draw_size": 9000}}}, "draw_size is 9000"),
        (EXACT | {"models": {"exact": {"resample": "nosuch"}}}, "resample is 'nosuch'"),
        (EXACT | {"models": {"exact": {"quality": 50}}}, "quality is 50, but npy has none"),
        (OTHERS | claim("clean_share", "vae"), "claim one: samples few are of other cells: see resampled.few.cells"),
        (
            OTHERS | claim("total_bits", "linear"),
            "claim one: total_bits is of runs, and not of other samples of theirs",
        ),
    ],
)
def test_it_is_refused_with_what_is_wrong(tmp_path, changes, words):
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": {"linear": {}}, "tables": ["cells"]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content | changes))
    with pytest.raises(ValueError, match=re.escape(words)):
        make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path)


def test_a_claim_on_other_samples_of_the_cells_that_have_them_is_planned(tmp_path):
    content = {"title": "t", "question": "q", "data": {"array": {}}, "tables": ["cells"]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content | OTHERS | claim("clean_share", "linear")))
    assert make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path).study.claims[0].id == "one"
