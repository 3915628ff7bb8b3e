"""Samples and bounds share a run's folder: neither takes the other's files, whatever they are called."""

import pytest
from commands import SAMPLING, call, refusal

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
