"""The figures and tables of measures and verdicts, as `studies.report.catalogue` lists them."""

from studies.measures.results import first_seed, resampled_here
from studies.planning.claim import SIZES
from studies.report.entries import Entry

__all__ = ["FIGURES", "TABLES", "VERDICTS"]

VERDICTS = "verdicts"  # the table that the report shows beside the claims where it is there


def _measured(plan):
    return [run.folder / "measures.csv" for run in plan.runs]


def _grid(plan):
    return [run.measure_file for run in plan.grid]


def _judged(plan):
    return [*_grid(plan), *(one.measure_file for one in plan.resampled)]


def _tested(plan):
    if not any(claim.kind in SIZES for claim in plan.study.claims):
        raise ValueError(f"contrasts: study {plan.study_name} has no claim that is tested")
    return _judged(plan)


def _per_image(plan):
    runs = [run.folder / name for run in plan.grid for name in ("measures.csv", "per-image.npz")]
    return [*runs, *(dataset.real_file for dataset in plan.datasets)]


def _bounded(plan):
    files = [run.folder / "likelihood.npy" for run in first_seed(plan)]
    return [*files, *dict.fromkeys(run.dataset.folder / "test.npy" for run in first_seed(plan))]


def _neighbours(plan):
    runs = [run for run in first_seed(plan) if run.preparation == plan.study.grid.preparation[-1]]
    sets = {run.dataset.name: run.dataset.folder / "train.npy" for run in runs}
    real = {run.dataset.name: (run.dataset.folder / "test.npy", run.dataset.real_file) for run in runs}
    shown = [run.folder / name for run in runs for name in ("samples.npy", "per-image.npz")]
    return [*shown, *sets.values(), *(path for paths in real.values() for path in paths)]


def _other_samples(plan):
    ways = resampled_here(plan)
    if not ways:
        raise ValueError(f"other-samples: study {plan.study_name} resamples no cell of its last set")
    files = [file for one in ways for file in (one.run.samples_file, one.samples_file)]
    return list(dict.fromkeys([*files, *(one.run.dataset.folder / "test.npy" for one in ways)]))


def _renormed(plan):
    files = [one.files[-1] for one in plan.resampled if one.renormed]
    if not files:
        raise ValueError(f"mean-error: study {plan.study_name} takes no cell's statistics anew (`renormed`)")
    return files


FIGURES = [
    Entry(
        "overlap",
        "Is it a triangle?",
        "Overlap (intersection over union) of each sample with its best-fit triangle, drawn plain at the images' own "
        "size: one ruler for every set. In the map, the share of 0.8 or more, which no ellipse reaches and nearly all "
        "real images do; in brackets the samples that are left out, having less than 30 px of ink.",
        _per_image,
        "report.figures.measures.overlap",
    ),
    Entry(
        "noise",
        "How noisy?",
        "Root mean square of gray more than 2 px off the fitted triangle and off any other ink, in levels of 255. "
        "Dashed: the set's own held-out images, where JPEG leaves some. In brackets: what is left out, with less than "
        "30 px of ink.",
        _per_image,
        "report.figures.measures.noise",
    ),
    Entry(
        "population",
        "The right population?",
        "Geometry of the fitted triangles, through the same fitter for samples and for held-out real images.",
        _per_image,
        "report.figures.measures.population",
    ),
    Entry(
        "loss-logsnr",
        "Loss by log-SNR",
        "Squared error of the predicted noise at equal noise, where schedules can be compared; the mean over time "
        "steps weighs log-SNR differently for each schedule. Dotted: the best linear guess from each pixel alone, for "
        "pixels that vary as this set's do; to lie below it takes more than each pixel alone. Above 1 a prediction is "
        "worse than that of no noise at all.",
        _bounded,
        "report.figures.likelihood.loss_by_logsnr",
    ),
    Entry(
        "likelihood",
        "Likelihood",
        "The variational bound on held-out images in bits per dimension: prior, steps and decoder (Ho et al. 2020, "
        "eq. 5 and 13). Even a mean that is right costs the decoder bits, since its noise is wider than a level; "
        "guessing all 256 levels alike costs 8. A low bound does not mean good samples: at the laptop scale power 10 "
        "has the lowest and draws the worst, as a wrong start of sampling costs the bound no more than L_T.",
        _grid,
        "report.figures.likelihood.likelihood",
    ),
    Entry(
        "other-samples",
        "Sampled in other ways",
        "The same models and the same starting noises: with the other variance of the reverse steps (beta-tilde), and "
        "from held-out images noised to the last step, where training ended, instead of from pure noise (noised), or "
        "noised only as far as another schedule's last step (halfway); or with batch norm's means and variances taken "
        "anew over the training images (renormed).",
        _other_samples,
        "report.figures.images.other_samples",
        form="png",
    ),
    Entry(
        "mean-error",
        "Batch norm's bias",
        "Predicted minus true noise, averaged over held-out images and their pixels, with batch norm's running "
        "statistics and with those taken anew over the training images. Samples add a bias of one sign up, step by "
        "step; in the squared error it hardly shows.",
        _renormed,
        "report.figures.likelihood.mean_error",
    ),
    Entry(
        "neighbours",
        "Nearest training images",
        "In each cell of one set, the samples most like copies, above the training image nearest to each: the pixels "
        "in which the two differ, and the Euclidean distance between them over that to the second nearest training "
        "image. Under a third a sample counts as memorised; the claim counts all sets and seeds. The first rows show "
        "the same of as many held-out real images, drawn apart from the training set: what matches there is chance.",
        _neighbours,
        "report.figures.claims.neighbours",
        form="png",
    ),
    Entry(
        "contrasts",
        "The claims' contrasts",
        "Each claim that is tested, in units of the smallest effect that matters to it: a difference is reproduced if "
        "it is surely above 0 and estimated at a half or more, contradicted if it is surely below 1 and estimated "
        "under a half (dashed), so a contradicted one may still lean the claim's way; sameness and rarity hold inside "
        "the gray. Filled diamonds: reproduced; open: contradicted; gray: inconclusive. What lies beyond 10 is drawn "
        "there. p is Holm's, over all tested claims.",
        _tested,
        "report.figures.claims.contrasts",
    ),
]

TABLES = [
    Entry(
        "cells",
        "Cell by cell",
        "Mean and standard deviation over the seeds. Overlap, haze and background are of samples with 30 px of ink or "
        "more, unless it says: of all. Drawn plain: by one ruler for every set, a straight triangle of the images' own "
        "size. Blank: no pixel above one half. Haze: gray in the open, off the triangle; of 0 to 1. bits/dim: the "
        "bound on the likelihood.",
        _grid,
        "report.tables.measures.cells",
    ),
    Entry(
        "measures",
        "Measures of every run",
        "Overlap is that of a sample with its best-fit triangle; it, haze and background are of samples with 30 px of "
        "ink or more. Haze: root mean square of gray more than 2 px off the triangle; background RMS: of all that is "
        "there. What is called real is the same of held-out images of the set. The fit is drawn as the "
        "set was, or plain: straight at the images' own size for every set, which compares sets by one ruler.",
        _measured,
        "report.tables.measures.measures",
    ),
    Entry(
        VERDICTS,
        "Verdicts",
        "Each claim with our estimate, its 95% interval over seeds (Student's t; of a rate, two one-sided exact "
        "bounds over all images), and Holm's p, doubled for both directions, over all claims that are tested. "
        "Reproduced: the effect is surely there, and estimated at half of what matters or more. Nothing is decided by "
        "the interval, nor by one seed or two.",
        _judged,
        "verdicts.judging.verdicts",
    ),
]
