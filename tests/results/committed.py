"""The committed tables by short names, and the numbers in a text: what results/numbers.yaml is read with."""

import csv
import json
import lzma
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
REFERENCE, BENCHMARKS = ROOT / "results" / "reference", ROOT / "benchmarks" / "reference"
NUMBER = re.compile(r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?")
# Digits that are no results: names, settings, places in a text.
NAMES = re.compile(
    "|".join(
        (
            r"`[^`]*`",  # code
            r"\]\([^)]*\)",  # where a link leads
            r"\d{4}-\d{2}-\d{2}|(?<=al\. )\d{4}|(?<=Johnson )\d{4}|A 2023 master",  # dates, and years of papers
            r"N\(0, I\)|x_0|x_T|L_T",  # symbols
            r"720 px|(?:at|to|of|[Uu]nder|with|made at) (?:32|30) px|30 px of|32 px",  # of sets, and the least ink
            r"[Pp]owers?[ -](?:1\.5|10|2)(?: and 2)?(?:(?=[^\d.%])|$)",  # models
            r"(?:powers? 1\.5|power 10) and (?:power )?\d+",
            r"[Ss]eeds? \d+(?:(?:,| to| and| or) \d+)*",
            r"T = \d+|t = \d+(?:, \d+)*(?: and \d+)?|N = \d+",
            r"1/8|1/4|(?:8|64|100) epochs|, 64(?= \|)|(?:for|to|of) 190|1e-3|batch \d+",  # settings
            r"batches of \d+ instead of \d+",
            r"overlaps? (?:of )?0\.[89](?: or more)?|at 0\.9|\| 0\.9 \|",  # the two thresholds of overlap
            r"2 virtual cores|24 GiB|Python 3\.11|AVX512|H100 80 GB",
            r"torch \d+\.\d+\.\d+\S*|numpy [\d.]+|Pillow [\d.]+|bfloat16|float32|TF32|log10|2 px off",
            r"(?:section|figure) \d[\d.]*|of 255(?: levels)?|8 bits/dim|256 levels",
        )
    )
)


@cache
def measures(scale: str) -> dict:
    """Return the committed measures of a scale, or of a scale's other study: {(cell, measure, samples): {seed: value}}.

    A cell is its data and model, `array linear`, and of a longer run its epochs besides, `high linear 190`. With
    `seed 0` after the scale, only that seed's.
    """
    scale, _, only = scale.partition(" seed ")
    found: dict = {}
    for path in sorted((REFERENCE / scale / "runs").glob("*/*measures.csv.xz")):
        samples = path.name.removesuffix("measures.csv.xz").rstrip("-")
        longer = re.search(r"-epochs(\d+)$", path.parent.name)
        with lzma.open(path, "rt", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                cell = f"{row.get('data') or row['preparation']} {row.get('model') or row['schedule']}"
                cell += f" {longer[1]}" if longer else ""
                value = float(row["value"] or "nan")
                if only in ("", row["seed"]):
                    found.setdefault((cell, row["measure"], samples), {})[int(row["seed"])] = value
    return found


def seeds(scale: str, cell: str, measure: str, samples: str = "", last: int = 99) -> np.ndarray:
    """Return a measure of a cell, seed by seed, up to the last one."""
    return np.array([value for seed, value in sorted(measures(scale)[cell, measure, samples].items()) if seed <= last])


def m(scale: str, cell: str, measure: str, samples: str = "") -> float:
    """Return the mean over the first six seeds that are there: those that the texts speak of."""
    return float(seeds(scale, cell, measure, samples)[:6].mean())


def each(scale: str, measure: str, data="low high array", models="linear power-1.5 power-2 wave", samples="") -> list:
    """Return the means of several cells."""
    return [m(scale, f"{d} {name}", measure, samples) for d in data.split() for name in models.split()]


def ranked(scale: str, cells, measure: str, by: str, samples: str = "") -> np.ndarray:
    """Return Spearman's rank correlation over cells of their samples' measure with one of their runs, seed by seed."""
    from scipy.stats import spearmanr

    values, others = ([seeds(scale, cell, *what) for cell in cells] for what in ((measure, samples), (by,)))
    return np.array(
        [spearmanr(*pair).statistic for pair in zip(np.transpose(values), np.transpose(others), strict=True)]
    )


def table(path: str, row, column: str):
    """Return a cell of a committed table; row: what the first column says, or values that are all to be in the row."""
    frame, wanted = read(path), [row] if isinstance(row, str) else row
    rows = [one for one in frame.to_dict("records") if all(value in one.values() for value in wanted)]
    (found,) = [one[column] for one in rows if not isinstance(row, str) or one[frame.columns[0]] == row]
    return found


@cache
def read(path: str) -> pd.DataFrame:
    return pd.read_csv((BENCHMARKS if path.startswith("benchmarks/") else REFERENCE) / path.removeprefix("benchmarks/"))


def verdict(scale: str, claim: str, column: str = "estimate"):
    """Return what a table of verdicts says of a claim, by the seeds that explored."""
    return table(f"{scale}/tables/verdicts.csv", claim, column)


def effect(scale: str, claim: str, factor: float = 100) -> list[float]:
    """Return a claim's estimate and the ends of its interval, in points unless another factor is given."""
    return [factor * verdict(scale, claim, column) for column in ("estimate", "lower", "upper")]


def by_seed(scale: str, measure: str, data="low high array", models="linear wave power-1.5 power-2") -> np.ndarray:
    """Return the means over cells, seed by seed."""
    return np.mean([seeds(scale, f"{d} {name}", measure) for d in data.split() for name in models.split()], axis=0)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean over seeds with the ends of its 95% interval by Student's t."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return float(np.mean(values)), float(np.mean(values) - half), float(np.mean(values) + half)


def less_gained(model: str) -> np.ndarray:
    """Return by how much less than powers 1.5 and 2 a model gains from the 720 px set, in clean shares, by seed."""
    gains = [
        by_seed("laptop/confirming", "clean_share", "high", one)
        - by_seed("laptop/confirming", "clean_share", "low", one)
        for one in ("power-1.5 power-2", model)
    ]
    return gains[0] - gains[1]


def on_the_card(measure: str, without: str = "none") -> np.ndarray:
    """Return, cell by cell and seed by seed, what the studies made on a card differ by from the laptop's own runs."""
    cells = {
        "readings": ("high linear", "high power-1.5", "high wave", "array linear", "array power-10"),
        "mend": ("high power-10",),
    }
    pairs = [(study, cell) for study, names in cells.items() for cell in names if not cell.endswith(without)]
    made = [seeds(f"laptop/{study}", cell, measure) - seeds("laptop", cell, measure, last=2) for study, cell in pairs]
    return np.concatenate(made)


@cache
def bench(name: str):
    return json.loads((BENCHMARKS / f"{name}.json").read_text())


def record(path: str, *keys):
    """Return what a committed JSON record says."""
    found = json.loads((REFERENCE / path).read_text())
    for key in keys:
        found = found[key]
    return found


def taken(scale: str, cell: str) -> float:
    """Return the seconds that a cell's training took, the mean over its seeds."""
    runs = (REFERENCE / scale / "runs").glob(f"{cell.replace(' ', '-')}-seed*/losses.csv")
    return float(np.mean([pd.read_csv(path).seconds.sum() for path in runs]))


def last_losses(scale: str, cell: str, column: str = "test_mean", epoch: int = -1) -> list[float]:
    """Return the loss of a cell's last epoch, or of another, counted from 0, seed by seed."""
    runs = sorted((REFERENCE / scale / "runs").glob(f"{cell.replace(' ', '-')}-seed*/losses.csv"))
    return [float(pd.read_csv(path)[column].iloc[epoch]) for path in runs]


def value_of(text: str) -> tuple[float, float]:
    """Return a number as written, and half a unit of its last digit; 50 for ten thousands that end in 00."""
    plain = text.replace(",", "").replace("−", "-")
    if len(plain) >= 5 and plain.endswith("00"):
        return float(plain), 50
    return float(plain), 0.5 * 10 ** -len(plain.partition(".")[2])


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a text that may be results."""
    return NUMBER.findall(NAMES.sub(" ", text))


def step(way: str, key: str, work: str = "step", widths: str = "full", batch: int | None = None) -> float:
    """Return a measurement of benchmarks/reference/gpu.json."""
    rows = [row for row in bench("gpu")["rows"] if (row["work"], row["way"], row["widths"]) == (work, way, widths)]
    (found,) = [row[key] for row in rows if batch in (None, row["batch"])]
    return found


def mean_error(scale: str, cell: str, statistics: str, steps) -> float:
    """Return the mean error of the predicted noise, averaged over some time steps; statistics: running or anew."""
    found = record(f"{scale}/runs/{cell.replace(' ', '-')}-seed0/renormed.json", "mean_errors")
    return float(np.mean([found[statistics][found["steps"].index(t)] for t in steps]))


def faster(way: str, other: str) -> float:
    """Return how many times as fast a training step is as another one, on the card of gpu.json."""
    return step(way, "images_per_second") / step(other, "images_per_second")


def peaks(threads: int) -> list[float]:
    """Return a training step's shares of its convolutions' own peak, by that many threads."""
    frame = read("benchmarks/peak.csv")
    return frame[frame.threads == threads].share.tolist()


SETS, MODELS = "low high array", "linear power-1.5 power-2 wave"
EVERY = f"{MODELS} power-10"
ROUGH = "plain_iou_0.8_share"


def limit(name: str) -> float:
    """Return what an outline may be off in a clean shape, in pixels: SHIFT on average, DEPTH at most."""
    from studies.measures.rulers import clean

    return {"SHIFT": clean.DISPLACED, "DEPTH": clean.DEEPEST}[name]


def real(scale: str, measure: str) -> list[float]:
    """Return a measure of the held-out real images of each set."""
    return [m(scale, f"{data} linear", f"real_{measure}") for data in SETS.split()]


def power(shapes: str, column: str) -> list[float]:
    frame = read("thesis/tables/power.csv")
    return frame.loc[frame.shapes == shapes, column].tolist()


def more_small() -> list[float]:
    """Return how many more samples power 1.5 leaves under 30 px than linear, at full widths, seed 0, set by set."""
    ours, theirs = (each("thesis seed 0", "small_share", SETS, model) for model in ("power-1.5", "linear"))
    return [own - other for own, other in zip(ours, theirs, strict=True)]


def apart(scale: str, measure: str) -> float:
    """Return by how much linear, power 1.5 and power 2 differ at most on one set."""
    found = [each(scale, measure, data, "linear power-1.5 power-2") for data in SETS.split()]
    return max(max(one) - min(one) for one in found)


def _errors_and_ink() -> tuple[list, list]:
    cells = [f"{data} {model}" for data in SETS.split() for model in MODELS.split()]
    errors = [mean_error("overnight/renormed", cell, "running", (400, 600, 800, 900)) for cell in cells]
    return errors, [m("overnight", cell, "real_ink") - m("overnight", cell, "ink") for cell in cells]


def order_of_ink() -> float:
    """Return Spearman's correlation of the mean error and the ink that is missing, over the twelve cells."""
    from scipy.stats import spearmanr

    return float(spearmanr(*_errors_and_ink()).statistic)


def ink_off(scale: str, samples: str) -> float:
    """Return how far ink lies off that of real images, averaged over the twelve cells."""
    cells = [f"{data} {model}" for data in SETS.split() for model in MODELS.split()]
    return float(np.mean([abs(m(scale, one, "ink", samples) - m("overnight", one, "real_ink")) for one in cells]))


def less_clean(scale: str, *models: str) -> list[float]:
    """Return by how much low's samples have more off the triangle than array's, by model."""
    return [m(scale, f"low {one}", "background_rms") - m(scale, f"array {one}", "background_rms") for one in models]


def gains(scale: str, *models: str) -> list[float]:
    """Return by how many points more samples are rough shapes on the 720 px set than on low, by model."""
    return [100 * (m(scale, f"high {one}", ROUGH) - m(scale, f"low {one}", ROUGH)) for one in models]


def left_of_signal(model: str) -> float:
    """Return abar at the last step."""
    return float(table("thesis/tables/schedules.csv", model, "abar_T"))


def moved(scale: str, samples: str) -> float:
    """Return by how much the share of rough shapes moves at most in another sampling of linear and wave."""
    return max(abs(seeds(scale, f"{d} {model}", ROUGH, samples)[0] - m(scale, f"{d} {model}", ROUGH))
               for d in SETS.split() for model in ("linear", "wave"))  # fmt: skip


def identical() -> float:
    """Return the share of the laptop's samples that equal another of their cell."""
    return float(np.mean(each("laptop", "identical_share", SETS, EVERY)))


def spreads() -> list[float]:
    """Return the standard deviations over seeds of the shares of rough shapes, power 10's aside."""
    return [seeds("laptop", f"{d} {one}", ROUGH, last=5).std(ddof=1) for d in SETS.split() for one in MODELS.split()]


def lead(data: str) -> float:
    """Return by how much more samples are rough shapes on the 720 px set than on another, over all models."""
    return float(np.mean(each("laptop", ROUGH, "high", EVERY)) - np.mean(each("laptop", ROUGH, data, EVERY)))


def learnt(data: str, scale: str = "laptop") -> float:
    """Return power 10's share of what linear redraws from images as noisy: the geometric mean over seeds."""
    ours, theirs = (
        seeds(scale, f"{data} {model}", "iou_0.8_share", samples, last=5)
        for model, samples in (("power-10", "noised"), ("linear", "halfway"))
    )
    return float(np.exp(np.log(ours / theirs).mean()))


def ahead(model: str, other: str) -> float:
    """Return by how much more of a model's samples are rough shapes than of another's, by each set's own ruler."""
    return float(
        np.mean(each("laptop", "iou_0.8_share", SETS, model)) - np.mean(each("laptop", "iou_0.8_share", SETS, other))
    )
