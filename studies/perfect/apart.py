"""Figure `distance`: how far each model's output is from the perfect denoiser's, and from that of its training images.

Where a model is nearer to the former it generalises, where it is nearer to the latter it would copy.
"""

import numpy as np

from studies.measures.results import of_samples, read_measures
from studies.perfect.distance import CENTRES, COUNT, TARGETS
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.rows import capable
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY", "read_lines"]

LEAST = 1e-7  # float32's own error lies below
HEADS = {"truth": "to the perfect denoiser", "memory": "to that of the training images"}


@styled()
def draw(plan):
    """Draw mean distances over log-SNR, a column a target and a row a data set; means over seeds."""
    names = list(dict.fromkeys(run.data for run in capable(plan.grid, "score")))
    lines = read_lines(plan)
    shown = [name for name in names if any(data == name for data, _, _ in lines)] or names[:1]
    height = 1.45 + 2.15 * len(shown)
    figure = new_figure(height)
    add_title(
        figure,
        "Does it generalise, or copy?",
        "Mean squared distance of the estimates of $x_0$ at a noise level, per pixel",
    )
    place = {"left": 0.10, "right": 0.985, "bottom": 0.72 / height, "top": 1 - 0.95 / height, "wspace": 0.07}
    grid = figure.subplots(len(shown), len(TARGETS), sharex=True, sharey=True, squeeze=False, gridspec_kw=place)
    add_model_legend(figure, plan, [name for name in plan.model_names if any(one == name for _, one, _ in lines)])
    for row, data in zip(grid, shown, strict=True):
        for axes, target in zip(row, TARGETS, strict=True):
            _draw_panel(axes, plan, {m: line for (d, m, t), line in lines.items() if (d, t) == (data, target)})
        row[0].set_ylabel(plan.label(data) if len(shown) > 1 else "squared distance")
    for axes, target in zip(grid[0], TARGETS, strict=True):
        axes.set_title(HEADS[target], fontweight="bold", fontsize=9)
    for axes in grid[-1]:
        axes.set(xlabel="log-SNR (more noise ← → less)", xlim=(-11, 10), xticks=(-10, -5, 0, 5))
    unknown = [plan.label(name) for name in names if name not in shown]
    left_out = [f"not all images are known of: {', '.join(unknown)}"] if unknown else []
    missing = [] if lines else ["no distance is measured yet"]
    facts = [f"{COUNT} held-out images a level", "on the lower edge: under 10⁻⁷"]
    add_footnote(figure, plan, *facts, *left_out, *missing, together=True)
    return figure


def _draw_panel(axes, plan, lines) -> None:
    axes.set_yscale("log")
    axes.set_ylim(LEAST, 4)
    for model, line in lines.items():
        axes.plot(CENTRES, np.maximum(line, LEAST), color=plan.colour(model), marker="o", markersize=2, linewidth=1.4)


def read_lines(plan) -> dict:
    """Return {(data, model, target): distances by log-SNR, NaN where there is none}, of what was measured."""
    found = {}
    for run in plan.grid:
        frame = of_samples(read_measures, run, run)
        values = {} if frame is None else dict(zip(frame.measure, frame.value, strict=True))
        for target in TARGETS:
            line = [values.get(f"to_{target}_logsnr_{centre:g}", np.nan) for centre in CENTRES]
            if not np.isnan(line).all():
                found.setdefault((run.data, run.model, target), []).append(line)
    return {key: np.mean(seeds, axis=0) for key, seeds in found.items()}


def find_needs(plan) -> list:
    """Return the measures of the study's runs.

    Raises:
        ValueError: no model of the study has a score.
    """
    if not capable(plan.grid, "score"):
        raise ValueError(f"distance: no model of study {plan.study_name} predicts x_0 at a noise level")
    return measure_files(plan.grid)


ENTRY = Entry(
    title="Does it generalise, or copy?",
    caption="Distance of each model's estimate of x_0 to E[x_0 | x_t] over all triangles, and to that over its "
    "training images only, at the same noised held-out images. A model that learnt what is to be learnt is near the "
    "former at every level; one that repeats its images is near the latter. The perfect one's distance to the latter "
    "is what lies between the two. Gray sets are left out: not all their images are known.",
    needs=find_needs,
    make=draw,
)
