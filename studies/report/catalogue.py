"""What is shown: one declaration a figure and a table. Imports nothing heavy: to ask what there is costs little.

An entry knows which files it needs; `make` imports the module that draws it. A new one is a line here and a function
there: `(plan) -> matplotlib Figure` or `(plan) -> pandas DataFrame`.
"""

from studies.measures.results import first_seed
from studies.report import catalogue_measures
from studies.report.catalogue_measures import VERDICTS
from studies.report.entries import Entry, named

__all__ = ["FIGURES", "TABLES", "VERDICTS", "Entry", "named"]

SETS = {
    "low": "the low-resolution set",
    "high": "the 720 px set",
    "array": "the array set",
}


def _nothing(plan):
    return []


def _training_images(plan):
    sets = {run.dataset.name: run.dataset for run in first_seed(plan)}
    return [dataset.folder / name for dataset in sets.values() for name in ("train.npy", "dataset.json")]


def _losses(plan):
    return [run.folder / "losses.csv" for run in plan.grid]


def _extended_losses(plan):
    runs = [run for run in plan.extended if run.seed == plan.scale.seeds[0]]
    if not runs:
        raise ValueError(f"loss-extended: study {plan.study_name} trains no cell for longer (`extended`)")
    return [one.folder / "losses.csv" for run in runs for one in (run, run.base)]


def _frames_of(preparation):
    names = "samples-frames.npy", "samples.json"
    return lambda plan: [r.folder / n for r in first_seed(plan) if r.preparation == preparation for n in names]


def _samples_of(preparation):
    names = "samples.npy", "samples-frames.npy"
    return lambda plan: [r.folder / n for r in first_seed(plan) if r.preparation == preparation for n in names]


def _samples(plan):
    runs = first_seed(plan)
    real = {run.dataset.name: run.dataset.folder / "test.npy" for run in runs}
    return [*(run.folder / "samples.npy" for run in runs), *real.values()]


def _all_losses(plan):
    return [run.folder / "losses.csv" for run in plan.runs]


def _times(plan):
    return [run.folder / name for run in plan.runs for name in ("run.json", "losses.csv", "samples.json")]


def _finished(plan):
    """The last files of all jobs on runs: benchmark files are no outputs to ask for, but are there by then."""
    return [one.measure_file for one in (*plan.runs, *plan.resampled)]


def _data(plan):
    return [dataset.folder / name for dataset in plan.datasets for name in ("train.npy", "test.npy", "dataset.json")]


def _reverse(preparation, where):
    return Entry(
        f"reverse-{preparation}",
        f"The reverse process on {SETS[preparation]}",
        f"One image on its way from noise to data, trained on {SETS[preparation]}: a row for each schedule, all from "
        f"the same starting noise; the moments get closer towards the end. Values beyond black and white are cut "
        f"off. Thesis figure {where}.",
        _frames_of(preparation),
        "report.figures.images.reverse",
        preparation,
        "png",
    )


def _starts(preparation, where):
    return Entry(
        f"starts-{preparation}",
        f"Five starting noises on {SETS[preparation]}",
        f"Images drawn from five starting noises, trained on {SETS[preparation]}. The top row is the noise that every "
        "schedule below it starts from. Crossed out: blank, without a pixel above one half. Thesis figure "
        f"{where}.",
        _samples_of(preparation),
        "report.figures.images.starts",
        preparation,
        "png",
    )


