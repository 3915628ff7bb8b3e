"""Contents and never times decide what is made again, and a torn output is made again by the same command."""

import os
import re
import time
from collections import Counter

import pytest
from project import STUDY, copy_project, snakemake

pytestmark = pytest.mark.faults

SET, TABLE = "results/smoke/data/array-seed0/train.npy", "results/smoke/small/tables/data.csv"
ALL = {"generate": 1, "table": 1}
A_DAY = 86_400


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with one data set and the table of its facts, made."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    (folder / "small.yaml").write_text(STUDY.replace("low: {}, ", ""))
    code, said = snakemake(folder, "--cores", "1", TABLE)
    assert code == 0, said
    return folder


def planned(folder):
    """How many jobs of each rule a dry run plans for the table."""
    code, said = snakemake(folder, "-n", TABLE)
    assert code == 0, said
    return dict(Counter(re.findall(r"^rule (\w+):", said, re.MULTILINE)))


def date(path, when):
    os.utime(path, (when, when))


def test_results_of_a_clock_that_was_ahead_hide_no_change(project):
    """An hour ahead; then sources change, one now, and one as in a release that was unpacked with its old times."""
    source = project / "triangles/kinds/polygons.py"
    whole = source.read_bytes()
    for path in (project / "results").rglob("*"):
        date(path, time.time() + 3600)
    assert planned(project) == {}
    for when in (time.time(), 1e9):
        source.write_bytes(whole + b"\n# another word\n")
        date(source, when)
        assert planned(project) == ALL
    source.write_bytes(whole)
    date(source, 1e9)
    assert planned(project) == {}


def test_a_source_of_tomorrow_is_not_made_from_for_ever(project):
    for source in (project / "triangles").rglob("*.py"):
        date(source, time.time() + A_DAY)
    assert planned(project) == {}


@pytest.mark.parametrize(
    ("name", "harm", "jobs"),
    [(SET, "empty", ALL), (SET.replace("train.npy", "dataset.json"), "empty", ALL), (TABLE, "edited", {"table": 1})],
)
def test_the_same_command_makes_a_torn_output_again(name, harm, jobs, project):
    """Emptied as by a power cut, or edited under its old time; once it is made again, there is nothing to do."""
    path = project / name
    whole, times = path.read_bytes(), path.stat()
    path.write_bytes(b"" if harm == "empty" else whole[:-9] + b"edited" + whole[-3:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert planned(project) == jobs
    code, said = snakemake(project, "--cores", "1", TABLE)
    assert code == 0, said
    if path.suffix == ".npy":
        assert path.read_bytes() == whole
    assert planned(project) == {}
