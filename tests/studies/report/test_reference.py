"""The committed outcomes are all there, as they were collected."""

from pathlib import Path

import pytest

from diffusion.store.files import read_json, sha256

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
MANIFESTS = sorted([*REFERENCE.rglob("manifest.json"), *REFERENCE.rglob("files.json")])  # of studies, and of raw runs


def test_every_scale_and_study_that_was_collected_has_its_manifest():
    assert {str(path.parent.relative_to(REFERENCE)) for path in MANIFESTS} >= {"laptop", "laptop/longer", "overnight"}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.parent.relative_to(REFERENCE)))
def test_every_file_of_a_manifest_is_there_unchanged(path):
    listed, folder = read_json(path)["files"], path.parent
    found = {name: sha256(folder / name) if (folder / name).exists() else None for name in listed}
    assert found == listed


def test_no_other_file_stands_beside_them():
    listed = {path.parent / name for path in MANIFESTS for name in read_json(path)["files"]}
    assert set(REFERENCE.rglob("*.*")) - listed - set(MANIFESTS) == {
        path for path in REFERENCE.rglob("*.*") if path.is_dir()
    }
