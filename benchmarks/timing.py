"""Contenders side by side: they take turns in one process tree, and what is reported is a ratio with its spread."""

import time
from collections.abc import Callable

import pandas as pd


def alternate(contenders: dict[str, Callable[[], float]], rounds: int) -> pd.DataFrame:
    """Run every contender once a round, in turn, starting each round with the next one; a contender returns the number
    of units (images, calls, ...) that it did. Rows: round, contender, units, seconds, cpu_seconds of this process."""
    names, rows = list(contenders), []
    for round_number in range(rounds):
        shift = round_number % len(names)
        for name in names[shift:] + names[:shift]:
            wall, cpu = time.perf_counter(), time.process_time()
            units = contenders[name]()
            seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
            rows.append((round_number, name, units, seconds, cpu_seconds))
    return pd.DataFrame(rows, columns=["round", "contender", "units", "seconds", "cpu_seconds"])


def speeds(table: pd.DataFrame, against: str) -> pd.DataFrame:
    """Units a second per contender (median over rounds); its ratio to `against` within a round: median, min, max."""
    rate = table.assign(rate=table["units"] / table["seconds"]).pivot(index="round", columns="contender", values="rate")
    ratio = rate.div(rate[against], axis=0)
    summary = {"per second": rate.median(), "ratio": ratio.median(), "least": ratio.min(), "most": ratio.max()}
    return pd.DataFrame(summary).loc[list(dict.fromkeys(table["contender"]))].reset_index()
