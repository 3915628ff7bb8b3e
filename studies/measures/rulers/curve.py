"""Numbers of a training curve: how fast the loss falls, how much it still moves, and its time."""

import numpy as np

from studies.measures.measure import Described, Measure, Ruler
from studies.measures.results import read_losses

__all__ = ["RULER", "loss_measures"]

EARLY, LATE = 0.25, 0.5  # shares of a run in which its loss falls, and settles
LEAST_LATE = 4  # epochs to tell unrest from a trend
MEASURES = {
    "train_loss": Described("training loss at the end"),
    "test_loss": Described("test loss at the end"),
    "loss_fall_share": Described("share of the loss's fall within a quarter of the epochs", "share"),
    "loss_instability": Described(
        "deviation of the loss from a straight line over the last half", "log10", better="low"
    ),
    "seconds_per_epoch": Described("seconds an epoch", "s", better="low", timed=True),
    "training_images_per_second": Described("training images a second", "1/s", better="high", timed=True),
}


def loss_measures(losses, images):
    """Measure a training curve: how fast the loss falls, how much it still moves, seconds an epoch.

    loss_fall_share: of its whole fall, in log10 and from 1, the loss of predicting no noise at all, the share that is
    done after a quarter of the epochs; loss_instability: its deviation, in log10, from a straight line over the last
    half of the epochs, so that a loss which still falls evenly is none; seconds_per_epoch: the median without the first
    epoch, which warms up. NaN where there are too few epochs.
    """
    logs, count = np.log10(losses.train_mean.to_numpy(np.float64)), len(losses)
    early, late = int(np.ceil(EARLY * count)), int(np.ceil(LATE * count))
    share = logs[early - 1] / logs[-1] if count >= 4 and logs[-1] < 0 else np.nan
    unrest = _off_its_line(logs[-late:]) if late >= LEAST_LATE else np.nan
    seconds = float(np.median(losses.seconds.to_numpy()[1:])) if count > 1 else np.nan
    return [
        Measure("train_loss", float(losses.train_mean.iloc[-1]), "1", 1),
        Measure("test_loss", float(losses.test_mean.iloc[-1]), "1", 1),
        Measure("loss_fall_share", float(share), "share", count),
        Measure("loss_instability", float(unrest), "log10", count),
        Measure("seconds_per_epoch", seconds, "s", max(count - 1, 0)),
        Measure("training_images_per_second", images / seconds if seconds > 0 else np.nan, "1/s", max(count - 1, 0)),
    ]


def _off_its_line(values):
    """Return the residual standard deviation about the least-squares line, two degrees of freedom for the line."""
    x = np.arange(len(values))
    residuals = values - np.polyval(np.polyfit(x, values, 1), x)
    return np.sqrt((residuals**2).sum() / (len(values) - 2))


def measure_curve(run) -> list[Measure]:
    return loss_measures(read_losses(run), run.dataset.settings.count)


RULER = Ruler(MEASURES, of_run=measure_curve)
