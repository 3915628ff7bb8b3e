"""Every file that a command reads again, harmed in every way: refused in a line that names it, or without effect."""

import contextlib
import json
import os
import shutil
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from commands import SAMPLING, call, refusal
from torn.harms import Case, befall, harms, torn

from studies.planning.resolving import make_plan

pytestmark = pytest.mark.faults

STUDY = """\
title: Small
question: Is anything torn taken for whole?
data: {array: {}}
models: {linear: {}, cosine: {}}
figures: [loss, samples, overlap]
tables: [losses, measures, verdicts, data]
claims:
  - {id: one, claim: It is so., source: section 1, kind: difference, measure: valid_share, smallest: 0.1, why: to test,
     contrast: {plus: [{model: [linear]}], minus: [{model: [cosine]}]}}
"""
PLAN = ("--study", "small.yaml", "--scale", "smoke")
SMOKE, SET = "results/smoke", "results/smoke/data/array-seed0"
RUN, OTHER = (f"{SMOKE}/runs/array-{model}-seed0" for model in ("linear", "cosine"))
SHOWN, KEPT = f"{SMOKE}/small", "results/reference/smoke/small"
QUICK = {"generate": ("--workers", "1"), "train": ("--epochs", "2"), "sample": ("--steps", "10")}

CHECK, TRAIN = (
    ("triangles", "check", SET),
    ("diffusion", "train", SET, "--out", "new", "--epochs", "1", "--widths", "4,8"),
)
AGAIN = ("diffusion", "sample", RUN, *SAMPLING, "--name", "again")
BOUND = ("diffusion", "likelihood", RUN, SET, "--images", "8", "--draws", "1", "--name", "bound")
ON = ("--epochs", "3", "--start-from", RUN)  # and all that the run was trained with
MEASURE, REAL = ("studies", "measure", "array-linear-seed0"), ("studies", "measure-data", "array-seed0")
REPORT, REFERENCE, VERDICTS = ("studies", "report"), ("studies", "reference"), ("studies", "verdicts")
# stage -> file -> the commands that read it, and what may be put in its place
READ = {
    "data": {
        f"{SET}/dataset.json": [CHECK, TRAIN, ("studies", "table", "data")],
        f"{SET}/train.npy": [CHECK, TRAIN, MEASURE],
        f"{SET}/test.npy": [CHECK, REAL],
        f"{SET}/vertices_train.npy": [CHECK],
        "pictures/files/train/00001.png": [("triangles", "check", "pictures")],
    },
    "training": {
        f"{RUN}/run.json": [AGAIN, ("studies", "table", "losses")],
        f"{RUN}/losses.csv": [MEASURE, ("studies", "figure", "loss")],
        f"{RUN}/model.safetensors": [AGAIN, BOUND],
        f"{RUN}/checkpoint.safetensors": [("diffusion", "train", SET, "--out", "new", *ON)],
    },
    "sampling": {
        f"{RUN}/samples.npy": [MEASURE, ("diffusion", "show", RUN)],
        f"{RUN}/samples-frames.npy": [REPORT],
        f"{RUN}/samples.json": [MEASURE, REPORT],
        f"{RUN}/likelihood.npy": [MEASURE],
        f"{RUN}/likelihood.json": [MEASURE],
    },
    "measuring": {
        f"{RUN}/measures.csv": [VERDICTS],
        f"{RUN}/.measures.json": [VERDICTS],
        f"{RUN}/per-image.npz": [("studies", "figure", "overlap")],
        f"{RUN}/claims.json": [VERDICTS],
        f"{SET}/real.npz": [MEASURE],
    },
    "report": {
        f"{SHOWN}/tables/verdicts.csv": [REPORT],
        f"{SHOWN}/tables/measures.csv": [REFERENCE],
        f"{SHOWN}/tables/measures.md": [REFERENCE],
        f"{SHOWN}/tables/.verdicts.json": [REPORT],
        f"{SHOWN}/figures/loss.svg": [REPORT],
        f"{SHOWN}/figures/samples.png": [REPORT, REFERENCE],
        f"{SHOWN}/report.html": [REFERENCE],
        f"{KEPT}/manifest.json": [REFERENCE],
    },
}
OWN = "own/00001.png"  # a user's picture: no record of ours tells what it was, but it must be a picture
STUDIES = {  # a study is its writer's: what is valid counts, and these are not
    "emptied": b"", "binary": bytes(range(256)), "no mapping": b"[1]", "no end": b"title: [", "tabs": b"a:\n\t- b",
    "two documents": b"a: 1\n---\nb: 2\n", "itself": b"&a [*a]", "code": b"!!python/object/apply:os.mkdir [ran]",
    "cut": STUDY[:60].encode(), "a key twice": f"{STUDY}title: Again\n".encode(), "latin": STUDY.encode() + b"# \xe9",
    "deep": b"[" * 20_000, "a cell that is none": f"{STUDY}grid: [[array, wave]]\n".encode(),
    "a pipe": "a pipe", "a folder": "a folder", "a link to itself": "a link to itself",
    "a link to nothing": "a link to nothing",
}  # fmt: skip


