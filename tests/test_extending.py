"""The promise of the registries: one of everything is added from outside, editing nothing, and taken through it all.

tests/extending/my_lab.py registers a schedule, network, process, target, sampler, family, kind of picture, measure,
figure, table and check; a study names it as a plugin. The commands are those that `studies plan` prints.
"""

import contextlib
import gc
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies.registries import RULERS
from triangles.kinds import KINDS

HERE = Path(__file__).parent
STUDY = """\
title: A lab of one's own
question: Do members from outside go all the way?
plugins: [my_lab]
data:
  discs: {label: discs, kind: disc}
models:
  mine:
    {label: all of mine, schedule: cubic, network: flat, process: exact-start, target: negative, optimizer: adam,
     epochs: 2, batch_size: 64, learning_rate: 0.002, ema: 0.995, full_skip: false,
     timesteps: 20, sampling: {sampler: mean, variance: null, steps: 10}}
  normal: {label: normal pixels, family: pixels, learning_rate: 0.05, optimizer: adam}
figures: [corners, samples, reverse-discs, loss, likelihood, overlap]
tables: [corners, verdicts, measures, cells]
claims:
  - {id: corners, claim: The two leave the same ink in the corner., source: a look, origin: ours, kind: difference,
     measure: corner_ink, contrast: {plus: [{model: [mine]}], minus: [{model: [normal]}]}, smallest: 0.1, why: to test}
  - {id: round, claim: Discs are round., source: a look, origin: ours, kind: analytic, check: discs-are-round, why: pi}
"""


def call(group, *words):
    """Run a command in this process; what it said."""
    from diffusion.cli import cli as diffusion
    from studies.cli import cli as studies
    from triangles.cli import cli as triangles

    groups = {"triangles": triangles, "diffusion": diffusion, "studies": studies}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        groups[group].main([str(word) for word in words], prog_name=group, standalone_mode=False)
    return said.getvalue()


@pytest.fixture(scope="module")
def taken_back():
    """What the lab's plugin registers is taken back in the end: the tests of other files run in this process, too."""
    kinds = [one for one in gc.get_objects() if type(one) in (type(RULERS), type(KINDS))]
    before = [dict(one._members) for one in kinds]
    yield
    for one, members in zip(kinds, before, strict=True):
        one._members.clear()
        one._members.update(members)
    for name in [name for name in sys.modules if name.startswith("my_lab")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def lab(tmp_path_factory, taken_back):
    """A folder in which the lab's study was run whole by the commands of its plan, and the plan."""
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE / "extending")
        patch.chdir(folder)
        (folder / "lab.yaml").write_text(STUDY)
        said = call("studies", "plan", "--study", "lab.yaml", "--scale", "smoke")
        assert "plugins, imported first: my_lab" in said
        for line in [line for line in said.splitlines() if line.startswith("  ")]:
            call(*shlex.split(line))
        from studies.planning.resolving import make_plan

        yield folder, make_plan("lab.yaml", "smoke", folder / "results")


def test_the_lab_draws_its_own_pictures_with_its_own_models(lab):
    _, plan = lab
    mine, normal = plan.grid
    record = json.loads((mine.folder / "run.json").read_text())
    chosen = {"schedule": "cubic", "network": "flat", "process": "exact-start", "target": "negative"}
    assert chosen.items() <= record["settings"].items()
    assert json.loads((normal.folder / "run.json").read_text())["family"] == "pixels"
    discs = np.load(mine.dataset.folder / "discs_train.npy")
    assert discs.shape == (256, 3)
    assert (np.load(mine.folder / "samples.npy").std(axis=0) > 0).any()
    columns = set(pd.read_csv(normal.folder / "losses.csv"))
    assert "squared_mean" in columns
    assert "objective_mean" not in columns


def test_what_a_family_cannot_do_is_left_out_and_nothing_else(lab):
    _, plan = lab
    mine, normal = plan.grid
    assert (mine.folder / "samples-frames.npy").exists()
    assert not (normal.folder / "samples-frames.npy").exists()
    measures = {run.model: set(pd.read_csv(run.measure_file).measure) for run in plan.grid}
    assert {"corner_ink", "iou_mean", "ks_radius", "test_loss"} <= measures["mine"] & measures["normal"]
    assert "background_rms" not in measures["mine"]  # its fitter measures no distances
    assert not [name for name in measures["normal"] if name.endswith("_bits")]


def test_the_labs_measure_is_tabled_drawn_and_judged(lab):
    _, plan = lab
    table = pd.read_csv(plan.output / "tables" / "corners.csv")
    assert list(table.model) == ["mine", "normal"]
    assert table.corner.between(0, 1).all()
    verdicts = pd.read_csv(plan.output / "tables" / "verdicts.csv").set_index("id")
    assert verdicts.loc["corners", "estimate"] == pytest.approx(table.corner[0] - table.corner[1])
    assert verdicts.loc["round", "verdict"] == "reproduced"
    for entry in plan.study.figures:
        assert (plan.output / "figures" / f"{entry.name}.png").stat().st_size > 1000
    page = (plan.output / "report.html").read_text(encoding="utf-8")
    assert all(words in page for words in ("all of mine", "normal pixels", "ink in the upper left corner"))


def test_the_workflow_plans_the_same(lab):
    """Snakemake resolves the study with its plugin, and finds all of it made, with no file that no rule makes."""
    folder, _ = lab
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(HERE.parent / "Snakefile")]
    command += ["--rerun-triggers", "mtime", "--config", "study=lab.yaml", "scale=smoke"]
    path = f"{HERE / 'extending'}:{HERE.parent}"
    done = subprocess.run(command, cwd=folder, env=_environment(path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stderr + done.stdout


def _environment(path):
    import os

    return os.environ | {"PYTHONPATH": path}


def test_names_that_no_one_registered_are_refused_in_one_line(lab):
    from studies.planning.resolving import make_plan

    folder, _ = lab
    (folder / "typo.yaml").write_text(STUDY.replace("network: flat", "network: flatt"))
    with pytest.raises(ValueError, match=r"models\.mine: .*unknown network 'flatt': choose from .*, flat"):
        make_plan(str(folder / "typo.yaml"), "smoke")
    (folder / "typo.yaml").write_text(STUDY.replace("measure: corner_ink", "measure: corner_inc"))
    with pytest.raises(ValueError, match="did you mean corner_ink"):
        make_plan(str(folder / "typo.yaml"), "smoke")
