"""Disks that fill up, folders that vanish, numbers that blow up: one line, and the earlier files whole."""

import os
import re
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from commands import FAST, SAMPLING, TRAINING, Started, call, fill, refusal
from project import ROOT, environment
from safetensors.torch import save_file
from stops import RUN_FILES, weights

from diffusion.checkpoints import read_tensors
from diffusion.store.files import read_json, replacing, sha256, write_json
from studies.measures.results import read_frames, read_losses, read_samples

pytestmark = pytest.mark.faults

LONG = ["--epochs", "10000", *TRAINING]
OTHER = ["triangles", "generate", "--size", "8", "--count", "192", "--seed", "9", "--workers", "1"]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_disk_that_is_full_when_training_keeps_the_last_epoch(tiny, disk):
    words = ["diffusion", "train", tiny / "set", "--out", disk / "run"]
    command = Started(*words, *LONG, folder=tiny).after((disk / "run/checkpoint.safetensors").exists)
    command.send(signal.SIGSTOP)
    fill(disk, leave=8192)
    code, said = command.send(signal.SIGCONT).ended()
    assert code == 2
    assert re.search(r"checkpoint\.safetensors: No space left on device: check .*the space left", refusal(said))
    left = sorted(p.name for p in (disk / "run").iterdir())
    assert left == [".files.json", ".lock", "checkpoint.safetensors", "started.json"]
    (disk / "filler").unlink()
    goes_on = Started(*words, *LONG, folder=tiny)
    goes_on.after(lambda: "training" in goes_on.log.read_text())
    assert re.search(r"epoch (?!1 )\d+ of", goes_on.send(signal.SIGTERM).ended()[1])


@pytest.mark.parametrize(("leave", "file"), [(0, "samples-frames.npy"), (24576, "samples.npy")])
def test_a_disk_that_is_full_when_sampling_keeps_the_earlier_samples(leave, file, tiny, disk):
    """Full at the head of an array or in the middle of it: frames of 1.6 kB, images of 25.6 kB."""
    run = shutil.copytree(tiny / "run", disk / "run")
    before = contents(run)
    fill(disk, leave)
    code, said = call("diffusion", "sample", run, *SAMPLING, "--count", "100", "--seed", "1", folder=tiny)
    assert code == 2
    assert f"error: {run}/{file}: No space left on device: check the path" in refusal(said)
    assert contents(run) == before


def test_a_disk_that_is_full_when_bounding_keeps_the_earlier_bound(tiny, disk):
    """There is room for the new pairs, and not for the curve."""
    run = shutil.copytree(tiny / "run", disk / "run")
    bound = ["diffusion", "likelihood", run, "set", "--threads", "1"]
    assert call(*bound, folder=tiny)[0] == 0
    before = contents(run)
    fill(disk, leave=12288)
    code, said = call(*bound, "--seed", "1", folder=tiny)
    assert code == 2
    assert f"error: {run}/likelihood.csv: No space left on device: check the path" in refusal(said)
    assert contents(run) == before


def test_a_read_only_disk_is_refused_by_name(tiny, disk):
    run = shutil.copytree(tiny / "run", disk / "run")
    before = contents(run)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for words in (["train", tiny / "set", "--out", disk / "new", *TRAINING], ["sample", run, *SAMPLING]):
        code, said = call("diffusion", *words, folder=tiny)
        assert code == 2
        assert re.search(r"disk/\S+: Read-only file system", refusal(said))
    assert contents(run) == before
    assert not (disk / "new").exists()


def test_a_folder_that_vanishes_is_not_made_anew(tiny):
    command = Started("diffusion", "train", "set", "--out", "gone", *LONG, folder=tiny)
    command.after((tiny / "gone/checkpoint.safetensors").exists).send(signal.SIGSTOP)
    shutil.rmtree(tiny / "gone")
    code, said = command.send(signal.SIGCONT).ended()
    assert code == 2
    assert "gone vanished while it was written" in refusal(said)
    assert not (tiny / "gone").exists()


def test_a_full_disk_is_named_by_the_file_that_was_meant(tmp_path):
    def write():
        with replacing(tmp_path / "whole.csv") as partial:
            partial.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"No space.*whole\.csv"):
        write()
    assert list(tmp_path.iterdir()) == []


