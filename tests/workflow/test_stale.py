"""What is made again after a change: exactly what depends on it, as a table of change -> jobs from `snakemake -n`."""

import os
import re
from collections import Counter

import pytest
from project import STUDY, copy_project, snakemake

pytestmark = pytest.mark.faults

OTHER_SAMPLES = """\
resampled:
  noised: {cells: {data: [array], model: [linear]}, noised: true}
  halfway: {cells: {data: [array], model: [linear]}, noised: true, from_abar: 0.5}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose files are all there and, by Snakemake's records, up to date; empty, for none is read."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    assert "loss]" in STUDY
    (folder / "small.yaml").write_text(STUDY.replace("loss]", "loss, other-samples]") + OTHER_SAMPLES)
    code, said = snakemake(folder, "--summary")
    assert code == 0, said
    rows = [line.split("\t") for line in said.splitlines() if line.count("\t") >= 5]
    for row in rows[1:]:
        (folder / row[0]).parent.mkdir(parents=True, exist_ok=True)
        (folder / row[0]).touch()
    code, said = snakemake(folder, "--cores", "1", "--touch", "--forceall")
    assert code == 0, said
    return folder


def jobs(folder):
    """How many jobs of each rule a dry run plans."""
    code, said = snakemake(folder, "-n")
    assert code == 0, said
    return dict(Counter(rule for rule in re.findall(r"^rule (\w+):", said, re.MULTILINE) if rule != "all"))


def replaced(old, new):
    def change(path):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def commented(path):
    path.write_text(path.read_text() + "\n# another word\n")


RESAMPLED = {"sample": 4, "resample": 2, "figure": 1, "report": 1}
RETRAINED = {"train": 4, "sample": 4, "resample": 2, "figure": 2, "table": 1, "report": 1}
CHANGES = {
    "a comment in plotting code": ("studies/report/figures/curves/epochs.py", commented, {"figure": 1, "report": 1}),
    "a setting of training": ("studies/scales.yaml", replaced("epochs: 6", "epochs: 7"), RETRAINED),
    "a setting of sampling": ("studies/scales.yaml", replaced("steps: 100", "steps: 90"), RESAMPLED),
    "a setting of the data": (
        "studies/scales.yaml", replaced("count: 256", "count: 255"),
        {"generate": 2, "train": 4, "sample": 4, "resample": 2, "figure": 2, "table": 2, "report": 1},
    ),
    "how triangles are drawn": (
        "triangles/kinds/polygons.py", commented,
        {"generate": 2, "train": 4, "sample": 4, "resample": 2, "figure": 2, "table": 2, "report": 1},
    ),
    "the network's source": ("diffusion/networks/thesis_unet.py", commented, RETRAINED),
    "the schedules' formulas": ("diffusion/schedules.py", commented, RETRAINED | {"figure": 3}),
    "the samplers' source": ("diffusion/denoising/sampling.py", commented, RESAMPLED),
    "the source of starting halfway": (
        "diffusion/denoising/partial.py", commented, {"resample": 1, "figure": 1, "report": 1}
    ),
    "a source that shapes no result": ("diffusion/runs.py", commented, {}),
    "a data file edited by hand": (
        "results/smoke/data/low-seed0/train.npy", commented,
        {"train": 2, "sample": 2, "figure": 1, "table": 2, "report": 1},
    ),
    "a study's cells": (
        "small.yaml", replaced("cosine: {}}", "cosine: {}, wave: {}}"),
        {"train": 2, "sample": 2, "figure": 3, "table": 2, "report": 1},
    ),
    "a study's words": ("small.yaml", replaced("Does the", "Will the"), {"report": 1}),
    "a source that plotting code imports": ("studies/report/palette.py", commented, {"figure": 3, "report": 1}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_what_depends_on_a_change_is_made_again(change, project):
    file, apply, expected = CHANGES[change]
    path = project / file
    before, times = path.read_bytes(), path.stat()
    try:
        apply(path)
        assert jobs(project) == expected
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
