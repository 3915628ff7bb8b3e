"""A writer knows that the folder is still its own, and a checkpoint whose it is."""

import json
import shutil
import signal

import pytest
from commands import TRAINING, Started, call, refusal
from stops import weights

from diffusion.checkpoints import read_tensors
from diffusion.store.files import read_json
from diffusion.store.locks import locked, saving

pytestmark = pytest.mark.faults

SET = ["triangles", "generate", "--size", "8", "--count", "192", "--test-count", "16", "--workers", "1"]
LONG = ["--epochs", "4000", *TRAINING]


@pytest.mark.parametrize("seed", ["0", "5"])
def test_a_writer_whose_folder_was_replaced_writes_nothing_more(seed, tiny):
    """Two trainings of one folder's name, one after the other; with equal settings, and with another seed."""
    assert call(*SET, "--seed", "5", "--out", "other", folder=tiny)[0] == 0
    checkpoint = tiny / "mine/checkpoint.safetensors"
    first = Started("diffusion", "train", "set", "--out", "mine", *LONG, folder=tiny).after(checkpoint.exists)
    first.send(signal.SIGSTOP)
    shutil.rmtree(tiny / "mine")
    words = ["diffusion", "train", "other", "--out", "mine", *LONG, "--seed", seed]
    second = Started(*words, folder=tiny).after(checkpoint.exists)
    second.send(signal.SIGSTOP)
    before = {path.name: path.read_bytes() for path in (tiny / "mine").iterdir()}
    code, said = first.send(signal.SIGCONT).ended()  # it saves within a minute
    assert code == 2
    assert "mine was replaced while it was written" in refusal(said)
    assert {path.name: path.read_bytes() for path in (tiny / "mine").iterdir()} == before
    second.send(signal.SIGKILL).ended()
    told = json.loads(read_tensors(checkpoint)[1]["identity"])
    assert told["data"] == read_json(tiny / "mine/started.json")["data"]
    assert told["settings"]["seed"] == int(seed)


def test_a_checkpoint_of_other_images_is_not_gone_on_from(tiny):
    """A's checkpoint in B's folder, all else of B: refused, and with --replace B is what it is undisturbed."""
    assert call(*SET, "--seed", "5", "--out", "other", folder=tiny)[0] == 0
    train = ["diffusion", "train", "other", "--epochs", "2", *TRAINING]
    assert call(*train, "--out", "undisturbed", folder=tiny)[0] == 0
    shutil.copytree(tiny / "undisturbed", tiny / "mine")
    (tiny / "mine/run.json").rename(tiny / "mine/started.json")
    short = ["diffusion", "train", "set", "--out", "short", "--epochs", "1", *TRAINING]
    assert call(*short, folder=tiny)[0] == 0
    shutil.copy(tiny / "short/checkpoint.safetensors", tiny / "mine/checkpoint.safetensors")
    code, said = call(*train, "--out", "mine", folder=tiny)
    assert (code, "belongs to a run with other data" in refusal(said)) == (2, True)
    assert call(*train, "--out", "mine", "--replace", folder=tiny)[0] == 0
    assert weights(tiny / "mine/model.safetensors") == weights(tiny / "undisturbed/model.safetensors")


def test_a_folder_is_locked_by_inode_and_not_by_name(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(ValueError, match="is not locked"), saving(folder):
        pass
    with locked(folder):
        with saving(folder), locked(folder):
            pass
        shutil.rmtree(folder)
        with pytest.raises(FileNotFoundError, match="vanished"), saving(folder):
            pass
        folder.mkdir()
        (folder / ".lock").touch()
        with pytest.raises(ValueError, match="was replaced while it was written"), saving(folder):
            pass