def poison(path, part=""):
    """Put a value that is not a number among the weights of that part of a checkpoint or model."""
    tensors, metadata = read_tensors(path)
    name = next(name for name, value in tensors.items() if name.startswith(part) and value.ndim == 4)
    tensors[name].view(-1)[0] = torch.nan
    save_file(tensors, path, metadata)


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("network.", r"the loss was nan at epoch 9, step 1"),
        ("averaged.", r"the test loss was nan after epoch 9, step 12"),
    ],
)
def test_weights_that_are_no_numbers_stop_training(part, found, tiny):
    record = read_json(tiny / "run/run.json")
    record["settings"]["epochs"] = 9
    write_json(tiny / "run/started.json", record)
    (tiny / "run/run.json").unlink()
    poison(tiny / "run/checkpoint.safetensors", part)
    before = sha256(tiny / "run/checkpoint.safetensors")
    code, said = call("diffusion", "train", "set", "--out", "run", "--epochs", "9", *TRAINING, folder=tiny)
    assert code == 1
    assert re.search(rf"{found}; run/checkpoint\S+ holds epoch 8; lower --learning-rate$", refusal(said))
    assert sha256(tiny / "run/checkpoint.safetensors") == before


def test_weights_that_are_no_numbers_draw_nothing(tiny):
    poison(tiny / "run/model.safetensors")
    before = contents(tiny / "run")
    code, said = call("diffusion", "sample", "run", *SAMPLING, folder=tiny)
    assert code == 2
    assert "holds weights that are not finite" in refusal(said)
    assert contents(tiny / "run") == before


@pytest.mark.parametrize(
    ("widths", "reason"),
    [
        ("2048,4096", r": .+ GiB are free: lower --widths,"),
        ("256,512", r" \(.+\): lower --batch-size, --widths or --count"),
    ],
)
def test_too_little_memory_names_what_to_lower(widths, reason, tiny):
    words = ["diffusion", "train", "set", "--out", "large", "--widths", widths, "--batch-size", "64", *FAST]
    code, said = call(*words, folder=tiny, memory=300_000_000)
    assert code == 1
    assert re.search(f"out of memory{reason}", refusal(said))
    assert not (tiny / "large/checkpoint.safetensors").exists()


def test_a_data_file_edited_by_hand_is_noticed(tiny):
    images = np.load(tiny / "set/train.npy")
    images[3, 4, 4] ^= 255
    np.save(tiny / "set/train.npy", images)
    before = contents(tiny / "run")
    for words in (["train", "set", "--out", "run", "--epochs", "8"], ["train", "set", "--out", "new"]):
        code, said = call("diffusion", *words, *TRAINING, folder=tiny)
        assert code == 2
        assert "train.npy was changed after it was made (its sha256 differs from dataset.json)" in refusal(said)
    assert contents(tiny / "run") == before
    assert not (tiny / "new").exists()


def test_a_model_edited_by_hand_is_noticed(tiny):
    path = tiny / "run/model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    code, said = call("diffusion", "sample", "run", *SAMPLING, folder=tiny)
    assert code == 2
    assert "model.safetensors was changed after it was made" in refusal(said)


@pytest.mark.parametrize(
    ("name", "read"), [("samples.npy", read_samples), ("samples-frames.npy", read_frames), ("losses.csv", read_losses)]
)
def test_what_is_shown_was_not_edited_by_hand(name, read, tiny):
    run, path = SimpleNamespace(folder=tiny / "run", samples_file=tiny / "run/samples.npy"), tiny / "run" / name
    read(run)
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"{name} was changed after it was made"):
        read(run)


def test_another_run_in_the_folder_is_told_by_what_differs(tiny):
    train = ["diffusion", "train", "set", "--out", "run", "--epochs", "8", *TRAINING]
    before = contents(tiny / "run")
    code, said = call(*train, "--seed", "7", folder=tiny)
    assert (code, "holds a run of other settings, --seed 0: " in refusal(said)) == (2, True)
    other = ["triangles", "generate", "--size", "8", "--count", "192", "--test-count", "16", "--workers", "1"]
    assert call(*other, "--seed", "5", "--out", "other", folder=tiny)[0] == 0
    code, said = call("diffusion", "train", "other", *train[3:], folder=tiny)
    assert (code, "holds a run of other data: " in refusal(said)) == (2, True)
    record = (tiny / "run/run.json").read_text()
    edited(tiny / "run/run.json", sources="0")
    code, said = call(*train, folder=tiny)
    assert (code, "holds a run of other sources: " in refusal(said)) == (2, True)
    (tiny / "run/run.json").write_text(record)
    assert contents(tiny / "run") == before
    bound = ["bound.csv", "bound.json", "bound.npy"]
    assert call("diffusion", "likelihood", "run", "set", "--draws", "1", "--name", "bound", folder=tiny)[0] == 0
    assert set(bound) <= {p.name for p in (tiny / "run").iterdir()}
    (tiny / "run/notes.csv").write_text("mine")
    assert call(*train, "--seed", "7", "--replace", folder=tiny)[0] == 0
    left = sorted(p.name for p in (tiny / "run").iterdir())
    assert left == sorted([*RUN_FILES, "notes.csv"]), "what was made from the replaced model is still there"


