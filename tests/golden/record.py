"""Makes small runs through the three command lines, and records what comes out in golden.npz and golden.json.

`python tests/golden/record.py` records; test_golden.py makes everything again and compares. Only the click groups are
imported, and files are read as files, so that both outlive any change of the modules.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are imported: sums depend on it

import numpy as np
import pandas as pd
import torch
from golden_cells import BOUNDS, CELLS, DATA, EXTENDED, LOSSES, ON, RENORMED, SAMPLINGS, SMALL
from golden_files import coloured, flat, tensors
from golden_studies import MEASURED, make_measures, run

HERE = Path(__file__).parent
ARRAYS, NUMBERS = HERE / "golden.npz", HERE / "golden.json"
CLOCK = ("seconds", "threads")  # numbers of a record that are no outcome


def signature():
    """Tell what the last bits of floating point depend on: versions, and what the processor can do."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "flags": hashlib.sha256(flags.encode()).hexdigest(),
        "onednn": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
    }


def digest(array):
    """Hash an array's type, shape and bytes."""
    head = f"{array.dtype.str} {array.shape} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def make_data(folder):
    """Make the data sets of the cells in the folder; the arrays."""
    for name, words in DATA.items():
        run("triangles", "generate", *words, *SMALL, "--out", folder / name)
    coloured(folder / "colour", 64, 16)
    parts = [(name, part) for name in (*DATA, "colour") for part in ("train", "test")]
    return {f"data/{name}-{part}": np.load(folder / name / f"{part}.npy") for name, part in parts}


def make_cell(folder, name):
    """Train a cell, and make all that is made of its model; arrays and numbers."""
    cell = CELLS[name]
    place, data = folder / name, folder / cell.data
    run("diffusion", "train", data, "--out", place, *cell.words, "--epochs", 2, *ON)
    arrays, numbers = _trained(place, name), {}
    if name in EXTENDED:
        longer = folder / f"{name}-extended"
        run("diffusion", "train", data, "--out", longer, *cell.words, "--epochs", 3, "--start-from", place, *ON)
        arrays |= _trained(longer, f"{name}/extended")
    for make in (_sampled, _bounded):
        more = make(place, data, name)
        arrays, numbers = arrays | more[0], numbers | more[1]
    return arrays, numbers


def _trained(place, key):
    found = tensors(place)
    losses = pd.read_csv(place / "losses.csv")[list(LOSSES)].to_numpy(np.float64)
    names = "\n".join(f"{name} {list(value.shape)} {value.dtype}" for name, value in found.items())
    named = np.frombuffer(names.encode(), np.uint8)
    return {f"{key}/weights": flat(found), f"{key}/names": named, f"{key}/losses": losses}


def _sampled(place, data, key):
    arrays, numbers = {}, {}
    for name, words in SAMPLINGS.items():
        if name == RENORMED and CELLS[key].network != "thesis":
            continue  # the other network has no batch norm
        given = [data if word == "DATA" else word for word in words]
        run("diffusion", "sample", place, "--name", name, *given, "--seed", 5, "--count", 4, "--framed", 1,
            "--frames", 3, "--batch-size", 3, "--precision", "float32", *ON)  # fmt: skip
        arrays[f"{key}/samples-{name}"] = np.load(place / f"{name}.npy")
        arrays[f"{key}/frames-{name}"] = np.load(place / f"{name}-frames.npy")
        told = json.loads((place / f"{name}.json").read_text())
        numbers[f"{key}/{name}/steps"] = told["frame_steps"]
        if name == RENORMED:
            numbers |= {f"{key}/mean-errors/{kind}": value for kind, value in told["mean_errors"].items()}
    return arrays, numbers


def _bounded(place, data, key):
    arrays, numbers = {}, {}
    for name, words in BOUNDS.items():
        run("diffusion", "likelihood", place, data, "--name", name, *words, "--seed", 3, "--batch-size", 50, *ON)
        arrays[f"{key}/pairs-{name}"] = np.load(place / f"{name}.npy")
        arrays[f"{key}/curve-{name}"] = pd.read_csv(place / f"{name}.csv").to_numpy(np.float64)
        told = json.loads((place / f"{name}.json").read_text())
        numbers |= {f"{key}/{name}/{k}": v for k, v in told.items() if _is_outcome(k, v)}
    return arrays, numbers


def _is_outcome(name, value):
    return type(value) in (int, float, type(None)) and name not in CLOCK


def make_all(folder):
    """Make everything but the verdicts; arrays, numbers and measures."""
    arrays, numbers = make_data(folder), {}
    for name in CELLS:
        more = make_cell(folder, name)
        arrays, numbers = arrays | more[0], numbers | more[1]
    return arrays, numbers, make_measures(folder, MEASURED)


def main():
    """Record on this machine what the code computes today."""
    with tempfile.TemporaryDirectory() as folder:
        arrays, numbers, measures = make_all(Path(folder))
    np.savez_compressed(ARRAYS, **arrays)
    told = {"machine": signature(), "arrays": {name: digest(array) for name, array in arrays.items()}}
    NUMBERS.write_text(json.dumps(told | {"numbers": numbers, "measures": measures}, indent=1) + "\n")
    print(f"{len(arrays)} arrays, {ARRAYS.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
