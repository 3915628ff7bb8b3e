"""Runs the commands, measures smoke runs of the thesis's study, and judges committed measures once more."""

import contextlib
import io
import itertools
import json
import lzma
import shlex
import shutil
from pathlib import Path

import pandas as pd
from golden_files import stand_in

from diffusion.cli import cli as diffusion
from studies.cli import cli as studies
from triangles.cli import cli as triangles

GROUPS = {"triangles": triangles, "diffusion": diffusion, "studies": studies}
REFERENCE = Path(__file__).parents[2] / "results" / "reference"
# of references that hold verdicts; one without claims, or not yet judged, has none to be made again
MANIFESTS = sorted(p for p in REFERENCE.rglob("manifest.json") if (p.parent / "tables/verdicts.csv").exists())

# run -> the other samplings of it that are measured
MEASURED = {"array-linear-seed0": (), "low-power-10-seed0": ("noised",)}
SETS = ("array-seed0", "low-seed0")
CLOCK = ("seconds_per_epoch", "training_images_per_second")
# The smoke scale as it was when these values were recorded, whatever its settings are now.
TRAINING = ("--epochs", "2", "--batch-size", "64", "--learning-rate", "0.002", "--ema", "0.995")
# What the plan's commands leave to the machine. bfloat16 differs far more from machine to machine.
FIXED = {
    "generate": ("--workers", "1"),
    "train": (*TRAINING, "--device", "cpu", "--precision", "float32"),
    "sample": ("--device", "cpu", "--precision", "float32"),
    "likelihood": ("--device", "cpu"),
}


def run(group, *words):
    """Run a command in this process; what it said."""
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()):
        GROUPS[group].main([str(word) for word in words], prog_name=group, standalone_mode=False)
    return said.getvalue()


def make_measures(folder, measured):
    """Make and measure runs of the thesis's study with the commands of its plan; run -> measure -> [value, n, unit]."""
    said = run("studies", "plan", "--scale", "smoke", "--results", folder / "results")
    for line in said.splitlines():
        words = shlex.split(line) if line.startswith("  ") else []
        if words and words[0] in GROUPS and _wanted(words, measured):
            run(*words, *FIXED.get(words[1], ()))
            if words[1] == "sample":
                _replace_samples(Path(words[2]), words)
    runs = folder / "results" / "smoke" / "runs"
    files = {name: runs / name / "measures.csv" for name in measured}
    files |= {f"{name}/{s}": runs / name / f"{s}-measures.csv" for name, others in measured.items() for s in others}
    return {name: _rows(path) for name, path in files.items()}


def _replace_samples(place, words):
    dataset = next(name for name in SETS if name.partition("-")[0] == place.name.partition("-")[0])
    stand_in(place.parents[1] / "data" / dataset, place / f"{_options(words).get('--name', 'samples')}.npy")


def _options(words):
    return dict(itertools.pairwise(words))


def _wanted(words, measured):
    """Whether a command of the plan makes what is measured: a set, a run, or samples of it by another name."""
    command, options = words[1], _options(words)
    subject = options["--out"] if command in ("generate", "train") else words[2]
    other = options.get("--name" if command == "sample" else "--samples")
    name = Path(subject).name
    return name in SETS or (name in measured and (other is None or other in measured[name]))


def _rows(path):
    table = pd.read_csv(path)
    kept = table[~table.measure.isin(CLOCK)]
    return {row.measure: [row.value, int(row.n), str(row.unit)] for row in kept.itertuples()}


def judge_again(manifest, results):
    """Judge from committed measures; the table of verdicts made now, and the committed one."""
    told = json.loads(manifest.read_text())
    runs = results / told["scale"] / "runs"
    shutil.copytree(manifest.parent / "runs", runs)
    for packed in runs.glob("*/*measures.csv.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
    for path in runs.glob("*/*.json"):
        measures = "measures.csv" if path.stem == "samples" else f"{path.stem}-measures.csv"
        if path.with_name(measures).exists():
            path.with_suffix(".npy").touch()  # measures of samples that are gone would count as a hole
    seeds = ",".join(map(str, told["seeds"]))
    run("studies", "table", "verdicts", "--allow-missing", "--study", told["study"], "--scale", told["scale"],
        "--seeds", seeds, "--results", results)  # fmt: skip
    (made,) = results.rglob("verdicts.csv")
    return pd.read_csv(made), pd.read_csv(manifest.parent / "tables" / "verdicts.csv")
