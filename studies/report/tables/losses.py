"""Table `losses`: the loss at the end of each run, and whether it still moves."""

from math import ceil, nan

import numpy as np

from studies.measures.results import or_hole, read_losses
from studies.report.entries import Entry
from studies.report.needs import loss_files
from studies.report.tables.runs import make_by_run

__all__ = ["ENTRY", "fit_slope", "make"]

LAST_SHARE = 0.1  # of the epochs: where the slope is taken
LAST = ("train_mean", "train_min", "train_max", "test_mean")


def make(plan):
    """Return the losses of each run.

    train_mean, train_min, train_max, test_mean: of the last epoch; best_epoch: of the lowest test mean, best_test_mean;
    slope: of the training mean, per epoch, see `fit_slope`.
    """
    return make_by_run(plan, lambda run: _find_facts(or_hole(read_losses, run)))


def _find_facts(losses) -> dict:
    if losses is None:
        return dict.fromkeys((*LAST, "best_epoch", "best_test_mean", "slope"), nan)
    last = losses.iloc[-1]
    tested = losses.dropna(subset="test_mean")
    best = tested.loc[tested.test_mean.idxmin()] if len(tested) else {"epoch": nan, "test_mean": nan}
    return {
        **{name: last[name] for name in LAST},
        "best_epoch": best["epoch"],
        "best_test_mean": best["test_mean"],
        "slope": fit_slope(losses.epoch, losses.train_mean),
    }


def fit_slope(epochs, values, share: float = LAST_SHARE) -> float:
    """Return the least-squares slope over the last `share` of the epochs, at least two; NaN for a single epoch."""
    count = max(2, ceil(share * len(epochs)))
    if len(epochs) < 2:
        return nan
    x, y = (np.asarray(one, np.float64)[-count:] for one in (epochs, values))
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / (x * x).sum())


ENTRY = Entry(
    title="Losses",
    caption="Of the last epoch: mean, minimum and maximum over batches and mean over the test set. The best epoch "
    "has the lowest test mean. The slope is that of the training mean over the last tenth of the epochs, per "
    "epoch.",
    needs=lambda plan: loss_files(plan.runs),
    make=make,
)