_AVERAGED = (
    "Where a recipe averages the weights, the test mean is that of the averaged weights, and the training mean that of "
    "the weights at hand. "
)
_FIGURES = [
    Entry(
        "schedules",
        "Noise schedules",
        "The noise added at each step, and the share of the image's signal power that is left; thin and gray, "
        "that share under schedules outside the grid that claims speak of. Thesis figure 5.1.",
        _nothing,
        "report.figures.curves.schedules",
    ),
    Entry(
        "noising",
        "A photograph under each schedule",
        "Noise added to a photograph: the same noise in every row and column, mixed in by each schedule's own measure. "
        "Thesis figure 5.2, which used a private photograph.",
        _nothing,
        "report.figures.images.noising",
        form="png",
    ),
    Entry(
        "training-examples",
        "Training examples of each set",
        "The same triangles in each set: as they are, and with every pixel that is neither black nor white marked. "
        "Pale orange: 1 to 8 of 255 levels off black or white; strong orange: clearly gray. Thesis figure 5.3 and "
        "sections 5.2 and 6.1.",
        _training_images,
        "report.figures.images.training_examples",
        form="png",
    ),
    *[
        family(preparation, where)
        for preparation, *places in [("low", "6.1", "6.2"), ("high", "6.3", "6.4"), ("array", "6.5", "6.6")]
        for family, where in zip((_reverse, _starts), places, strict=True)
    ],
    Entry(
        "loss",
        "Training loss by schedule and set",
        "Mean squared error of the predicted noise, epoch by epoch: mean and range over the batches, and mean over the "
        "test set. The last row shows all schedules' training means together, every seed, without the first epoch. The "
        "level says nothing about which schedule is better. " + _AVERAGED + "Thesis figure 6.7.",
        _losses,
        "report.figures.curves.loss",
    ),
    Entry(
        "loss-extended",
        "Training loss of the longer run",
        "The same loss in the run that goes on longer than the others, over the training mean of the grid's run where "
        "the two were trained apart. " + _AVERAGED + "Thesis figure 6.8.",
        _extended_losses,
        "report.figures.curves.loss_extended",
    ),
    Entry(
        "samples",
        "Samples of every cell",
        "The first images drawn in every cell of the grid, below as many held-out real ones; the same place in two "
        "panels of samples is the same starting noise. Crossed out: blank, without a pixel above one half.",
        _samples,
        "report.figures.images.samples",
        form="png",
    ),
    Entry(
        "time",
        "Time by schedule and set",
        "How long an epoch of training took in every cell, the median without the first, and how long sampling; and "
        "the images a second. Bars and numbers are medians over seeds; other work on the machine shows in them. Thesis "
        "section 6.1.3.",
        _times,
        "report.figures.curves.time",
    ),
    Entry(
        "workflow-time",
        "The whole workflow's time by rule",
        "Snakemake's own measurements of every job: wall and CPU time added up over the jobs of a rule. Jobs whose "
        "results were taken from elsewhere have none.",
        _finished,
        "report.figures.jobs.workflow",
    ),
]

_TABLES = [
    Entry(
        "schedules",
        "The schedules",
        "Facts that follow from the formulas alone. Near-noise steps have less than 1% of the signal's power left, "
        "near-clean steps more than 99%. L_T is for binary images.",
        _nothing,
        "report.tables.runs.schedules",
    ),
    Entry(
        "losses",
        "Losses",
        "Of the last epoch: mean, minimum and maximum over batches and mean over the test set. The best epoch has the "
        "lowest test mean. The slope is that of the training mean over the last tenth of the epochs, per epoch.",
        _all_losses,
        "report.tables.runs.losses",
    ),
    Entry(
        "time",
        "Times",
        "Seconds, and images a second, for training, for testing after each epoch, and for sampling. An epoch's are "
        "the median without the first; loading is the part of them that went into fetching images and drawing noise.",
        _times,
        "report.tables.runs.time",
    ),
    Entry(
        "data",
        "Data sets",
        "Shares are of all pixels: gray is neither 0 nor 255, clearly gray more than 8 levels from both, covered the "
        "mean value. Empty images have no pixel above 127.",
        _data,
        "report.tables.runs.data",
    ),
    Entry(
        "workflow-time",
        "The whole workflow's time by rule",
        "Seconds added up over the jobs that were timed, the longest job, and the largest resident memory.",
        _finished,
        "measures.jobs.workflow_time",
    ),
]

FIGURES = {entry.name: entry for entry in (*_FIGURES, *catalogue_measures.FIGURES)}
TABLES = {entry.name: entry for entry in (*_TABLES, *catalogue_measures.TABLES)}
