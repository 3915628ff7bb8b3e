"""What several test files share: a tiny data set, and runs and samples on it made once; one thread a process."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from commands import SAMPLING, TRAINING, call

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: tests run side by side, a core each
FIRST = (  # of tests' files, the longest: what begins last is waited for by an idle worker
    "test_golden.py",
    "test_workflow.py",
    "test_kills_studies.py",
    "test_measures.py",
    "test_inputs.py",
    "test_kills.py",
    "test_extending.py",
    "test_together.py",
    "test_situations.py",
)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs, and theirs, ignore Ctrl-C


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where test_device.py computes: cpu or cuda")


def pytest_collection_modifyitems(items):
    """Put the longest files first, each whole; the others keep their order."""
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A folder with the data set `set`, its run `run` of eight epochs, and samples of it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    sizes = ["--size", "8", "--count", "192", "--test-count", "16", "--workers", "1"]
    assert call("triangles", "generate", *sizes, "--out", "set", folder=folder)[0] == 0
    for words in (["train", "set", "--out", "run", "--epochs", "8", *TRAINING], ["sample", "run", *SAMPLING]):
        code, said = call("diffusion", *words, folder=folder)
        assert code == 0, said
    return folder


@pytest.fixture
def tiny(undisturbed, tmp_path):
    """A copy of `undisturbed` to do harm to."""
    return Path(shutil.copytree(undisturbed, tmp_path / "tiny"))


@pytest.fixture
def disk(tmp_path):
    """A file system of 400 kB of its own; skipped where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
