"""From the samples of the race to a table: how good at which moment, and how many minutes to each mark."""

from pathlib import Path

import numpy as np
import pandas as pd

from diffusion.store.files import read_array, read_json, write_text
from studies.measures.images import Images, measure_each, summarise
from triangles.kinds import KINDS

MEASURES = {
    "iou_median": "median overlap",
    "valid_share": "valid",
    "iou_0.8_share": "overlap >= 0.8",
    "small_share": "under 30 px",
}
MARKS = {
    "median overlap": (0.7, 0.8, 0.9),
    "valid": (0.25, 0.5, 0.75),
    "overlap >= 0.8": (0.25, 0.5, 0.75),
}
OURS = "ours"
SMALL_AT_MOST = 0.5  # share under 30 px from which on the rest says nothing of the samples; real images: 0.17


def points(race: Path) -> pd.DataFrame:
    """One row a contender and moment: minutes of CPU and wall time, images seen, and the measures of its samples."""
    real = measure_each(Images(read_array(race / "data" / "test.npy")))
    rows = []
    for path in sorted(race.glob("*/at-*.json")):
        facts = read_json(path)
        drawn = measure_each(Images(read_array(path.with_suffix(".npy"))))
        measured = summarise(drawn, real, KINDS["triangle"], np.random.default_rng(0))
        values = {MEASURES[m.name]: m.value for m in measured if m.name in MEASURES}
        times = {"CPU min": facts["cpu"] / 60, "wall min": facts["wall"] / 60}
        rows.append(
            {"contender": facts["contender"], **times, "images": facts["images"], "n": facts["count"], **values}
        )
    if not rows:
        raise ValueError(f"{race} holds no samples yet: run the race first")
    return pd.DataFrame(rows).sort_values(["contender", "CPU min"], ignore_index=True)


def minutes_to_reach(minutes, values, mark: float, between: bool = True) -> tuple[str, float]:
    """When a course through these points first reaches the mark: on a straight line between two moments, or, unless
    `between`, at a moment itself. What could not be measured, for want of images with enough ink, counts as 0.

    Returns ("", minutes); ("<=", the first moment) if it is above the mark there already; (">", the last) if never.
    """
    order = np.argsort(minutes)
    minutes, values = np.asarray(minutes, float)[order], np.nan_to_num(np.asarray(values, float))[order]
    above = np.flatnonzero(values >= mark)
    if not len(above):
        return ">", float(minutes[-1])
    i = above[0]
    if i == 0 or not between:
        return "" if i else "<=", float(minutes[i])
    share = (mark - values[i - 1]) / (values[i] - values[i - 1])
    return "", float(minutes[i - 1] + share * (minutes[i] - minutes[i - 1]))


def best(times: list[tuple[str, float]]) -> tuple[str, float]:
    """The soonest of several; of those that never got there, the one that was given the longest."""
    there = [one for one in times if one[0] != ">"]
    return min(there, key=lambda one: one[1]) if there else max(times, key=lambda one: one[1])


def ratio(peer: tuple[str, float], ours: tuple[str, float]) -> str:
    """Peer's time over ours, as a bound where one of them is one; empty where that says nothing."""
    if ours[0] == ">":
        return ""
    signs = {("", ""): "", (">", ""): "> ", ("", "<="): ">= ", (">", "<="): "> ", ("<=", ""): "<= "}
    sign = signs.get((peer[0], ours[0]))
    return "" if sign is None else f"{sign}{peer[1] / ours[1]:.1f}"


def reach(table: pd.DataFrame, clock: str = "CPU min") -> pd.DataFrame:
    """Minutes to each mark, and in brackets how many times ours: each other contender by the best of its variants, on
    the line between moments; ours by the shortest planned run that is there, as no run is between two others. A
    moment at which most samples hold too little ink to be measured reaches no mark."""
    small = table["under 30 px"] > SMALL_AT_MOST
    table = table.assign(**{measure: table[measure].mask(small) for measure in MARKS})
    kinds = dict(list(table.groupby(table["contender"].str.partition(":")[0])))
    rows = []
    for measure, marks in MARKS.items():
        for mark in marks:
            times = {name: _time(name, kinds[name], clock, measure, mark) for name in sorted(kinds, key=_ours_first)}
            rows.append({"mark": f"{measure} {mark:g}"} | {name: _said(time, times) for name, time in times.items()})
    return pd.DataFrame(rows)


def _ours_first(name):
    return name != OURS, name


def _time(name, rows, clock, measure, mark):
    if name == OURS:
        return minutes_to_reach(rows[clock], rows[measure], mark, between=False)
    variants = [one for _, one in rows.groupby("contender")]
    return best([minutes_to_reach(one[clock], one[measure], mark) for one in variants])


def _said(time, times):
    text = f"{time[0]} {time[1]:.1f}".strip()
    times_ours = ratio(time, times[OURS]) if OURS in times and time is not times[OURS] else ""
    return f"{text} ({times_ours} x)" if times_ours else text


def markdown(table: pd.DataFrame) -> str:
    cells = [[f"{v:.2f}" if isinstance(v, float) else str(v) for v in row] for row in table.itertuples(index=False)]
    lines = [list(table.columns), ["---"] * len(table.columns), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(race: Path) -> str:
    """points.csv and race.md in the race's folder; what race.md says."""
    table = points(race)
    parts = [markdown(reach(table)), markdown(reach(table, "wall min")), markdown(table)]
    titles = ["Minutes of CPU time to each mark", "The same in wall time", "Points"]
    text = "\n".join(f"{title}\n\n{part}" for title, part in zip(titles, parts, strict=True))
    write_text(race / "points.csv", table.to_csv(index=False))
    write_text(race / "race.md", text)
    return text
