"""Time and peak memory against what can be made larger, each piece in a fresh process, and the fitted exponents."""

import datetime
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import linregress

from benchmarks.growing.children import measured

LEAST_MB = 1.0  # memory below this is the allocator's, and is not fitted


@dataclass(frozen=True)
class Series:
    """One piece of work, `benchmarks.growing.work.WORK(**settings, ALONG=value)`, for each of the values."""

    name: str
    work: str
    values: tuple[int, ...]
    settings: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Growth:
    """along: the setting that grows, "dataset" for a set of that many images; clock: what is fitted, CPU or wall time;
    title, axis and memory: words for the figure."""

    title: str
    axis: str
    along: str
    series: tuple[Series, ...]
    clock: str = "cpu_seconds"
    memory: str = "memory beyond the set-up's, MB"


THOUSANDS = (1_000, 10_000, 100_000, 1_000_000)
SIDES, STEPS = (16, 32, 64, 128), (10, 30, 100, 300, 1000)
GROWTHS = {
    "data": Growth(
        "Making a data set: triangles generate",
        "training images",
        "count",
        (
            Series("array", "generate", THOUSANDS, {"preparation": "array"}),
            Series("low", "generate", THOUSANDS, {"preparation": "low"}),
            Series("high", "generate", (1_000, 3_000, 10_000), {"preparation": "high"}),
        ),
    ),
    "training": Growth(
        "One epoch of training, 32 px, 1/8 widths",
        "training images",
        "dataset",
        (
            Series("fast recipe, batch 32", "train", (10_000, 30_000, 100_000), {"recipe": "fast"}),
            Series("thesis's recipe, batch 128", "train", (10_000, 30_000, 100_000), {"recipe": "thesis"}),
        ),
    ),
    "size": Growth(
        "Image size, 1/8 widths",
        "pixels a side",
        "size",
        (
            Series("5,000 array images", "generate", SIDES, {"preparation": "array", "count": 5_000}),
            Series("5,000 low images", "generate", SIDES, {"preparation": "low", "count": 5_000}),
            Series("training step, batch 32", "step", SIDES),
            Series("sampling 32 images, 10 steps", "draw", SIDES, {"count": 32, "steps": 10}),
        ),
    ),
    "timesteps": Growth(
        "Time steps, 32 px, 1/8 widths",
        "T",
        "timesteps",
        (
            Series("schedule", "schedule", (*STEPS, 10_000, 100_000)),
            Series("sampling 8 images, all T steps", "draw", STEPS),
            Series("likelihood of 16 images, all T terms", "likelihood", STEPS),
        ),
    ),
    "cells": Growth(
        "Whole workflows, scale smoke",
        "cells",
        "cells",
        (
            Series("snakemake --cores 1", "cells", (1, 2, 4, 8), {"cores": 1}),
            Series("snakemake --cores 2", "cells", (1, 2, 4, 8), {"cores": 2}),
        ),
        clock="seconds",
        memory="memory of all processes, MB",
    ),
}


def exponent(x, y) -> tuple[float, float]:
    """p of y = c x^p by least squares on the logarithms, and its standard error (nan for fewer than three points).

    Raises:
        ValueError: a value that has no logarithm.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if not (x > 0).all() or not (y > 0).all():
        raise ValueError("a power law is fitted only to positive numbers")
    if len(set(x)) < 2:
        return float("nan"), float("nan")
    fit = linregress(np.log(x), np.log(y))
    return float(fit.slope), float(fit.stderr) if len(x) > 2 else float("nan")


def at_the_end(x, y) -> float:
    """The exponent between the two largest x (nan for fewer): where a fixed cost bends the line, the one that lasts."""
    order = np.argsort(x)[-2:]
    return exponent(np.asarray(x)[order], np.asarray(y)[order])[0] if len(order) == 2 else float("nan")


def fits(table: pd.DataFrame, clock: str = "cpu_seconds") -> pd.DataFrame:
    """Exponents of time and of the memory beyond the base, one row a series: p, its standard error, p at the end."""
    rows = []
    for name, group in table.groupby("series", sort=False):
        extra = (group["peak_mb"] - group["base_mb"]).where(lambda mb: mb >= LEAST_MB)
        kept = extra.notna()
        curves = (group["x"], group[clock]), (group["x"][kept], extra[kept])
        rows.append((name, *(value for curve in curves for value in (*exponent(*curve), at_the_end(*curve)))))
    columns = [f"{law}{part}" for law in ("time", "memory") for part in ("", "_se", "_end")]
    return pd.DataFrame(rows, columns=["series", *columns])


def run(name: str, most: int | None = None, threads: int = 1, progress=print) -> pd.DataFrame:
    """Rows of date, series, x, seconds, cpu_seconds, base_mb, peak_mb; values of x above `most` are left out."""
    growth, rows = GROWTHS[name], []
    with tempfile.TemporaryDirectory() as temporary:
        for series in growth.series:
            for x in [value for value in series.values if value <= (most or value)]:
                given = {growth.along: _dataset(Path(temporary) / str(x), x) if growth.along == "dataset" else x}
                found = measured(series.work, threads, **series.settings, **given)
                rows.append({"date": datetime.date.today(), "series": series.name, "x": x, **found})
                progress(rows[-1])
    return pd.DataFrame(rows)


def _dataset(folder: Path, count: int) -> str:
    if not folder.exists():
        measured("generate", preparation="array", count=count, folder=str(folder))
    return str(folder)
