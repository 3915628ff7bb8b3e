"""Table `widths`: the same cells at every scale that judges, with batch norm's running and fresh statistics."""

from dataclasses import dataclass

import numpy as np

from studies.measures.results import COLUMNS
from studies.report.entries import Entry
from studies.report.tables.across.scales import find_evidence

__all__ = ["ENTRY", "FRESH", "REAL", "RUNNING", "SHOWN", "At", "find_needs", "make", "read_scales_apart"]

SHOWN = ("plain_iou_0.8_share", "clean_share", "small_share", "ink", "background_haze", "total_bits")
REAL = "real_"
RUNNING, FRESH = "running", "fresh"


@dataclass(frozen=True)
class At:
    """A scale's cells by seeds of one kind, see `split_seeds`.

    values: {(data, model, statistics): {measure: mean over the seeds that have it}}, and beside each that of real
    images; seeds: {(data, model, statistics): how many there are}.
    """

    plan: object
    name: str
    widths: str
    values: dict
    seeds: dict


def read_scales_apart(plan) -> list[At]:
    """Read the study's cells at every scale that judges, made or committed, farthest from the thesis first.

    Seeds that confirm are kept apart from those that explored, which may have had other measures and fewer samples.
    """
    from studies.verdicts.scales import Column, choose_scales, gather_seeds, split_seeds

    study, results = str(plan.written_in[0]), plan.folder.parent
    read = []
    for scale in reversed(choose_scales()):
        for seeds, confirms in reversed(split_seeds(study, scale, results)):
            own, found, _ = gather_seeds(study, scale, results, seeds)
            column = Column(own, (), confirms)
            read.append(At(own, column.name, column.widths, *_average(own, found)))
    return read


def _average(plan, found) -> tuple[dict, dict]:
    """Return means over seeds by cell and statistics, and how many seeds there are."""
    fresh = [name for name, one in plan.study.resampled.items() if one.renormed]
    values, seeds = {}, {}
    for data, model in plan.cells:
        for samples, statistics in (("", RUNNING), *((name, FRESH) for name in fresh)):
            rows = [row for (*cell, _), row in found.items() if tuple(cell) == (data, model, samples)]
            if rows:
                names = (f"{of}{name}" for name in SHOWN for of in ("", REAL))
                seeds[data, model, statistics] = len(rows)
                values[data, model, statistics] = {name: _mean(rows, name) for name in names}
    return values, seeds


def _mean(rows, name: str) -> float:
    known = [row[name][0] for row in rows if name in row and np.isfinite(row[name][0])]
    return float(np.mean(known)) if known else np.nan


def make(plan):
    """Return a row for each cell, scale and kind of statistics; NaN where a measure was not taken there."""
    import pandas as pd

    rows = [
        {
            "data": data,
            "model": model,
            "scale": one.name,
            "recipe": one.plan.scale.recipe,
            "widths": one.widths,
            "statistics": statistics,
            "seeds": one.seeds[data, model, statistics],
            **{name: values[name] for name in SHOWN},
        }
        for one in read_scales_apart(plan)
        for (data, model, statistics), values in one.values.items()
    ]
    order = {name: i for i, name in enumerate((*plan.data_names, *plan.model_names))}
    frame = pd.DataFrame(rows, columns=[*COLUMNS[:2], "scale", "recipe", "widths", "statistics", "seeds", *SHOWN])
    return frame.sort_values(["data", "model"], key=lambda column: column.map(order), kind="stable", ignore_index=True)


def find_needs(plan) -> list:
    """Return the study's own measures, and those of all scales that are there.

    Raises:
        ValueError: the study takes no cell's statistics again, so there is nothing to compare.
    """
    if not any(one.renormed for one in plan.study.resampled.values()):
        raise ValueError(f"widths: study {plan.study_name} takes no cell's statistics again (`renormed`)")
    return find_evidence(plan)


ENTRY = Entry(
    title="How small a network tells the truth",
    caption="The same cells at every scale that judges: means over its seeds, with batch norm's running statistics and "
    "with fresh ones where both were sampled. A dash: not measured there. Overlap by the one ruler, clean and haze are "
    "of samples with 30 px of ink or more. Cells not made here are those committed in results/reference.",
    needs=find_needs,
    make=make,
)
