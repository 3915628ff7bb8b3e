"""A cell that diverges: the others finish, and tables, figures and the report show the hole and say why it is one.

All of it in folders and with words that try to break out of shells, tables and the page.
"""

import json
import re
import shlex

import pandas as pd
import pytest
from axes import axes
from commands import call
from pages import Page, embedded
from project import copy_project, snakemake

from studies.planning.resolving import make_plan
from studies.registries import FIGURES

pytestmark = pytest.mark.faults

NASTY = """it's "quoted" & $(touch ran) é;"""
WORDS = """</title></script><script>alert(1)</script>"><img src=x onerror=alert(2)>' & {{ 7 * 7 }} é"""
STUDY = {
    "title": WORDS,
    "question": WORDS,
    **axes(["array"], ["linear", "cosine"]),
    "training": {"timesteps": 20, "beta_max": 0.5},
    "sampling": {"steps": 20},
    "figures": ["loss", "samples", "overlap"],
    "tables": ["losses", "measures", "time", "verdicts", "data"],
    "claims": [
        {
            "id": "one", "claim": f"{WORDS}\n| {WORDS}", "source": WORDS, "why": WORDS,
            "kind": "difference", "measure": "blank_share", "smallest": 0.1,
            "contrast": {"plus": [{"model": ["linear"]}], "minus": [{"model": ["cosine"]}]},
        },
    ],
}  # fmt: skip
REASON = "diverged: the loss was inf at epoch 1, step 1"


def let_linear_diverge(project):
    """Its loss becomes infinite in the project's own copy of the trainer: no settings that are allowed do that."""
    path = project / "diffusion/denoising/learner.py"
    loss = "objective = target.loss(output, wanted).flatten(1).mean(1)\n"
    before, after = path.read_text().split(loss)
    path.write_text(f"{before}{loss[:-1]} / (model.settings.schedule != 'linear')\n{after}")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What Snakemake leaves when the linear cell diverges: project folder, plan, exit code, words."""
    project = copy_project(tmp_path_factory.mktemp("a project's"))
    let_linear_diverge(project)
    (project / NASTY).mkdir()
    study = f"{NASTY}/small.yaml"
    (project / study).write_text(json.dumps(STUDY))
    config = ["--config", "scale=smoke", f"study={study}", f"results={NASTY}"]
    code, said = snakemake(project, "--cores", "2", config=config)
    return project, make_plan(str(project / study), "smoke", project / NASTY), code, said


@pytest.fixture(scope="module")
def shown(left):
    """The project's plan after the commands that Snakemake names at its end."""
    project, plan, _, said = left
    commands = re.findall(r"^  (studies \w+ --allow-missing .*)$", said, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        code, words = call(*shlex.split(command), folder=project)
        assert code == 0, words
        assert "Traceback" not in words
    return plan


def test_the_other_cells_finish_and_the_exit_code_tells(left):
    project, plan, code, said = left
    linear, cosine = plan.runs
    assert code == 1
    assert re.search(
        r"^diffusion: error: the loss was inf at epoch 1, step 1; .* holds nothing yet", said, re.MULTILINE
    )
    assert all(path.exists() for path in [*cosine.files, *cosine.measured_files, cosine.folder / "measures.csv"])
    assert not any((linear.folder / name).exists() for name in ("run.json", "losses.csv", "samples.npy"))
    assert (plan.output / "tables/data.csv").exists(), "what needs no run of that cell is made"
    assert not (plan.output / "report.html").exists()
    assert not list(project.rglob("ran")), "a folder's name was run as a command"


def test_tables_keep_the_row_and_say_why(shown):
    for name, column in [("losses", "train_mean"), ("measures", "blank_share"), ("time", "training_s")]:
        table = pd.read_csv(shown.output / f"tables/{name}.csv").set_index("model")
        assert table[column].isna().to_dict() == {"linear": True, "cosine": False}
        assert table.missing.fillna("").to_dict() == {"linear": REASON, "cosine": ""}
    (row,) = pd.read_csv(shown.output / "tables/verdicts.csv").to_dict("records")
    assert (row["verdict"], row["seeds"]) == ("inconclusive", 0)
    assert row["evidence"].startswith("not judged: no seed has blank_share in all cells")
    assert len((shown.output / "tables/verdicts.md").read_text(encoding="utf-8").splitlines()) == 3


def test_figures_have_an_empty_place_with_its_name(shown):
    words = [text.get_text() for text in FIGURES["samples"].make(shown).texts]
    assert {"linear", "cosine", "no result: this run\ndiverged or was not made"} <= set(words)


def test_the_page_shows_the_hole_and_escapes_what_it_is_told(shown):
    page = Page((shown.output / "report.html").read_text(encoding="utf-8"))
    assert "1 of 2 runs are missing" in page.text
    assert f"linear on array, seed 0: {REASON}" in page.text
    (array,) = embedded(page)["sets"]
    assert {name: sprite is None for name, sprite in array["cells"].items()} == {"linear": True, "cosine": False}
    assert len(page.all("img")) == len(STUDY["figures"])
    assert page.text.count(WORDS) >= 5
    assert NASTY in page.text.replace("'\"'\"'", "'")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert len(page.scripts) == 2
    assert not [script for script in page.scripts if "alert" in script]
