"""A finished run whose files are other ones by now is told of, and a broken record before anything is trained again."""

import os
import shutil

import numpy as np
import pytest
from commands import FAST, SAMPLING, TRAINING, call, refusal

from diffusion.store.files import read_json, sha256, write_json

RUN = ["diffusion", "train", "set", "--out", "run", "--epochs", "8", *TRAINING]


def swapped(path):
    path.write_bytes(path.with_name("checkpoint.safetensors").read_bytes())


def torn(path):
    path.write_bytes(path.read_bytes()[:-40])


def piped(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("harm", [swapped, torn, piped])
@pytest.mark.parametrize("name", ["model.safetensors", "losses.csv"])
def test_a_finished_run_of_other_files_is_refused_and_made_again_on_demand(harm, name, tiny):
    made = {one: sha256(tiny / "run" / one) for one in ("model.safetensors", "run.json")}
    assert "already holds this run" in call(*RUN, folder=tiny)[1]
    harm(tiny / "run" / name)
    code, said = call(*RUN, folder=tiny)
    assert code == 2
    assert f"run holds this run, but another {name} than was made" in refusal(said)
    code, said = call(*RUN, "--replace", folder=tiny)
    assert code == 0, said
    assert sha256(tiny / "run/model.safetensors") == made["model.safetensors"]
    assert "already holds this run" in call(*RUN, folder=tiny)[1]


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x02" + bytes(7) + b"{}"])
def test_a_run_without_a_model_beside_a_broken_checkpoint_is_refused_in_one_line(content, tiny):
    (tiny / "run/model.safetensors").unlink()
    (tiny / "run/checkpoint.safetensors").write_bytes(content)
    for words in (["sample", "run", *SAMPLING], ["likelihood", "run", "set"]):
        code, said = call("diffusion", *words, folder=tiny)
        assert code == 2
        assert "run is not trained to its end: run holds nothing yet; train on first" in refusal(said)


def test_remaking_passes_over_what_is_not_ours_and_refuses_a_broken_record_first(tiny):
    np.save(tiny / "run/notes.npy", np.zeros(3))
    (tiny / "run/notes.json").write_text("5")
    assert call("diffusion", "likelihood", "run", "set", "--draws", "1", *FAST, folder=tiny)[0] == 0
    code, said = call("diffusion", "remake", "run", "set", folder=tiny)
    assert code == 0, said
    assert said.count("same bytes") == 4
    record = read_json(tiny / "run/samples.json")
    for harm in ("without its time", "a dead link"):
        (tiny / "run/samples.json").unlink()
        if harm == "a dead link":
            (tiny / "run/samples.json").symlink_to("nowhere")
        else:
            write_json(tiny / "run/samples.json", {k: v for k, v in record.items() if k != "seconds_per_image"})
        code, said = call("diffusion", "remake", "run", "set", folder=tiny)
        assert code == 2
        assert "samples.json" in refusal(said)
        assert "epoch" not in said


@pytest.mark.parametrize("minutes", ["nan", "inf", "0", "-1"])
def test_minutes_are_a_number_above_zero(minutes, tiny):
    shutil.rmtree(tiny / "run")
    code, said = call(*RUN, "--minutes", minutes, folder=tiny)
    assert code == 2
    assert "--minutes" in refusal(said)
    assert not (tiny / "run").exists()


@pytest.mark.parametrize(
    "words",
    [("diffusion", "train", "set", "--out", ""), ("triangles", "generate", "--out", ""), ("diffusion", "show", "")],
)
def test_an_empty_path_is_not_the_folder_at_hand(words, tiny):
    before = sorted(tiny.iterdir())
    code, said = call(*words, folder=tiny)
    assert code == 2
    assert "the path is empty" in refusal(said, words[0])
    assert sorted(path for path in tiny.iterdir() if ".log" not in path.name) == [
        p for p in before if ".log" not in p.name
    ]