def run(words, folder):
    more = PLAN if words[0] == "studies" else ()
    return call(*words, *more, folder=folder)


def make(folder, monkeypatch):
    """A small study made whole by the plan's own commands, with fewer steps, and a set with its image files."""
    (folder / "small.yaml").write_text(STUDY)
    monkeypatch.chdir(folder)
    plan = make_plan("small.yaml", "smoke")
    for dataset in plan.datasets:
        words = ["triangles", *dataset.command.split(), "--out", dataset.folder, *QUICK["generate"]]
        _do(folder, *words)
        _do(folder, "studies", "measure-data", dataset.name, *PLAN)
    for one in plan.runs:
        data, threads = one.dataset.folder, ("--threads", "1")
        train = ["diffusion", "train", data, *one.training_flags.split(), "--out", one.folder, *threads]
        _do(folder, *train, *QUICK["train"], "--cooldown", "0")
        _do(folder, "diffusion", "sample", one.folder, *one.sampling_flags.split(), *threads, *QUICK["sample"])
        _do(folder, "diffusion", "likelihood", one.folder, data, *plan.likelihood_flags(one).split(), *threads)
        _do(folder, "studies", "measure", one.name, *PLAN)
    for words in (["figure"], ["table"], ["report"], ["reference"]):
        _do(folder, "studies", *words, *PLAN)
    pictures = ["--format", "png", "--files", "--size", "8", "--count", "40", "--test-count", "8", "--workers", "1"]
    _do(folder, "triangles", "generate", *pictures, "--out", "pictures")
    shutil.copytree(folder / "pictures/files/test", folder / "own")
    settings = plan.runs[0].training_flags.split()
    return [*settings, "--cooldown", "0", "--threads", "1"]


def _do(folder, *words):
    code, said = call(*words, folder=folder)
    assert code == 0, said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(folder of a study made whole, the settings of its training)."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        return folder, make(folder, patch)


def siblings(file):
    """Files of the same kind and of another, that could be put in a file's place by mistake."""
    path = Path(file)
    same = {RUN: OTHER, SET: "pictures"}.get(str(path.parent))
    exchanged = {"loss.svg": "overlap.svg", "samples.png": "loss.png", "00001.png": "00002.png"}.get(path.name)
    found = [Path(same) / path.name] if same else [path.with_name(exchanged)] if exchanged else []
    return [*found, Path("small.yaml")]


