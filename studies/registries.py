"""What there is to choose from: figures, tables, rulers and analytic checks, a line each. Imports nothing heavy.

A member is the text `module:attribute`, imported when it is first asked for.
"""

from functools import cache

from diffusion.store.registry import Registry
from triangles.kinds import KINDS

__all__ = ["CHECKS", "FIGURES", "RULERS", "TABLES", "describe", "list_names", "shown"]

# What measures a set of images (a column an image, and numbers of them all), or a run as a whole; in the order in which
# their measures are written.
RULERS = Registry(
    "ruler",
    {
        "shape": "studies.measures.rulers.shape:RULER",
        "clean": "studies.measures.rulers.clean:RULER",
        "noise": "studies.measures.rulers.noise:RULER",
        "colour": "studies.measures.rulers.colour:RULER",
        "population": "studies.measures.rulers.population:RULER",
        "novelty": "studies.measures.rulers.novelty:RULER",
        "likelihood": "studies.measures.rulers.likelihood:RULER",
        "curve": "studies.measures.rulers.curve:RULER",
    },
)
FIGURES = Registry(
    "figure",
    {
        "schedules": "studies.report.figures.curves.schedules:ENTRY",
        "loss": "studies.report.figures.curves.loss:ENTRY",
        "loss-extended": "studies.report.figures.curves.loss_extended:ENTRY",
        "loss-logsnr": "studies.report.figures.curves.loss_logsnr:ENTRY",
        "mean-error": "studies.report.figures.curves.mean_error:ENTRY",
        "score-field": "studies.report.figures.curves.score_field:ENTRY",
        "frontier": "studies.report.figures.curves.frontier:ENTRY",
        "noising": "studies.report.figures.images.noising:ENTRY",
        "training-examples": "studies.report.figures.images.training_examples:ENTRY",
        "training-images": "studies.report.figures.images.training_images:ENTRY",
        "reverse": "studies.report.figures.images.reverse:ENTRY",
        "starts": "studies.report.figures.images.starts:ENTRY",
        "samples": "studies.report.figures.images.samples:ENTRY",
        "other-samples": "studies.report.figures.images.other_samples:ENTRY",
        "latent-walks": "studies.report.figures.images.latent_walks:ENTRY",
        "neighbours": "studies.report.figures.images.neighbours:ENTRY",
        "clean": "studies.report.figures.measures.clean:ENTRY",
        "overlap": "studies.report.figures.measures.overlap:ENTRY",
        "noise": "studies.report.figures.measures.noise:ENTRY",
        "colour": "studies.report.figures.measures.colour:ENTRY",
        "population": "studies.report.figures.measures.population:ENTRY",
        "likelihood": "studies.report.figures.measures.likelihood:ENTRY",
        "families": "studies.report.figures.overviews.families:ENTRY",
        "contrasts": "studies.report.figures.measures.contrasts:ENTRY",
        "scales": "studies.report.figures.measures.scales:ENTRY",
        "widths": "studies.report.figures.measures.widths:ENTRY",
        "time": "studies.report.figures.measures.time:ENTRY",
        "workflow-time": "studies.report.figures.measures.workflow_time:ENTRY",
    },
)
TABLES = Registry(
    "table",
    {
        "verdicts": "studies.report.tables.verdicts:ENTRY",
        "scales": "studies.report.tables.across.scales:ENTRY",
        "widths": "studies.report.tables.across.widths:ENTRY",
        "cells": "studies.report.tables.cells:ENTRY",
        "measures": "studies.report.tables.measures:ENTRY",
        "schedules": "studies.report.tables.schedules:ENTRY",
        "losses": "studies.report.tables.losses:ENTRY",
        "time": "studies.report.tables.time:ENTRY",
        "workflow-time": "studies.report.tables.workflow_time:ENTRY",
        "data": "studies.report.tables.data:ENTRY",
        "power": "studies.report.tables.power:ENTRY",
        "training-images": "studies.report.tables.training_images:ENTRY",
    },
)
# Claims that formulas or drawing settle, without a run.
CHECKS = Registry(
    "check",
    {
        "linear-before-cosine": "studies.verdicts.analytic:linear_before_cosine",
        "linear-before-sigmoid": "studies.verdicts.analytic:linear_before_sigmoid",
        "drawing-leaves-gray": "studies.verdicts.analytic:drawing_leaves_gray",
    },
)


def shown(registry: Registry, name: str, plan):
    """Return the figure or table of that name, bound to the plan's data where there is one for each.

    `reverse-low` is the entry `reverse` for the data `low`.

    Raises:
        ValueError: there is none; the message lists what there is.
    """
    if name in registry and registry[name].per_data is not True:
        return registry[name].bind(name)
    family, data = next(
        ((name[: -len(data) - 1], data) for data in plan.data_names if name.endswith(f"-{data}")), (name, None)
    )
    entry = registry[family] if data else registry[name]  # the latter refuses what there is not
    if data is None or entry.per_data is False:
        known = ", ".join(f"{family}-{one}" for one in plan.data_names)
        raise ValueError(f"{registry.what} {name!r} is made for each data set: choose from {known}")
    return entry.bind(name, data)


def list_names(registry: Registry, plan) -> list[str]:
    """List the figures or tables that can be asked of a plan, by the names of their files."""
    names = []
    for name, entry in registry.items():
        names += [] if entry.per_data is True else [name]
        names += [] if entry.per_data is False else [f"{name}-{data}" for data in plan.data_names]
    return names


@cache
def _described(rulers: tuple[str, ...], kinds: tuple[str, ...]) -> dict:
    """Describe every measure; rulers, kinds: what is registered, so that what a plugin adds is described too."""
    return {name: measure for ruler in rulers for name, measure in RULERS[ruler].describe().items()}


def describe(name: str):
    """Return what a measure is, in words: see `studies.measures.measure.Described`.

    `real_x` is x of held-out real images, `excess_x` the difference of the two.

    Raises:
        ValueError: no ruler has such a measure; the message lists the nearest names.
    """
    from difflib import get_close_matches

    known = _described(tuple(RULERS), tuple(KINDS))
    if name in known:
        return known[name]
    for prefix in ("real_", "excess_"):
        if name.startswith(prefix) and name.removeprefix(prefix) in known:
            return known[name.removeprefix(prefix)].derived(prefix)
    near = get_close_matches(name, known, 4, 0.4) or list(known)[:8]
    raise ValueError(f"unknown measure {name!r}: did you mean {', '.join(near)}?")
