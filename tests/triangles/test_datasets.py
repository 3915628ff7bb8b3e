"""Data sets: the same triangles everywhere, equal bytes for equal settings, no half sets, faults noticed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE, wait_until
from PIL import Image

from triangles import datasets
from triangles.checking import verify
from triangles.datasets import facts, read_dataset, resolve, write_dataset
from triangles.rendering import draw_parameters
from triangles.storage.files import digest

SMALL = {"count": 40, "test_count": 12}
COMMAND = [sys.executable, "-c", "from triangles.cli import main; main()"]
SLOW = ["generate", "--preparation", "high", "--count", "60000", "--workers", "2", "--out", "made"]  # half a minute


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A whole small array set, to be copied before anything is done to it."""
    folder = tmp_path_factory.mktemp("small") / "set"
    write_dataset(folder, resolve("array", **SMALL))
    return folder


def contents(folder):
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def arrays(folder):
    return {name: data for name, data in contents(folder).items() if name.endswith(".npy")}


def rewrite(folder, name, array):
    """Replace an array and its checksum, as someone who edits a set with care would."""
    np.save(folder / name, array)
    record = json.loads((folder / "dataset.json").read_text())
    record["files"][name] = digest(folder / name)
    record.pop("checksum", None)  # as in a record of an older version
    (folder / "dataset.json").write_text(json.dumps(record))


def test_every_preparation_has_the_same_triangles(tmp_path):
    sets = {}
    for name in ("low", "high", "array"):
        write_dataset(tmp_path / name, resolve(name, **SMALL))
        sets[name] = read_dataset(tmp_path / name)
        assert sets[name].train.shape == (40, 32, 32)
        assert sets[name].test.dtype == np.uint8
    for split in ("parameters_train", "parameters_test"):
        low, high, array = (getattr(sets[name], split) for name in ("low", "high", "array"))
        assert np.array_equal(low, high)
        assert np.array_equal(low, array)
    closeness = np.abs(sets["high"].train.astype(float) - sets["array"].train).mean()
    assert 0 < closeness < 15, "high and array show other triangles"
    assert facts(sets["array"].train)["gray"] == 0 < facts(sets["high"].train)["gray"] < 0.12


def test_streams_are_separate_and_the_seed_matters():
    train, test, other = (
        draw_parameters(resolve(seed=seed, **SMALL), split) for seed, split in ((0, "train"), (0, "test"), (1, "train"))
    )
    assert not np.isin(test, train).any()
    assert not np.isin(other, train).any()
    more = draw_parameters(resolve(seed=0, count=50, test_count=500), "train")
    assert np.array_equal(more[:40], train), "a longer set does not start with the shorter one"


def test_numbers_of_workers_and_image_files_do_not_change_the_arrays(tmp_path):
    settings = resolve("high", count=1100, test_count=300, size=16)
    write_dataset(tmp_path / "one", settings)
    write_dataset(tmp_path / "many", settings, workers=2)
    assert arrays(tmp_path / "one") == arrays(tmp_path / "many")
    low = resolve("low", **SMALL)
    write_dataset(tmp_path / "plain", low)
    write_dataset(tmp_path / "files", low, files=True)
    assert arrays(tmp_path / "plain") == arrays(tmp_path / "files")
    pictures = sorted((tmp_path / "files/files/train").iterdir())
    assert [p.name for p in pictures[:2]] == ["00000.jpg", "00001.jpg"]
    opened = np.stack([np.asarray(Image.open(p)) for p in pictures])
    assert np.array_equal(opened, read_dataset(tmp_path / "files").train)


def test_saved_arrays_are_what_numpy_saves(small, tmp_path):
    np.save(tmp_path / "again.npy", np.load(small / "train.npy"))
    assert digest(tmp_path / "again.npy") == digest(small / "train.npy")


