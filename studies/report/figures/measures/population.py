"""Figure `population`: the geometry of the samples beside that of real images."""

import textwrap
from math import degrees

import numpy as np

from studies.report.entries import Entry
from studies.report.figures.measures.per_image import ENOUGH, find_needs, read_cell, read_real
from studies.report.palette import RULE
from studies.report.rows import fitted_data, unfitted
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY", "estimate_density"]

LEFT_OUT = "angle_2", "centroid_x", "centroid_y"  # an angle that follows from the others, and where the shape lies
MOST = 7  # features
DENSITY_NEEDS = 10  # samples below which a density shows nothing


@styled()
def draw(plan):
    """Draw densities of geometry features of the samples over those of the real images: features down, data across."""
    from matplotlib.patches import Patch

    features, columns = _find_features(plan), fitted_data(plan)
    height = 1.5 + 1.15 * len(features)
    figure = new_figure(height)
    add_title(figure, "The right population? Features of the fitted shapes", "Densities; gray: held-out real images")
    place = {"left": 0.145, "right": 0.985, "bottom": 0.55 / height, "top": 1 - 0.95 / height, "hspace": 0.42}
    panels = figure.subplots(len(features), len(columns), squeeze=False, gridspec_kw=place | {"wspace": 0.08})
    for (feature, (words, scale, limits)), line in zip(features.items(), panels, strict=True):
        for axes, data in zip(line, columns, strict=True):
            _draw_densities(axes, plan, data, (feature, scale, limits))
        highest = max((axes.get_ylim()[1] for axes in line if axes.has_data()), default=1)
        for axes in line:
            axes.set(ylim=(0, highest), yticks=[])
        line[0].set_ylabel(_break(words), rotation=0, ha="right", va="center")
    for axes, data in zip(panels[0], columns, strict=True):
        axes.set_title(plan.label(data), fontweight="bold")
    add_model_legend(figure, plan, plan.model_names, [Patch(facecolor=RULE, label="real")])
    facts = ["lengths in sides of the image, angles in degrees", ENOUGH, *unfitted(plan, columns)]
    add_footnote(figure, plan, *facts, together=True)
    return figure


def _find_features(plan) -> dict:
    """Return {feature: (words, scale, (least, most) of the scaled values)} of all kinds of pictures of the plan."""
    from triangles.kinds import KINDS

    found = {}
    for kind in dict.fromkeys(run.dataset.kind for run in plan.grid if run.data in fitted_data(plan)):
        for name, (words, unit, (least, most)) in KINDS[kind].FEATURES.items():
            scale = degrees(1) if unit == "rad" else 1
            found[name] = words, scale, (scale * least, scale * most)
    shown = [name for name in found if name not in LEFT_OUT]
    return {name: found[name] for name in shown[:MOST]}


def _break(words: str) -> str:
    """Break words at `of` or before the last, and further where a line is too wide for its place."""
    two = words.replace(" of ", "\nof ") if " of " in words else "\n".join(words.rsplit(" ", 1))
    return "\n".join(line for part in two.split("\n") for line in textwrap.wrap(part, 14))


def _draw_densities(axes, plan, data: str, feature) -> None:
    name, scale, limits = feature
    x = np.linspace(*limits, 200)
    if _has_feature(plan, data, name):
        real = estimate_density(scale * read_real(plan, data, name), x)
        if real is not None:
            axes.fill_between(x, real, color=RULE, linewidth=0)
        for model in plan.model_names:
            density = estimate_density(scale * read_cell(plan, data, model, name), x)
            if density is not None:
                axes.plot(x, density, color=plan.colour(model), linewidth=1.3)
    axes.set(xlim=limits)
    axes.locator_params(axis="x", nbins=4, steps=(1, 2, 3, 5, 10))
    axes.xaxis.get_major_locator().set_params(prune="upper")
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)


def _has_feature(plan, data: str, name: str) -> bool:
    from triangles.kinds import KINDS

    return name in KINDS[next(run.dataset.kind for run in plan.grid if run.data == data)].FEATURES


def estimate_density(values: np.ndarray, x: np.ndarray) -> np.ndarray | None:
    """Return a Gaussian kernel density (Scott's rule), mirrored at the range's ends so that nothing leaks out, or None.

    values: (n,); x: (k,), ascending over the whole range that the values can have.
    """
    from scipy.stats import gaussian_kde

    from studies.measures.rulers.population import ROUNDING

    if len(values) < DENSITY_NEEDS or np.ptp(values) <= ROUNDING * (x[-1] - x[0]):
        return None
    kernel = gaussian_kde(values)
    return kernel(x) + kernel(2 * x[0] - x) + kernel(2 * x[-1] - x)


ENTRY = Entry(
    title="The right population?",
    caption="Geometry of the fitted shapes, through the same fitter for samples and for held-out real images.",
    needs=find_needs,
    make=draw,
)
