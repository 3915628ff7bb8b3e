"""What a measure is: a number of some images, or of a run; what people call it; and the rulers that take them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

__all__ = ["OF_REAL", "SMALL", "Described", "Measure", "Ruler", "beside", "mean", "rate_upper_bound", "share"]

SMALL = 30  # px of ink: below this almost any blot overlaps some triangle, so such images count on their own
OF_REAL = "real_"  # begins the names of measures of held-out real images, which no model changes
PREFIXES = {OF_REAL: "of held-out real images", "excess_": "beyond that of held-out real images"}


@dataclass(frozen=True)
class Measure:
    """One tidy row: a value with its unit, and the number of images (or pairs) it rests on; NaN where n is too few."""

    name: str
    value: float
    unit: str
    n: int


@dataclass(frozen=True)
class Described:
    """A measure in words. words: what people call it; unit; range: least and most; better: `high`, `low` or "" where
    neither is; version: raised with what it means, so that claims on it count as changed; timed: whether a clock was
    read, so that what else ran beside shows in it."""

    words: str
    unit: str = "1"
    range: tuple[float, float] = (0, inf)
    better: str = ""
    version: int = 1
    timed: bool = False

    def derived(self, prefix: str) -> "Described":
        """Return the same measure of held-out real images (`real_`), or what it exceeds theirs by (`excess_`)."""
        low, high = self.range
        span = (low - high, high - low) if prefix == "excess_" else self.range
        return replace(self, words=f"{self.words}, {PREFIXES[prefix]}", range=span)


@dataclass(frozen=True)
class Ruler:
    """What takes measures, and what they are.

    measures: name -> `Described`, or a function that gives that. columns: `Images` -> {name: (N,) array}, a value an
    image. summarise: (table, table of real images, kind of picture, rng) -> rows of `Measure`. of_run: run -> rows.
    needs: what the run's family of models must be capable of for `of_run`.
    """

    measures: dict[str, Described] | Callable[[], dict[str, Described]]
    columns: Callable | None = None
    summarise: Callable | None = None
    of_run: Callable | None = None
    needs: frozenset[str] = field(default_factory=frozenset)

    def describe(self) -> dict[str, Described]:
        return self.measures() if callable(self.measures) else self.measures


def mean(name: str, values, unit: str) -> Measure:
    """Return the mean of what is not NaN, and of how many that is."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    return Measure(name, float(values.mean()) if len(values) else np.nan, unit, len(values))


def share(name: str, passed) -> Measure:
    """Return a share of the images that are large enough to be judged; 0 where none is: to draw nothing is to fail."""
    return Measure(name, float(passed.mean()) if len(passed) else 0.0, "share", len(passed))


def beside(ours: list[Measure], theirs: list[Measure], excess: bool = False) -> list[Measure]:
    """Put beside each measure that of the real images and, on demand, what it exceeds theirs by."""
    rows = []
    for own, real in zip(ours, theirs, strict=True):
        rows += [own, Measure(f"{OF_REAL}{real.name}", real.value, real.unit, real.n)]
        if excess:
            rows.append(Measure(f"excess_{own.name}", own.value - real.value, own.unit, own.n))
    return rows


def rate_upper_bound(events: int, n: int, confidence: float = 0.95) -> float:
    """Return a one-sided upper bound of a rate: 3/n (at 95%) for no event, else Clopper and Pearson's; 1 for n = 0."""
    from scipy import stats

    if not 0 <= events <= n:
        raise ValueError(f"{events} events in {n} trials is impossible")
    if events == n:
        return 1.0
    if events == 0 and confidence == 0.95:
        return min(1.0, 3 / n)  # the rule of three
    return float(stats.beta.ppf(confidence, events + 1, n - events))