def test_a_set_that_is_there_is_left_alone_and_another_one_refused(small, tmp_path):
    folder = Path(shutil.copytree(small, tmp_path / "set"))
    (folder / "notes.txt").write_text("mine")
    before, settings = contents(folder), resolve("array", **SMALL)
    assert not write_dataset(folder, settings)
    with pytest.raises(ValueError, match=r"differs in format, quality.*--replace"):
        write_dataset(folder, resolve("low", **SMALL))
    assert contents(folder) == before
    assert write_dataset(folder, resolve("low", **SMALL), replace=True)
    assert read_dataset(folder).settings.format == "jpeg"
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_damaged_or_unfinished_set_is_made_again_only_when_asked(small, tmp_path):
    folder = Path(shutil.copytree(small, tmp_path / "set"))
    settings = resolve("array", **SMALL)
    for harm in (lambda: (folder / "test.npy").unlink(), lambda: (folder / "dataset.json").unlink()):
        harm()
        before = contents(folder)
        with pytest.raises(ValueError, match="--replace"):
            write_dataset(folder, settings)
        assert contents(folder) == before
        assert write_dataset(folder, settings, replace=True)
        assert arrays(folder) == arrays(small)


def test_facts_count_what_they_say():
    images = np.zeros((4, 2, 2), np.uint8)
    images[0] = 255
    images[1] = [[8, 9], [246, 247]]
    images[2] = [[31, 32], [223, 224]]
    assert facts(images) == {
        "images": 4,
        "gray": 8 / 16,
        "clearly_gray": 6 / 16,
        "mid_gray": 2 / 16,
        "covered": pytest.approx((4 * 255 + 510 + 510) / 255 / 16),
        "empty": 1,
    }


def test_verify_accepts_each_preparation(tmp_path):
    for name in ("low", "high", "array"):
        write_dataset(tmp_path / name, resolve(name, count=150, test_count=40))
        found = [finding.what for finding in verify(tmp_path / name)]
        assert "train: mean area" in found
        assert "test: centre covered" in found


def test_verify_sees_through_consistent_checksums(small, tmp_path):
    """A changed pixel, other triangles, and both together: each with its checksum made to fit."""
    images, vertices = np.load(small / "train.npy"), np.load(small / "vertices_train.npy")
    pixel = images.copy()
    pixel[33, 5, 5] ^= 255
    for changes, message in [
        ({"train.npy": pixel}, "image 33 is not what its vertices give"),
        ({"vertices_train.npy": vertices[::-1]}, "not what its seed gives"),
        ({"train.npy": images[::-1], "vertices_train.npy": vertices[::-1]}, "not what its seed gives"),
    ]:
        folder = Path(shutil.copytree(small, tmp_path / "set"))
        for name, array in changes.items():
            rewrite(folder, name, np.ascontiguousarray(array))
        with pytest.raises(ValueError, match=message):
            verify(folder)
        shutil.rmtree(folder)


def _cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


