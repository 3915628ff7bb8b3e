"""Table `time`: how long training, testing and sampling took, a run a row."""

from math import nan

from diffusion.store.records import RunRecord, SamplesRecord, read_record
from studies.measures.results import or_hole, read_losses
from studies.report.entries import Entry
from studies.report.needs import sample_times
from studies.report.tables.runs import SAMPLING, make_by_run

__all__ = ["ENTRY", "make"]


def make(plan):
    """Return seconds and images a second of training, testing and sampling; training counts all its epochs.

    An extension that went on from another run's checkpoint counts that run's epochs too. epoch_s: the median epoch's,
    the first left out, as it warms up; of that loading_s: fetching images and drawing noise, NaN where not recorded.
    """
    return make_by_run(plan, lambda run: _time_training(run) | _time_epochs(run) | _time_sampling(run), SAMPLING)


def _time_training(run) -> dict:
    record = or_hole(read_record, run.folder / "run.json", RunRecord)
    if record is None:
        return dict.fromkeys(("training_s", "training_images_per_s", "test_s", "test_images_per_s"), nan)
    testing = record.seconds.test
    tested = run.training.epochs * run.dataset.settings.test_count
    return {
        "training_s": record.seconds.training,
        "training_images_per_s": record.images_per_second,
        "test_s": testing,
        "test_images_per_s": tested / testing if testing else nan,
    }


def _time_epochs(run) -> dict:
    losses = or_hole(read_losses, run)
    if losses is None:
        return dict.fromkeys(("epoch_s", "loading_s", "epoch_images_per_s"), nan)
    warm = losses.iloc[1:] if len(losses) > 1 else losses
    seconds = warm.seconds.median()
    loading = warm.loading_seconds.median() if "loading_seconds" in warm else nan
    rate = run.dataset.settings.count / seconds if seconds else nan
    return {"epoch_s": seconds, "loading_s": loading, "epoch_images_per_s": rate}


def _time_sampling(run) -> dict:
    record = or_hole(read_record, run.folder / SAMPLING, SamplesRecord)
    if record is None:
        return {"sampling_s": nan, "sampling_images_per_s": nan}
    return {"sampling_s": record.seconds, "sampling_images_per_s": 1 / record.seconds_per_image}


ENTRY = Entry(
    title="Times",
    caption="Seconds, and images a second, for training, for testing after each epoch, and for sampling. An "
    "epoch's are the median without the first; loading is the part of them that went into fetching images and "
    "drawing noise.",
    needs=lambda plan: sample_times(plan.runs),
    make=make,
)
