"""When a training is saved, what a stop and a time limit leave, and that going on gives the undisturbed bytes."""

import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import TRAINING, call
from stops import weights

from diffusion.checkpoints import read_tensors, restore, saved_progress, tensors_of, write_tensors
from diffusion.commands.estimating import estimate
from diffusion.devices import choose
from diffusion.runs import train_in
from diffusion.saving import Saver
from diffusion.settings import TrainSettings
from diffusion.store.locks import locked
from diffusion.training import Trainer

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 1, 8, 8), dtype=np.uint8)
IDENTITY = {"settings": {}, "data": {}, "sources": ""}


def trainer(**more):
    settings = TrainSettings(**{"widths": (4, 8), "epochs": 3, "batch_size": 16, "precision": "float32"} | more)
    return Trainer(settings, IMAGES, IMAGES[:8], choose("cpu", "float32"))


@pytest.fixture
def folder(tmp_path):
    with locked(tmp_path):
        yield tmp_path


def test_a_state_is_saved_by_time_and_an_epochs_end_only_where_it_is_cheap(folder, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("diffusion.saving.time.monotonic", lambda: now[0])
    with Saver(trainer(), folder, IDENTITY) as saver:
        written = []
        monkeypatch.setattr("diffusion.saving.write_tensors", lambda path, *state, **how: written.append(now[0]))
        for seconds, ended in [(1, saver.step_ended), (2, saver.epoch_ended), (49, saver.step_ended)]:
            now[0] = seconds
            ended()
            saver.join()
        assert written == [2]  # nothing was known yet of what a save costs, and then 47 s were to be lost
        saver._cost = 1.0
        for seconds in (51, 53, 103):  # 2% of 49 s is less than the 1 s that a save takes, and 50 s are lost at most
            now[0] = seconds
            saver.epoch_ended()
            saver.join()
        assert written == [2, 53, 103]


def test_what_is_written_is_the_state_as_it_was_when_saved(folder):
    ours = trainer()
    next(steps := ours.epochs())
    with Saver(ours, folder, IDENTITY) as saver:
        before = {name: value.clone() for name, value in tensors_of(ours).items()}
        saver.save()
        next(steps)  # training goes on while a thread writes
    found = read_tensors(folder / "checkpoint.safetensors")[0]
    assert found.keys() == before.keys()
    assert all(torch.equal(found[name], before[name]) for name in before)


def test_a_state_that_has_diverged_takes_no_good_ones_place(folder):
    ours = trainer()
    with Saver(ours, folder, IDENTITY) as saver:
        saver.save()
        saver.join()
        good = (folder / "checkpoint.safetensors").read_bytes()
        with torch.no_grad():
            next(ours.network.parameters()).fill_(torch.nan)
        saver.save()
    assert (folder / "checkpoint.safetensors").read_bytes() == good


def test_a_file_for_which_memory_is_short_is_told_as_such(tmp_path):
    tensors = {"weight": torch.zeros(2**25)}  # 128 MiB, of which the library makes two copies
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (taken + 2**27, before[1]))
        with pytest.raises(MemoryError):
            write_tensors(tmp_path / "file", tensors, {})
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert not any(tmp_path.iterdir())


def test_a_state_that_cannot_be_written_ends_the_training(folder):
    saver = Saver(trainer(), folder, IDENTITY)
    shutil.rmtree(folder)
    saver.save()
    with pytest.raises(FileNotFoundError, match="vanished"):
        saver.join()


def test_each_step_may_be_the_last_of_a_time_limit_and_the_whole_gives_the_same_bytes(folder):
    whole = trainer()
    list(whole.epochs())
    for part in range(50):
        ours = trainer()
        if part:
            restore(ours, folder / "checkpoint.safetensors")
        if train_in(folder, ours, IDENTITY, lambda record: None, until=time.monotonic() - 1):
            break
    # an epoch has four steps and a test batch, after which the time is looked at
    assert part > 9
    assert {k: v.numpy().tobytes() for k, v in tensors_of(ours).items()} == {
        k: v.numpy().tobytes() for k, v in tensors_of(whole).items()
    }
    assert [(r.train_mean, r.test_mean) for r in ours.records] == [(r.train_mean, r.test_mean) for r in whole.records]


def test_minutes_end_saved_with_code_0_and_the_same_command_goes_on(undisturbed, tmp_path):
    words = ["train", undisturbed / "set", "--out", "run", "--epochs", "8", *TRAINING]
    code, said = call("diffusion", *words, "--minutes", "1e-9", folder=tmp_path)
    assert (code, "the 1e-09 minutes are over: run/checkpoint.safetensors holds 1 step of epoch 1" in said) == (0, True)
    assert said.strip().endswith("the same command goes on")
    assert saved_progress(tmp_path / "run/checkpoint.safetensors") == (0, 1)
    assert not (tmp_path / "run/run.json").exists()
    code, said = call("diffusion", *words, folder=tmp_path)
    assert code == 0, said
    assert weights(tmp_path / "run/model.safetensors") == weights(undisturbed / "run/model.safetensors")


def test_an_estimate_is_what_the_run_takes(tmp_path):
    """Within a factor, for both are measured; what it leaves on the disk is exact but for the headers."""
    for tries_left in (4, 3, 2, 1, 0):  # other work may come or go between the two
        ours, start = trainer(epochs=40, widths=(8, 16, 32)), time.perf_counter()
        list(ours.epochs())
        taken = time.perf_counter() - start
        found = estimate(trainer(epochs=40, widths=(8, 16, 32)))
        if found.seconds == pytest.approx(taken, rel=0.7):
            break
        assert tries_left, f"estimated {found.seconds:.1f} s, taken {taken:.1f} s"
    state = sum(value.nbytes for value in tensors_of(ours).values())
    assert state < found.disk < 1.6 * state


def test_an_estimate_needs_no_folder_and_leaves_none(undisturbed, tmp_path):
    code, said = call("diffusion", "train", undisturbed / "set", *TRAINING, "--estimate", folder=tmp_path)
    assert code == 0
    assert "the whole run on CPU, 1 thread: about" in said
    assert not any(path.suffix for path in tmp_path.iterdir() if not path.name.startswith("."))
    code, said = call("diffusion", "train", undisturbed / "set", *TRAINING, folder=tmp_path)
    assert (code, "Missing option '--out'" in said) == (2, True)
