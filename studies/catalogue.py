"""What is shown: one declaration a figure and a table. Imports nothing heavy: to ask what there is costs little.

An entry knows which files it needs; `make` imports the module that draws it. A new one is a line here and a function
there: `(plan) -> matplotlib Figure` or `(plan) -> pandas DataFrame`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from studies.artefacts import first_seed
from studies.plan import Plan

__all__ = ["FIGURES", "TABLES", "VERDICTS", "Entry", "named"]

VERDICTS = "verdicts"  # the table that the report shows beside the claims where it is there

SETS = {
    "low": "the low-resolution set",
    "high": "the 720 px set",
    "array": "the array set",
}


@dataclass(frozen=True)
class Entry:
    """A figure or a table.

    name: of its files; title; caption: what is shown and where the thesis shows it; needs: plan -> the files it is made
    from; maker: `module.function`; argument: passed after the plan, for families; form: how the report embeds it.
    """

    name: str
    title: str
    caption: str
    needs: Callable[[Plan], list[Path]]
    maker: str
    argument: str | None = None
    form: str = "svg"

    def inputs(self, plan: Plan) -> list[Path]:
        """The files that this entry is made from.

        Raises:
            ValueError: the study's grid has not what the entry shows.
        """
        if self.argument is not None and self.argument not in plan.study.grid.preparation:
            kept = ", ".join(plan.study.grid.preparation)
            raise ValueError(f"{self.name}: study {plan.study_name} has no set {self.argument!r}, only {kept}")
        return self.needs(plan)

    def make(self, plan: Plan):
        """The figure or data frame; cells whose files are missing are shown as holes."""
        module, function = self.maker.rsplit(".", 1)
        make = getattr(import_module(f"studies.{module}"), function)
        return make(plan) if self.argument is None else make(plan, self.argument)


def named(entries: dict[str, Entry], name: str) -> Entry:
    """The entry of that name; ValueError lists what there is."""
    if name not in entries:
        raise ValueError(f"there is no {name!r}: choose from {', '.join(entries)}")
    return entries[name]


def _nothing(plan):
    return []


def _training_images(plan):
    sets = {run.dataset.name: run.dataset for run in first_seed(plan)}
    return [dataset.folder / name for dataset in sets.values() for name in ("train.npy", "dataset.json")]


def _losses(plan):
    return [run.folder / "losses.csv" for run in first_seed(plan)]


def _extended_losses(plan):
    runs = [run for run in plan.extended if run.seed == plan.scale.seeds[0]]
    return [one.folder / "losses.csv" for run in runs for one in (run, run.base)]


def _frames_of(preparation):
    names = "samples-frames.npy", "samples.json"
    return lambda plan: [r.folder / n for r in first_seed(plan) if r.preparation == preparation for n in names]


def _samples_of(preparation):
    names = "samples.npy", "samples-frames.npy"
    return lambda plan: [r.folder / n for r in first_seed(plan) if r.preparation == preparation for n in names]


def _samples(plan):
    return [run.folder / "samples.npy" for run in first_seed(plan)]


def _all_losses(plan):
    return [run.folder / "losses.csv" for run in plan.runs]


def _times(plan):
    return [run.folder / name for run in plan.runs for name in ("run.json", "samples.json")]


def _data(plan):
    return [dataset.folder / name for dataset in plan.datasets for name in ("train.npy", "test.npy", "dataset.json")]


def _measured(plan):
    return [run.folder / "measures.csv" for run in plan.runs]


def _judged(plan):
    return [run.folder / "measures.csv" for run in plan.grid]


def _per_image(plan):
    runs = [run.folder / name for run in plan.grid for name in ("measures.csv", "per-image.npz")]
    return [*runs, *(dataset.real_file for dataset in plan.datasets)]


def _bounded(plan):
    return [run.folder / "likelihood.npy" for run in first_seed(plan)]


def _neighbours(plan):
    runs = [run for run in first_seed(plan) if run.preparation == plan.study.grid.preparation[-1]]
    sets = {run.dataset.name: run.dataset.folder / "train.npy" for run in runs}
    return [*(run.folder / name for run in runs for name in ("samples.npy", "per-image.npz")), *sets.values()]


def _reverse(preparation, where):
    return Entry(
        f"reverse-{preparation}",
        f"The reverse process on {SETS[preparation]}",
        f"One image on its way from noise to data, trained on {SETS[preparation]}: a row for each schedule, all from "
        f"the same starting noise; the moments get closer towards the end. Values beyond black and white are cut "
        f"off. Thesis figure {where}.",
        _frames_of(preparation),
        "figures_images.reverse",
        preparation,
        "png",
    )


def _starts(preparation, where):
    return Entry(
        f"starts-{preparation}",
        f"Five starting noises on {SETS[preparation]}",
        f"Images drawn from five starting noises, trained on {SETS[preparation]}. The top row is the noise that every "
        f"schedule below it starts from. Thesis figure {where}.",
        _samples_of(preparation),
        "figures_images.starts",
        preparation,
        "png",
    )


_FIGURES = [
    Entry(
        "schedules",
        "Noise schedules",
        "The noise added at each step, and the share of the image's signal power that is left. Thesis figure 5.1.",
        _nothing,
        "figures_curves.schedules",
    ),
    Entry(
        "noising",
        "A photograph under each schedule",
        "Noise added to a photograph: the same noise in every row and column, mixed in by each schedule's own measure. "
        "Thesis figure 5.2, which used a private photograph.",
        _nothing,
        "figures_images.noising",
        form="png",
    ),
    Entry(
        "training-examples",
        "Training examples of the three sets",
        "The same triangles in each set: as they are, and with every pixel that is neither black nor white marked. "
        "Pale orange: within 8 of 255 levels of black or white; strong orange: clearly gray. Thesis figure 5.3 and "
        "sections 5.2 and 6.1.",
        _training_images,
        "figures_images.training_examples",
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
        "test set. Its level says nothing about which schedule is better. Thesis figure 6.7.",
        _losses,
        "figures_curves.loss",
    ),
    Entry(
        "loss-extended",
        "Training loss of the longer run",
        "The same loss in the run that goes on longer than the others. Thesis figure 6.8.",
        _extended_losses,
        "figures_curves.loss_extended",
    ),
    Entry(
        "samples",
        "Samples of every cell",
        "The first images drawn in every cell of the grid; the same place in two panels is the same starting noise.",
        _samples,
        "figures_images.samples",
        form="png",
    ),
    Entry(
        "time",
        "Time by schedule and set",
        "How long training and sampling took in every cell, and the images a second. Thesis section 6.1.3.",
        _times,
        "figures_curves.time",
    ),
]

_FIGURES += [
    Entry(
        "overlap",
        "Is it a triangle?",
        "Overlap (intersection over union) of each sample with its best-fit triangle, drawn in the way of its set. In "
        "the map, the share of 0.8 or more, which every real triangle of the array set reaches and no ellipse.",
        _per_image,
        "figures_measures.overlap",
    ),
    Entry(
        "noise",
        "How noisy?",
        "Root mean square of gray more than 2 px off the fitted triangle, in shares of white, without stray pieces. "
        "The low-resolution set's own images have it too, as the dashed line shows.",
        _per_image,
        "figures_measures.noise",
    ),
    Entry(
        "population",
        "The right population?",
        "Geometry of the fitted triangles, through the same fitter for samples and for held-out real images.",
        _per_image,
        "figures_measures.population",
    ),
    Entry(
        "loss-logsnr",
        "Loss by log-SNR",
        "Squared error of the predicted noise at equal noise, where schedules can be compared; the mean over time "
        "steps weighs log-SNR differently for each schedule. The floor is that of data without any structure.",
        _bounded,
        "figures_likelihood.loss_by_logsnr",
    ),
    Entry(
        "likelihood",
        "Likelihood",
        "The variational bound on held-out images in bits per dimension: prior, steps and decoder (Ho et al. 2020, "
        "eq. 5 and 13). Part of the decoder's term no model can avoid, since its noise is wider than a level.",
        _judged,
        "figures_likelihood.likelihood",
    ),
    Entry(
        "neighbours",
        "Nearest training images",
        "In each cell of one set, the samples closest to a single training image, above that image.",
        _neighbours,
        "figures_claims.neighbours",
        form="png",
    ),
    Entry(
        "contrasts",
        "The claims' contrasts",
        "Each claim that is tested: both sides of its contrast paired by seed, and the contrast with its interval. "
        "Gray: effects too small to matter.",
        _judged,
        "figures_claims.contrasts",
    ),
]

_TABLES = [
    Entry(
        "schedules",
        "The schedules",
        "Facts that follow from the formulas alone. Near-noise steps have less than 1% of the signal's power left, "
        "near-clean steps more than 99%. L_T is for binary images.",
        _nothing,
        "tables.schedules",
    ),
    Entry(
        "losses",
        "Losses",
        "Of the last epoch: mean, minimum and maximum over batches and mean over the test set. The best epoch has the "
        "lowest test mean. The slope is that of the training mean over the last tenth of the epochs, per epoch.",
        _all_losses,
        "tables.losses",
    ),
    Entry(
        "time",
        "Times",
        "Seconds, and images a second, for training, for testing after each epoch, and for sampling.",
        _times,
        "tables.time",
    ),
    Entry(
        "data",
        "Data sets",
        "Shares are of all pixels: gray is neither 0 nor 255, clearly gray more than 8 levels from both, covered the "
        "mean value. Empty images have no pixel above 127.",
        _data,
        "tables.data",
    ),
    Entry(
        "measures",
        "Measures of every run",
        "Overlap is that of a sample with its best-fit triangle; it, haze and background are of samples with 30 px of "
        "ink or more. Haze: root mean square of gray more than 2 px off the triangle; background RMS: of all that is "
        "there. What is called real is the same of held-out images of the set.",
        _measured,
        "tables_measures.measures",
    ),
    Entry(
        VERDICTS,
        "Verdicts",
        "Each claim with our estimate, its 95% bootstrap interval over seeds, and Holm's p over all claims that are "
        "tested. Nothing is decided by the interval, nor by a single seed.",
        _judged,
        "judging.verdicts",
    ),
]

FIGURES = {entry.name: entry for entry in _FIGURES}
TABLES = {entry.name: entry for entry in _TABLES}
