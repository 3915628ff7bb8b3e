"""Files that are not ours: nothing is deleted, cleared or written through a link, a mount or a name no record lists."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from commands import SAMPLING, TRAINING, call, refusal
from fake_results import bounded, make_results, record

from diffusion.store.files import write_json
from studies.measures.measuring import measure_data, measure_run
from studies.planning.resolving import make_plan, plan_from_config
from studies.report.reference import collect

pytestmark = pytest.mark.faults

GENERATE = ["triangles", "generate", "--preparation", "low", "--size", "8", "--count", "24", "--test-count", "8"]
GENERATE = [*GENERATE, "--draw-size", "8", "--workers", "1", "--out", "made"]
TRAIN = ["diffusion", "train", "set", "--out", "run", "--epochs", "8", *TRAINING]


@pytest.fixture
def precious(tmp_path):
    """A folder of the user's, and what is in it."""
    folder = tmp_path / "precious"
    (folder / "below").mkdir(parents=True)
    for name in ("thesis.tex", "train.npy", "00000.jpg", "lock", "below/00001.jpg"):
        (folder / name).write_text("mine")
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", [".partial", "files", "files/train", "files/test", ".partial/files", ".partial/lock"])
def test_no_data_set_is_made_through_a_link(place, precious, tmp_path):
    before, link = contents(precious), tmp_path / "made" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(precious / "thesis.tex" if place.endswith("lock") else precious)
    code, said = call(*GENERATE, "--files", "--replace", folder=tmp_path)
    assert code == 2
    assert f"made/{place} is" in refusal(said, "triangles")
    assert contents(precious) == before
    assert link.is_symlink()


def test_no_data_set_is_made_in_a_mount(precious, tmp_path):
    before, place = contents(precious), tmp_path / "made/.partial"
    place.mkdir(parents=True)
    if subprocess.run(["mount", "--bind", str(precious), str(place)], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    try:
        code, said = call(*GENERATE, folder=tmp_path)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
    assert (code, "has something mounted on it" in refusal(said, "triangles")) == (2, True)
    assert contents(precious) == before


@pytest.mark.parametrize("name", [".partial/notes.txt", ".partial/mine.npy", "files/train/mine.jpg", "train.npy"])
def test_a_file_that_no_record_lists_is_not_replaced(name, tmp_path):
    path = tmp_path / "made" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    code, said = call(*GENERATE, "--files", "--replace", folder=tmp_path)
    assert code == 2
    assert f"made/{name} is" in refusal(said, "triangles")
    assert path.read_text() == "mine"


def test_files_of_an_earlier_set_are_replaced_and_others_stay(tmp_path):
    assert call(*GENERATE, "--files", folder=tmp_path)[0] == 0
    (tmp_path / "made/notes.txt").write_text("mine")
    assert call(*GENERATE, "--seed", "1", "--replace", folder=tmp_path)[0] == 0
    assert (tmp_path / "made/notes.txt").read_text() == "mine"
    assert not (tmp_path / "made/files").exists() or not list((tmp_path / "made/files").rglob("*.jpg"))
    (tmp_path / "made/dataset.json").unlink()  # as Snakemake does before it makes it again
    assert call(*GENERATE, "--seed", "2", "--replace", folder=tmp_path)[0] == 0


MINE = {"mine.csv": b"a,b\n", "mine.npy": b"mine", "talk-frames.npy": b"mine", "mine.json": b'{"files": ["talk.npy"]}'}


def test_a_replaced_run_leaves_what_is_the_users(tiny):
    for name, content in (MINE | {"talk.npy": b"mine"}).items():
        (tiny / "run" / name).write_bytes(content)
    assert call(*TRAIN, "--seed", "7", "--replace", folder=tiny)[0] == 0
    left = contents(tiny / "run")
    assert {name: left.get(name) for name in MINE} == MINE
    assert left["talk.npy"] == b"mine"
    assert "samples.npy" not in left


@pytest.mark.parametrize("name", ["losses.csv", "model.safetensors", "checkpoint.safetensors", "started.json"])
def test_no_run_is_trained_over_a_users_file(name, tiny):
    (tiny / "new").mkdir()
    (tiny / "new" / name).write_text("mine")
    words = ["diffusion", "train", "set", "--out", "new", "--replace", *TRAINING]
    code, said = call(*words, folder=tiny)
    assert (code, f"new/{name} is in no record of ours" in refusal(said)) == (2, True)
    assert (tiny / "new" / name).read_text() == "mine"


@pytest.mark.parametrize("command", ["sample", "likelihood"])
def test_no_samples_and_no_bound_are_written_over_a_users_file(command, tiny):
    (tiny / "run/mine.npy").write_text("mine")
    more = SAMPLING if command == "sample" else ["set"]
    code, said = call("diffusion", command, "run", *more, "--name", "mine", folder=tiny)
    assert (code, "run/mine.npy is in no record of ours" in refusal(said)) == (2, True)
    assert (tiny / "run/mine.npy").read_text() == "mine"


@pytest.mark.parametrize("command", ["generate", "train", "sample", "reference"])
def test_a_folder_that_is_a_link_is_not_written_through(command, tiny, plan, precious):
    before, link = contents(precious), tiny / "link"
    link.symlink_to(precious)
    words = {
        "generate": [*GENERATE[:-1], "link"],
        "train": ["diffusion", "train", "set", "--out", "link", "--replace", *TRAINING],
        "sample": ["diffusion", "sample", "link", *SAMPLING],
    }
    if command == "reference":
        with pytest.raises(ValueError, match="link is a symlink"):
            collect(plan, link)
    else:
        code, said = call(*words[command], folder=tiny)
        assert (code, "link is a symlink" in refusal(said, words[command][0])) == (2, True)
    assert contents(precious) == before


@pytest.mark.parametrize("place", ["smoke", "smoke/runs", "smoke/data", "smoke/longer", "smoke/longer/tables"])
def test_a_results_folder_has_no_links_inside(place, precious, tmp_path):
    before, link = contents(precious), tmp_path / "results" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(precious)
    with pytest.raises(ValueError, match=f"results/{place} is a symlink"):
        plan_from_config({"scale": "smoke", "study": "longer", "results": str(tmp_path / "results")})
    words = ["studies", "table", "--study", "longer", "--scale", "smoke", "--allow-missing"]
    code, said = call(*words, folder=tmp_path)
    assert (code, f"results/{place} is a symlink" in refusal(said, "studies")) == (2, True)
    assert contents(precious) == before


def test_a_whole_results_folder_may_be_a_link(precious, tmp_path):
    (tmp_path / "results").symlink_to(precious)
    words = ["studies", "table", "losses", "--study", "longer", "--scale", "smoke", "--allow-missing"]
    for _ in range(2):
        code, said = call(*words, folder=tmp_path)
        assert code == 0, said
    assert (precious / "smoke/longer/tables/losses.csv").exists()


@pytest.mark.parametrize("name", ["tables/losses.md", "figures/loss.svg", "report.html"])
def test_nothing_that_is_shown_replaces_a_users_file(name, tmp_path):
    path = tmp_path / "results/smoke/longer" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    kind = {"tables": ["table", "losses"], "figures": ["figure", "loss"]}.get(path.parent.name, ["report"])
    words = ["studies", *kind, "--study", "longer", "--scale", "smoke", "--allow-missing"]
    code, said = call(*words, folder=tmp_path)
    assert (code, f"{name} is in no record of ours" in refusal(said, "studies")) == (2, True)
    assert contents(path.parent) == {path.name: b"mine"}


@pytest.mark.parametrize("name", ["measures.csv", "per-image.npz", "claims.json", "../../data/array-seed0/real.npz"])
def test_no_measures_replace_a_users_file(name, tmp_path):
    plan = make_plan("longer", "smoke", tmp_path / "results")
    make_results(plan)
    run = next(run for run in plan.runs if run.data == "array")
    path = run.folder / name
    if "real" not in name:
        measure_data(run.dataset)
    bounded(run)
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match=rf"{path.name} is in no record of ours"):
        measure_run(plan, run) if "real" not in name else measure_data(run.dataset)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_lock_is_an_empty_file_of_ours(kind, tiny, precious):
    lock = tiny / "run/.lock"
    lock.unlink()
    lock.symlink_to(precious / "thesis.tex") if kind == "link" else lock.write_text("mine")
    code, said = call("diffusion", "sample", "run", *SAMPLING, folder=tiny)
    assert (code, "run/.lock is" in refusal(said)) == (2, True)
    assert lock.read_text() == "mine"


