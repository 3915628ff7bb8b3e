"""Folders and files whose names are no UTF-8, by hand: they are read, written and listed as any other, or refused."""

import os

import pytest
from commands import SAMPLING, TRAINING, call, refusal

pytestmark = pytest.mark.faults

BYTES = os.fsdecode(b"caf\xe9")


def test_folders_of_any_name_are_taken_by_hand(tmp_path):
    sizes = ["--size", "8", "--count", "40", "--test-count", "8", "--workers", "1"]
    for words in (
        ["triangles", "generate", *sizes, "--out", BYTES],
        ["triangles", "show", BYTES],
        ["triangles", "check", BYTES],
        ["diffusion", "train", BYTES, "--out", f"run-{BYTES}", "--epochs", "1", *TRAINING],
        ["diffusion", "sample", f"run-{BYTES}", *SAMPLING],
        ["diffusion", "show", f"run-{BYTES}"],
    ):
        code, said = call(*words, folder=tmp_path)
        assert code == 0, said
    assert (tmp_path / f"run-{BYTES}/samples-sheet.png").exists()


def test_files_of_any_name_beside_ours_are_left_alone(tiny):
    for folder in ("set", "run"):
        (tiny / folder / BYTES).write_text("mine")
    assert call("triangles", "check", "set", folder=tiny)[0] == 0
    assert call("diffusion", "show", "run", folder=tiny)[0] == 0
    code, said = call("diffusion", "sample", "run", *SAMPLING, "--name", BYTES, folder=tiny)
    assert code == 2
    assert r"name 'caf\udce9': give letters" in refusal(said)
    assert (tiny / "run" / BYTES).read_text() == "mine"
