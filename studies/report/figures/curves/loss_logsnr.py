"""Figure `loss-logsnr`: the error of the predicted noise at equal noise."""

import numpy as np

from diffusion.store.files import read_images
from studies.measures.results import first_seed, or_hole
from studies.report.entries import Entry
from studies.report.needs import image_files
from studies.report.palette import MUTED
from studies.report.rows import capable, left_out
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY"]


@styled()
def draw(plan):
    """Draw the test loss by log-SNR, a line a model, beside the best possible on independent Gaussian pixels."""
    from matplotlib.lines import Line2D

    shown = _find_runs(plan)
    figure = new_figure(3.5)
    add_title(figure, "Loss that can be compared", "Squared error of the predicted noise on test images, by log-SNR")
    place = {"left": 0.085, "right": 0.985, "bottom": 0.21, "top": 0.71, "wspace": 0.08}
    panels = figure.subplots(1, len(plan.data_names), sharey=True, squeeze=False, gridspec_kw=place)[0]
    for axes, data in zip(panels, plan.data_names, strict=True):
        axes.set_yscale("log")
        _draw_set(axes, plan, [run for run in shown if run.data == data])
        axes.set_title(plan.label(data), fontweight="bold")
        axes.set(xlabel="log-SNR (more noise ← → less)", xlim=(-11, 10), xticks=(-10, -5, 0, 5))
        axes.grid(which="minor", visible=False)
        axes.tick_params(which="minor", length=0)
    panels[0].set_ylim(bottom=1e-6)
    floor = Line2D([], [], color=MUTED, linewidth=1.0, linestyle=":", label="best linear guess, pixel by pixel")
    models = dict.fromkeys(run.model for run in shown)
    add_model_legend(figure, plan, models, [floor])
    facts = "bands: two standard errors; above 1: worse than predicting no noise"
    add_footnote(figure, plan, facts, *left_out(plan, models, "noise to predict"))
    return figure


def _find_runs(plan) -> list:
    """Return the runs that predict noise and whose likelihood is bounded."""
    return [run for run in capable(first_seed(plan), "likelihood") if hasattr(run.training, "noise_schedule")]


def _draw_set(axes, plan, runs) -> None:
    from studies.measures.rulers.likelihood import bin_errors

    if runs:
        _draw_floor(axes, runs[0])
    for run in runs:
        binned = or_hole(bin_errors, run)
        if binned is not None:
            _draw_errors(axes, *binned[:3], plan.colour(run.model))


def _draw_floor(axes, run) -> None:
    """Draw the error of the best linear guess pixel by pixel, for pixels that vary as in the set's own images."""
    from studies.measures.rulers.likelihood import LOGSNR_EDGES, white_data_floor

    images = or_hole(read_images, run.dataset.folder / "test.npy")
    if images is None:
        return
    width = 2 if run.training.value_range == "symmetric" else 1
    variance = np.var(images.reshape(len(images), -1) * (width / 255), axis=0)
    abar = 1 / (1 + np.exp(-LOGSNR_EDGES))
    floor = white_data_floor(abar[:, None], variance).mean(axis=1)
    axes.plot(LOGSNR_EDGES, floor, color=MUTED, linewidth=1.0, linestyle=":")


def _draw_errors(axes, x, mean, error, shade: str) -> None:
    error = np.nan_to_num(error)
    axes.fill_between(x, np.maximum(mean - 2 * error, 1e-9), mean + 2 * error, color=shade, alpha=0.2, linewidth=0)
    axes.plot(x, mean, color=shade, marker="o", markersize=2)


def find_needs(plan) -> list:
    """Return the errors of each run, and the held-out images.

    Raises:
        ValueError: no run predicts noise and has its likelihood bounded.
    """
    runs = _find_runs(plan)
    if not runs:
        raise ValueError(f"loss-logsnr: study {plan.study_name} bounds the likelihood of no model that predicts noise")
    return [*(run.folder / "likelihood.npy" for run in runs), *image_files([run.dataset for run in runs], "test")]


ENTRY = Entry(
    title="Loss by log-SNR",
    caption="Squared error of the predicted noise at equal noise, where models can be compared; the mean over "
    "time steps weighs log-SNR differently for each noise schedule. Dotted: the best linear guess from each pixel "
    "by itself, for pixels that vary as this set's do; to lie below it takes their neighbours too. Above 1 a "
    "prediction is worse than that of no noise at all.",
    needs=find_needs,
    make=draw,
)