@pytest.fixture
def plan(tmp_path):
    """A study of which there is a little: a record of a run, a figure and a page."""
    from PIL import Image

    plan = make_plan("longer", "smoke", tmp_path / "results")
    run = plan.runs[0].folder
    run.mkdir(parents=True)
    write_json(run / "run.json", record(plan.runs[0]))
    (plan.output / "figures").mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(plan.output / "figures/loss.png")
    (plan.output / "report.html").write_text("<html></html>\n")
    return plan


@pytest.mark.parametrize("place", ["figures", "runs", "report.html", "manifest.json"])
def test_no_reference_is_written_through_a_link(place, plan, precious, tmp_path):
    before, folder = contents(precious), tmp_path / "reference"
    folder.mkdir()
    (folder / place).symlink_to(precious / "thesis.tex" if "." in place else precious)
    with pytest.raises(ValueError, match=rf"reference/{place} leads out of"):
        collect(plan, folder)
    assert contents(precious) == before
    assert list(folder.iterdir()) == [folder / place]


def test_no_reference_replaces_a_users_file(plan, tmp_path):
    folder = tmp_path / "reference"
    (folder / "figures").mkdir(parents=True)
    (folder / "figures/loss.png").write_text("mine")
    with pytest.raises(ValueError, match=r"figures/loss\.png is in no manifest of ours"):
        collect(plan, folder)
    assert (folder / "figures/loss.png").read_text() == "mine"
    shutil.rmtree(folder)
    collect(plan, folder)
    collect(plan, folder)  # what it wrote itself


def test_a_reference_may_be_as_large_as_git_bears_once_it_is_packed(plan, tmp_path, monkeypatch):
    losses = plan.runs[0].folder / "likelihood.csv"
    losses.write_text("t,bits\n" + "1,0.123456789\n" * 5000)
    folder = tmp_path / "reference"
    monkeypatch.setattr("studies.report.reference.LARGEST", losses.stat().st_size)
    collect(plan, folder)
    assert (folder / "runs" / plan.runs[0].name / "likelihood.csv.xz").stat().st_size < 1000
    monkeypatch.setattr("studies.report.reference.LARGEST", 1000)
    with pytest.raises(ValueError, match="MiB for git"):
        collect(plan, folder)


@pytest.mark.parametrize("harm", ["report.html", "figures/loss.png", "manifest"])
def test_no_reference_is_made_of_what_is_broken(harm, plan, tmp_path):
    folder = tmp_path / "reference"
    if harm == "manifest":
        folder.mkdir()
        (folder / "manifest.json").write_text('{"files": null}')
    else:
        os.truncate(plan.output / harm, 0)
    with pytest.raises(ValueError, match=harm.replace(".", r"\.")):
        collect(plan, folder)