def cases(folder, settings):
    """Every case there is, and what is done in it: {case: harm}."""
    found = {}
    for stage, files in READ.items():
        for file, commands in files.items():
            others = [folder / one for one in siblings(file) if (folder / one).exists()]
            for i, (name, harm) in enumerate(harms(folder / file, others).items()):
                words = commands[i % len(commands)]
                words = (*words[:5], *settings, *ON) if ON[0] in words and "--start-from" in words else words
                found[Case(stage, file, name, tuple(words))] = harm
    words = ("triangles", "import", "own", "--size", "8", "--test-share", "0.5", "--out", "imported")
    lost = {name: harm for name, harm in torn((folder / OWN).read_bytes()).items() if "append" not in name}
    mine = lost | {word: word for word in ("a pipe", "a link to itself", "a link to nothing")}
    found |= {Case("pictures", OWN, name, words): harm for name, harm in mine.items()}
    more = {Case("studies", "small.yaml", name, ("studies", "plan")): harm for name, harm in STUDIES.items()}
    return found | more


CLOCKS = (".json", ".html", "losses.csv", "measures.csv", "checkpoint.safetensors")


def outcome(folder, said):
    """What a command left and said, but for clocks."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    kept = {name: path.read_bytes() for name, path in files.items() if not name.endswith(CLOCKS)}
    return {**kept, "said": said.splitlines()[-1:] if "images/s" in said else said}


def judge(case, harm, place, undisturbed):
    """How a harmed file was taken: refused, without effect, silently, with a traceback, or without its name.

    undisturbed: words -> what a command leaves of files that are whole.
    """
    befall(place / case.file, harm)
    code, said = run(case.words, place)
    if "Traceback" in said or code not in (0, 2):
        return f"ended {code}: {said[-600:]}"
    if code == 0:
        found, wanted = outcome(place, said), dict(undisturbed(case.words))
        found.pop(case.file, None), wanted.pop(case.file, None)
        return "without effect" if found == wanted else f"silently taken: {said[-300:]}"
    line = refusal(said, case.words[0])
    return "refused" if named(case.file, line) else f"not named: {line}"


def named(file, line):
    """Whether a refusal's line names the file, or what it vouches for, which differs from it."""
    path = Path(file)
    names = {path.name, path.stem.lstrip(".")}
    names |= {path.parent.name} if "files" in path.parts or path.name == "dataset.json" else set()
    return any(name in line for name in names)


def try_all(chosen, folder, tmp_path):
    """Try cases, each in a copy of the folder; {case: how it was taken}."""

    @cache
    def undisturbed(words):
        place = Path(shutil.copytree(folder, tmp_path / "undisturbed", symlinks=True))
        code, said = run(words, place)
        assert code == 0, said
        found = outcome(place, said)
        shutil.rmtree(place)
        return found

    found = {}
    for case, harm in chosen.items():
        place = Path(shutil.copytree(folder, tmp_path / "place", symlinks=True))
        found[case] = judge(case, harm, place, undisturbed)
        shutil.rmtree(place)
    return found


def check(found):
    wrong = {str(case): how for case, how in found.items() if how not in ("refused", "without effect")}
    assert not wrong, "\n".join(f"{case}: {how}" for case, how in wrong.items())


def test_a_harmed_input_is_refused_by_name(whole, tmp_path):
    """Every twentieth of the cases that the soak tries."""
    everything = cases(*whole)
    found = try_all(dict(list(everything.items())[::20]), whole[0], tmp_path)
    check(found)
    assert Counter(found.values())["refused"] > 0.9 * len(found)


@pytest.mark.soak
def test_six_hundred_harmed_inputs_are_refused_by_name(whole, tmp_path):
    everything = cases(*whole)
    found = try_all(everything, whole[0], tmp_path)
    counts = Counter((case.stage, how.partition(":")[0]) for case, how in found.items())
    with contextlib.suppress(KeyError):
        Path(os.environ["TRIANGLES_HARMS"]).write_text(json.dumps({str(case): how for case, how in found.items()}))
    print({" ".join(key): count for key, count in sorted(counts.items())}, flush=True)
    check(found)
    assert len(found) >= 600
