"""Claims of two sets and two models, judged on planted measures."""

import json

import numpy as np
import pytest
from axes import axes, measured

from studies.planning.resolving import make_plan
from studies.verdicts.judging import judge

SEEDS = (0, 1, 2, 3, 4, 5)
CELLS = {"plus": [{"model": ["linear"]}], "minus": [{"model": ["wave"]}]}
DIFFERENCE = {"kind": "difference", "measure": "ink", "contrast": CELLS, "smallest": 0.1, "why": "to test"}


def claim(name="one", **changes):
    return {"id": name, "claim": "Something.", "source": "section 1"} | changes


@pytest.fixture
def study(tmp_path):
    """A study of two sets and two schedules, with measures that follow a given rule; returns its plan."""

    def make(claims, value, seeds=SEEDS, told=None, **more):
        measured_for = more.pop("measured_for", None)
        if fixed := more.pop("seeds_fixed", None):
            more["seeds"] = fixed
        content = {"title": "t", "question": "q", "claims": claims, **more}
        content |= axes(["low", "array"], ["linear", "wave"])
        (tmp_path / "mine.yaml").write_text(json.dumps(content))
        plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results", seeds)
        for run in plan.grid:
            found = value(run)
            if found is None:
                continue
            run.folder.mkdir(parents=True, exist_ok=True)
            measured(run, found if isinstance(found, dict) else {"ink": found}, "1").to_csv(
                run.folder / "measures.csv", index=False
            )
            digests = {one.id: one.digest for one in plan.study.claims} if told is None else told
            record = {"samples": "", "studies": {measured_for or plan.study_name: digests}}
            (run.folder / "claims.json").write_text(json.dumps(record))
            (run.folder / "samples.npy").touch()
        return plan

    return make


def planted(effect, spread=0.01):
    """Measures in which linear exceeds wave by `effect`, noise and a part that is common to a seed aside."""

    def value(run):
        rng = np.random.default_rng([run.seed, len(run.model), len(run.data)])
        return 0.5 + run.seed / 10 + effect * (run.model == "linear") + rng.normal(0, spread)

    return value


def outcomes(plan):
    return {one.claim.id: one.outcome for one in judge(plan)}