def test_a_broken_checkpoint_is_refused_and_with_replace_dropped(tiny):
    train = ["diffusion", "train", "set", "--out", "run", "--epochs", "8", *TRAINING]
    (tiny / "run/run.json").rename(tiny / "run/started.json")
    (tiny / "run/checkpoint.safetensors").write_bytes(b"not whole")
    before = weights(tiny / "run/model.safetensors")
    code, said = call(*train, folder=tiny)
    assert (code, "is not a whole safetensors file" in refusal(said)) == (2, True)
    assert call(*train, "--replace", folder=tiny)[0] == 0
    assert weights(tiny / "run/model.safetensors") == before


def test_a_run_that_was_killed_after_its_last_epoch_trains_no_more(tiny):
    (tiny / "run/run.json").rename(tiny / "run/started.json")
    before = weights(tiny / "run/model.safetensors")
    code, said = call("diffusion", "train", "set", "--out", "run", "--epochs", "8", *TRAINING, folder=tiny)
    assert code == 0
    assert "done already with epoch 8 of 8" in said
    assert "epoch 9" not in said
    assert weights(tiny / "run/model.safetensors") == before


def test_an_extension_needs_a_shorter_run_of_the_same_course(tiny):
    extend = ["diffusion", "train", "set", "--out", "new", "--start-from", "run", *TRAINING]
    code, said = call(*extend, "--epochs", "4", folder=tiny)
    assert (code, "is at epoch 8, past the 4 asked for" in refusal(said)) == (2, True)
    code, said = call(*extend, "--epochs", "12", "--seed", "3", folder=tiny)
    assert (code, "belongs to a run with other settings" in refusal(said)) == (2, True)
    assert call(*OTHER, "--out", "other", folder=tiny)[0] == 0
    code, said = call("diffusion", "train", "other", *extend[3:], "--epochs", "12", folder=tiny)
    assert (code, "was trained on other images" in refusal(said)) == (2, True)


def test_the_same_run_remade_from_its_record_has_the_same_bytes(tiny):
    start = ["diffusion", "sample", "run", *SAMPLING, "--noised", "set"]
    fresh = ["--renormed", "set", "--seed", "3"]
    assert call(*start, "--name", "noised", folder=tiny)[0] == 0
    assert call(*start, "--name", "halfway", "--from-abar", "0.5", *fresh, folder=tiny)[0] == 0
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert code == 0, said
    assert len(re.findall("same bytes", said)) == 8
    samples = np.load(tiny / "run/samples.npy")
    np.save(tiny / "run/samples.npy", samples + np.float32(0.25))
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert (code, said.count("same bytes")) == (1, 7)
    assert "samples.npy: differs by up to 0.25" in said
    assert call("diffusion", "remake", "run", "nowhere", folder=tiny)[0] == 2
    assert call(*OTHER, "--out", "other", folder=tiny)[0] == 0
    code, said = call("diffusion", "remake", "run", "other", folder=tiny)
    assert (code, "holds other images" in refusal(said)) == (2, True)


def edited(path, **changes):
    """Write a JSON record with other entries; None takes one away."""
    record = read_json(path) | changes
    write_json(path, {key: value for key, value in record.items() if value is not None})


EDITS = {"no device": {"device": None}, "count": {"count": "many"}, "sampler": {"sampler": "magic"}}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_records_of_samples_are_not_remade(edit, tiny):
    edited(tiny / "run/samples.json", **EDITS[edit])
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert code == 2
    assert "run/samples.json does not say what it takes to make it again (" in refusal(said)


def test_edited_losses_are_not_compared(tiny):
    table = pd.read_csv(tiny / "run/losses.csv")
    table.drop(columns="test_seconds").to_csv(tiny / "run/losses.csv", index=False)
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert (code, "losses.csv was changed after it was made" in refusal(said)) == (2, True)
    edited(tiny / "run/run.json", files=None)  # as none of its digests is known, there is the file alone to go by
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert (code, "run/losses.csv does not say what it takes" in refusal(said)) == (2, True)


@pytest.mark.parametrize("program", ["diffusion", "triangles"])
def test_a_full_disk_is_told_on_the_terminal_where_the_log_is_full_too(program, tiny, disk):
    run = shutil.copytree(tiny / "run", disk / "run")
    generate = ["generate", "--count", "5000", "--test-count", "9", "--workers", "1", "--out", disk / "set"]
    words = {"diffusion": ["sample", run, *SAMPLING, "--count", "100"], "triangles": generate}[program]
    read, write = os.pipe()
    with (disk / "log").open("wb") as log:
        fill(disk, 0)
        script = f"from {program}.__main__ import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, words)], cwd=tiny, stdout=log, stderr=log, check=False,
            pass_fds=[write], env=environment(ROOT) | {"SAY_ON": str(write)},
        )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as terminal:
        (line,) = terminal.read().splitlines()
    assert done.returncode == 2
    assert line.startswith(f"{program}: error: ")
    assert "No space left on device" in line
