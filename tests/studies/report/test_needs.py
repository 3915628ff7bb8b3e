"""What figures, tables and the page declare as their inputs is what they open, and drawing hangs on no more code."""

import sys
from pathlib import Path

import pytest

import studies
from diffusion.store.sources import followed
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, TABLES, list_names, shown
from studies.report.html.page import list_inputs, render
from studies.report.needs import OPTIONAL

OPENED = set()
STUDIES = Path(studies.__file__).parent
STUDY = make_plan("thesis", "smoke").study
SHOWN = [(FIGURES, one.name) for one in STUDY.figures] + [(TABLES, name) for name in STUDY.tables]
LISTENING = []


def listen(event, arguments):
    if LISTENING and event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(LISTENING[0]):
        OPENED.add(arguments[0])


sys.addaudithook(listen)  # for good, as Python has none for a while; it is silent while nobody listens


@pytest.fixture
def opened(made):
    """The files below the results that are opened while the test runs."""
    OPENED.clear()
    LISTENING.append(str(made.folder))
    yield OPENED
    LISTENING.clear()


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Of each class of known shapes table `power` measures fewer: no other file is opened for them."""
    monkeypatch.setattr("studies.measures.calibration.power.COUNT", 40)


@pytest.mark.parametrize("study", sorted(path.stem for path in STUDIES.glob("*.yaml") if path.stem != "scales"))
def test_the_workflow_knows_each_figure_and_table_that_a_study_shows(study):
    plan = make_plan(study, "smoke")
    assert {one.name for one in plan.study.figures} <= set(list_names(FIGURES, plan))
    assert set(plan.study.tables) <= set(list_names(TABLES, plan))


def undeclared(opened, declared):
    known = {str(path) for path in declared}
    others = {path for path in opened if path not in known and not path.endswith((".tsv", *OPTIONAL))}
    return sorted(others)


@pytest.mark.parametrize(("registry", "name"), SHOWN, ids=[f"{registry.what}-{name}" for registry, name in SHOWN])
def test_what_is_opened_was_declared(made, opened, registry, name):
    one = shown(registry, name, made)
    declared = one.inputs(made)
    assert opened == set()  # to ask costs nothing
    one.make(made)
    assert undeclared(opened, declared) == []
    assert len(set(declared)) == len(declared)
    for path in declared:
        assert path.exists(), "it is made by none of the study's rules"


@pytest.mark.parametrize(("registry", "name"), SHOWN, ids=[f"{registry.what}-{name}" for registry, name in SHOWN])
def test_a_workflow_makes_all_that_is_declared(made, registry, name):
    outputs = {path for run in made.runs for path in (*run.files, *run.sample_files, *run.likelihood_files)}
    outputs |= {run.folder / file for run in made.runs for file in made.measure_files}
    outputs |= {path for one in made.resampled for path in (*one.files, one.measure_file)}
    outputs |= {path for dataset in made.datasets for path in (*dataset.files, dataset.real_file)}
    assert set(shown(registry, name, made).inputs(made)) <= outputs


def test_the_page_opens_what_it_declares(made, opened):
    declared = list_inputs(made)
    render(made)
    tables = {str(made.output / "tables" / "verdicts.csv")}
    assert [path for path in undeclared(opened, declared) if path not in tables] == []


@pytest.mark.parametrize(
    "module", ["figures.curves.loss", "figures.curves.schedules", "figures.images.samples", "tables.losses"]
)
def test_drawing_does_not_hang_on_how_things_are_measured(module):
    names = {"/".join(path.parts[-3:]) for path in followed(f"studies.report.{module}")}
    assert f"{module.split('.')[-1]}.py" in {name.rpartition("/")[2] for name in names}
    measuring = ("measuring", "novelty", "shape", "noise", "population", "images")
    assert not names & {f"studies/measures/{one}.py" for one in measuring}
    assert not {name for name in names if name.endswith("triangles/fits/polygons.py")}