WRONG = {
    "truncated": (lambda f: _cut(f / "train.npy", 20_000), "train.npy is no whole .npy array"),
    "empty": (lambda f: _cut(f / "train.npy", 0), "train.npy is no whole .npy array"),
    "longer": (lambda f: (f / "train.npy").open("ab").write(b"x"), "goes on after the end"),
    "missing": (lambda f: (f / "vertices_test.npy").unlink(), "vertices_test.npy"),
    "type": (lambda f: np.save(f / "train.npy", np.zeros((40, 32, 32))), "float64"),
    "shape": (lambda f: np.save(f / "train.npy", np.zeros((40, 32), np.uint8)), r"\(40, 32\)"),
    "edited": (lambda f: np.save(f / "train.npy", np.zeros((40, 32, 32), np.uint8)), "sha256 differs"),
    "pickle": (lambda f: np.save(f / "train.npy", np.array([{}]), allow_pickle=True), "no whole .npy array"),
    "nan": (lambda f: rewrite(f, "vertices_test.npy", np.full((12, 3, 2), np.nan)), "leaves the range 0..1"),
    "no record": (lambda f: (f / "dataset.json").unlink(), "dataset.json is missing"),
    "no json": (lambda f: _cut(f / "dataset.json", 50), "is no JSON"),
    "deep json": (lambda f: (f / "dataset.json").write_text("[" * 100_000), "is no JSON"),
    "other json": (lambda f: (f / "dataset.json").write_text("[1]"), "no JSON object"),
    "no settings": (lambda f: (f / "dataset.json").write_text("{}"), "lacks the settings"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_faulty_set_is_refused_by_name(small, tmp_path, fault):
    folder = Path(shutil.copytree(small, tmp_path / "set"))
    harm, message = WRONG[fault]
    harm(folder)
    with pytest.raises((ValueError, OSError), match=message):
        read_dataset(folder)


@pytest.mark.faults
def test_broken_bytes_never_pass_nor_break_the_reader(small, tmp_path):
    """300 random truncations, flipped bits and inserted bytes: ValueError or OSError each time."""
    rng = np.random.default_rng(0)
    whole, originals = Path(shutil.copytree(small, tmp_path / "set")), contents(small)
    names = ["dataset.json", "train.npy", "vertices_train.npy"]
    for i in range(300):
        name = names[i % 3]
        data = bytearray(originals[name])
        where = int(rng.integers(len(data) if i % 2 else 120))  # every other one within the header
        if i % 5 == 0:
            del data[where:]
        elif i % 5 == 1:
            data[where:where] = rng.bytes(1 + where % 50)
        else:
            data[where] ^= 1 << int(rng.integers(8))
        (whole / name).write_bytes(data)
        try:
            assert read_dataset(whole).settings == read_dataset(small).settings
            assert name == "dataset.json", f"a changed {name} was accepted"
        except (ValueError, OSError):
            pass
        (whole / name).write_bytes(originals[name])


def _start_slow(tmp_path):
    """A generation with two workers, once it is under way."""
    process = subprocess.Popen([*COMMAND, *SLOW], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True)
    wait_until(lambda: list(tmp_path.glob("made/.partial/train.npy")), lambda: process.poll() is None)
    time.sleep(0.4)
    assert process.poll() is None
    return process


def _group_is_gone(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.faults
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_killed_while_generating(tmp_path, number, code):
    """No half set is left, no worker lives on, and the next call makes the set as if nothing had been."""
    process = _start_slow(tmp_path)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal sends Ctrl-C to the workers too
    else:
        process.send_signal(number)
    errors = process.communicate(timeout=PATIENCE)[1].decode()
    assert process.returncode == code
    assert "Traceback" not in errors
    wait_until(lambda: _group_is_gone(process.pid))
    assert [p.name for p in tmp_path.glob("made/*")] in ([], [".partial"])
    if number != signal.SIGKILL:
        assert re.search(r"triangles: .*: nothing is written; the same command starts over\n$", errors), errors
        assert not (tmp_path / "made").exists()
    assert write_dataset(tmp_path / "made", resolve("low", **SMALL))
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == sorted([".files.json", *resolve("low").files])


@pytest.mark.faults
def test_a_second_writer_is_refused_while_the_first_goes_on(tmp_path):
    process = _start_slow(tmp_path)
    try:
        with pytest.raises(ValueError, match="being written by another process"):
            write_dataset(tmp_path / "made", resolve("low", **SMALL))
        assert (tmp_path / "made/.partial/train.npy").exists()
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.mark.faults
def test_a_full_disk_leaves_the_old_set(small, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(small, tmp_path / "set"))
    before = contents(folder)

    def full(path, chunks, shape, dtype):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets, "save_chunks", full)
    with pytest.raises(OSError, match=r"No space left on device.*set"):
        write_dataset(folder, resolve("low", **SMALL), replace=True)
    assert contents(folder) == before
