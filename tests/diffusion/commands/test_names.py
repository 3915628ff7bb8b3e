"""Samples, sheets and bounds share a run's folder: none takes another's files, whatever they are called."""

import pytest
from commands import FAST, SAMPLING, call, refusal

SAMPLE, BOUND = ["sample", "run", *SAMPLING], ["likelihood", "run", "set", "--draws", "1", "--threads", "1"]


@pytest.mark.parametrize(("first", "second"), [(SAMPLE, BOUND), (BOUND, SAMPLE)], ids=["samples first", "bound first"])
def test_a_name_is_of_samples_or_of_a_bound(first, second, tiny):
    assert call("diffusion", *first, "--name", "fresh", folder=tiny)[0] == 0
    before = {path.name: path.read_bytes() for path in (tiny / "run").iterdir()}
    code, said = call("diffusion", *second, "--name", "fresh", folder=tiny)
    assert code == 2
    assert "run/fresh" in refusal(said)
    assert {path.name: path.read_bytes() for path in (tiny / "run").iterdir()} == before
    assert call("diffusion", *first, "--name", "fresh", folder=tiny)[0] == 0


def test_a_family_without_paths_keeps_its_samples_from_bounds_and_sheets_too(tiny):
    small = ["--width", "4", "--latent", "2", "--epochs", "1", "--batch-size", "16", *FAST]
    assert call("diffusion", "train", "set", "--family", "vae", *small, "--out", "vae", folder=tiny)[0] == 0
    assert call("diffusion", "sample", "vae", "--count", "2", "--name", "fresh", *FAST, folder=tiny)[0] == 0
    before = {path.name: path.read_bytes() for path in (tiny / "vae").iterdir()}
    for words in (["likelihood", "vae", "set", "--name", "fresh"], ["sample", "vae", "--name", "fresh-sheet"]):
        code, said = call("diffusion", *words, *FAST, folder=tiny)
        assert code == 2
        assert "fresh" in refusal(said)
    assert {path.name: path.read_bytes() for path in (tiny / "vae").iterdir()} == before
