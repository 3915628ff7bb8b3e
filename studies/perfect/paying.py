"""Figure `excess-triangles`: what a model has not learnt, beside how many of its samples are triangles of the set."""

import numpy as np

from studies.measures.results import of_samples, read_measures
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.rows import capable
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY"]

UNLEARNT, SHARE = "unlearnt_middle", "member_ink_share"
STARTS = {"": "from N(0, I)", "noised": "from the true x_T"}
TICKS = (0, 1, 3, 10, 30, 100)
LEAST = 1e-2  # nats: a perfect model lies left of it


@styled()
def draw(plan):
    """Draw the share over the excess at middle noise, a point a run and a column a start."""
    points = _read_points(plan)
    figure = new_figure(3.4)
    add_title(
        figure,
        "Does the distance from the truth tell what is drawn?",
        "Samples that are triangles of the set, over what the loss exceeds the perfect one's by; a point a seed",
    )
    place = {"left": 0.09, "right": 0.985, "bottom": 0.2, "top": 0.72, "wspace": 0.07}
    panels = figure.subplots(1, len(STARTS), sharex=True, sharey=True, squeeze=False, gridspec_kw=place)[0]
    add_model_legend(figure, plan, [name for name in plan.model_names if any(one == name for _, one, _, _ in points)])
    for axes, (start, words) in zip(panels, STARTS.items(), strict=True):
        for _, model, x, y in (point for point in points if point[0] == start):
            axes.plot(max(x, LEAST), 100 * y, "o", color=plan.colour(model), markersize=4.5, alpha=0.85)
        axes.set_xscale("log")
        axes.set_yscale("symlog", linthresh=1)
        axes.set_title(words, fontweight="bold", fontsize=9)
        axes.set(
            xlabel="not learnt, at log-SNR −5 to 5 (nats of an image)",
            ylim=(-0.1, 130),
            yticks=TICKS,
            yticklabels=TICKS,
        )
    panels[0].set_ylabel("triangles of the set (%)")
    add_footnote(
        figure,
        plan,
        "on the left edge: under 0.01 nats",
        *([] if points else ["nothing is measured yet"]),
        together=True,
    )
    return figure


def _read_points(plan) -> list[tuple[str, str, float, float]]:
    """Return (start, model, nats, share) of each run and start that both were measured of."""
    found = []
    for one in (*plan.grid, *(one for one in plan.resampled if one.name in STARTS)):
        run, start = (one, "") if not hasattr(one, "run") else (one.run, one.name)
        own, drawn = (of_samples(read_measures, each, each) for each in (run, one))
        x, y = _find(own, UNLEARNT), _find(drawn, SHARE)
        if np.isfinite([x, y]).all():
            found.append((start, run.model, x, y))
    return found


def _find(frame, measure: str) -> float:
    values = [] if frame is None else frame.value[frame.measure == measure]
    return float(values.iloc[0]) if len(values) else np.nan


def find_needs(plan) -> list:
    """Return the measures of the study's runs, and of their samples from the true x_T.

    Raises:
        ValueError: no model of the study has a score.
    """
    if not capable(plan.grid, "score"):
        raise ValueError(f"excess-triangles: no model of study {plan.study_name} predicts x_0 at a noise level")
    return measure_files([*plan.grid, *(one for one in plan.resampled if one.name in STARTS)])


ENTRY = Entry(
    title="Does the distance from the truth tell what is drawn?",
    caption="A model's excess over the least possible loss is in nats of an image, and needs no samples. Beside it, "
    "how many samples are a triangle of the set in every pixel, where ink is cut at half. From the true x_T only "
    "learning and the steps can fail; from N(0, I) the start can, too.",
    needs=find_needs,
    make=draw,
)
