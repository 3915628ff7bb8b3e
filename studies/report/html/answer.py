"""Tell what came out of a study in a few sentences, from its measures only."""

import numpy as np

from diffusion.settings import WeightlessSettings
from studies.measures.jobs import duration, workflow_time
from studies.measures.results import seeds_by_cell
from studies.planning.families import DEFAULT
from studies.report.commands import format_config

__all__ = ["tell_answer", "tell_more_seeds", "tell_training"]

SHARES = "plain_iou_0.8_share", "plain_iou_0.9_share", "small_share"


def tell_answer(plan) -> list[str]:
    """Tell how many good shapes the cells of the grid draw, the best and the worst by name, beside real images.

    Means over the seeds that are there; none where no cell is measured. Models without weights, as one that draws real
    images, are left out beside others.
    """
    learnt = _find_learnt(plan)
    means = [_average(plan, f"{of}{name}") for of in ("", "real_") for name in SHARES]
    means = [{cell: mean for cell, mean in one.items() if cell in learnt} or one for one in means]
    if not all(means):
        return []
    good, clean, small, *real = means
    real = [_tell_range(shares.values()) for shares in real]
    best, worst = (pick(good, key=good.get) for pick in (max, min))
    cleanest = max(clean, key=clean.get)
    return [
        f"By rough shape the best cell is {_tell(plan, best)}: {_percent(good[best])} of its samples overlap their "
        f"best-fit shape by 0.8 or more. The worst is {_tell(plan, worst)} with {_percent(good[worst])}; of real "
        f"images {real[0]} do.",
        f"These shares are of samples with 30 px of ink (white area) or more. Of a cell's samples "
        f"{_tell_range(small.values())} have less ink than that, of real images {real[2]}.",
        f"An overlap of 0.9 or more is reached by {_percent(clean[cleanest])} at most, {_tell(plan, cleanest)}; of "
        f"real images by {real[1]}.",
    ]


def tell_training(plan) -> tuple[str, str, str]:
    """Tell which models the recipe is of and for how many epochs, and of the models that are not diffusion, if any."""
    ours = [run for run in plan.grid if run.training.family == DEFAULT]
    rest = [run for run in plan.grid if run.training.family != DEFAULT]
    names = "; ".join(dict.fromkeys(plan.label(run.model) for run in rest))
    which = "others" if ours else "models"
    others = f" The {which} ({names}) have settings of their own, which the study's file gives." if rest else ""
    who = "The models of diffusion" if rest else "All models"
    return who if ours else "", _tell_epochs(ours), others


def _tell_epochs(runs) -> str:
    low, high = (pick((run.training.epochs for run in runs), default=0) for pick in (min, max))
    return f"{low} to {high} epochs" if low < high else f"{high} epoch{'s' * (high != 1)}"


def tell_more_seeds(plan) -> str:
    """Tell how verdicts come of a plan of one seed, and what that takes, by the time that its jobs took here; or "".

    A cell is one model trained on one set; another seed makes every cell again.
    """
    if len(plan.scale.seeds) > 1 or plan.scale.wiring:
        return ""
    first = plan.scale.seeds[0]
    config = " ".join(word for word in format_config(plan.flags).split() if not word.startswith("seeds="))
    took = workflow_time(plan).wall_s.sum()
    cost = f"; each further seed takes about {duration(took)} of one core's time on this machine" if took > 0 else ""
    return f"snakemake --cores all --config {config} seeds={first},{first + 1},{first + 2}{cost}"


def _find_learnt(plan) -> set[tuple[str, str]]:
    """Return the cells, (model, data), whose models learn weights."""
    return {(run.model, run.data) for run in plan.grid if not isinstance(run.training, WeightlessSettings)}


def _average(plan, measure) -> dict[tuple[str, str], float]:
    """Return {(model, data): the mean over the seeds that are there}, cells without any left out."""
    return {cell: float(np.mean(known)) for cell, known in seeds_by_cell(plan, measure).items() if known}


def _tell(plan, cell) -> str:
    model, data = cell
    return f"{plan.label(model)} on the {plan.label(data)} set"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _tell_range(shares) -> str:
    low, high = _percent(min(shares)), _percent(max(shares))
    return low if low == high else f"{low} to {high}"
