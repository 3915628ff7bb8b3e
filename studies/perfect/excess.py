"""Figure and table `excess`: what each model's loss exceeds the least possible one by.

See `studies.perfect.distance`: D / 2 times the signal-to-noise ratio times the squared distance of x_0, integrated over
log-SNR, is in nats of an image of D pixels.
"""

import numpy as np

from studies.measures.results import of_samples, read_measures
from studies.perfect.apart import find_needs, read_lines
from studies.perfect.distance import CENTRES, COUNT, MIDDLE, SUMS
from studies.report.entries import Entry
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY", "TABLE"]

LEAST = 1e-3  # nats: float32's own error lies below, but for the clearest images
EXACT = "truth"


@styled()
def draw(plan):
    """Draw nats of an image per unit of log-SNR, a panel a data set; means over seeds."""
    lines = {(data, model): line for (data, model, target), line in read_lines(plan).items() if target == EXACT}
    shown = list(dict.fromkeys(data for data, _ in lines)) or list(plan.data_names[:1])
    figure = new_figure(3.4)
    detail = "What the loss exceeds the least possible one by: the area is what the model has not learnt"
    add_title(figure, "Distance from the truth", detail)
    place = {"left": 0.09, "right": 0.985, "bottom": 0.2, "top": 0.72, "wspace": 0.08}
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False, gridspec_kw=place)[0]
    add_model_legend(figure, plan, [name for name in plan.model_names if any(one == name for _, one in lines)])
    for axes, data in zip(panels, shown, strict=True):
        _draw_panel(axes, plan, {model: line for (one, model), line in lines.items() if one == data}, _half(plan, data))
        axes.set(xlabel="log-SNR (more noise ← → less)", xlim=(-11, 10), xticks=(-10, -5, 0, 5))
        axes.set_title(plan.label(data) if len(shown) > 1 else "", fontweight="bold", fontsize=9)
    panels[0].set_ylabel("nats per unit of log-SNR")
    missing = [] if lines else ["no distance is measured yet"]
    add_footnote(
        figure, plan, f"{COUNT} held-out images a level", "on the lower edge: under 0.001", *missing, together=True
    )
    return figure


def _half(plan, data: str) -> float:
    return next(run.dataset.settings.size for run in plan.grid if run.data == data) ** 2 / 2


def _draw_panel(axes, plan, lines, half: float) -> None:
    axes.axvspan(-MIDDLE, MIDDLE, color="0.95", linewidth=0)
    axes.set_yscale("log")
    for model, line in lines.items():
        nats = half * np.exp(CENTRES) * line
        axes.plot(CENTRES, np.maximum(nats, LEAST), color=plan.colour(model), marker="o", markersize=2, linewidth=1.4)
    axes.set_ylim(bottom=LEAST)


def make_table(plan):
    """Return, model by model, the excess in nats of an image, in all and at middle noise, and as its steps weigh it.

    Means over the seeds, with their standard deviation.
    """
    import pandas as pd

    found = {}
    for run in plan.grid:
        frame = of_samples(read_measures, run, run)
        values = {} if frame is None else dict(zip(frame.measure, frame.value, strict=True))
        if set(SUMS) <= set(values):
            found.setdefault((run.data, run.model), []).append([values[name] for name in SUMS])
    rows = []
    for (data, model), seeds in found.items():
        mean, spread = np.mean(seeds, axis=0), np.std(seeds, axis=0, ddof=1) if len(seeds) > 1 else [np.nan] * len(SUMS)
        columns = {name: value for triple in zip(SUMS, mean, spread, strict=True) for name, value in _pair(*triple)}
        rows.append({"data": data, "model": model, "seeds": len(seeds)} | columns)
    return pd.DataFrame(rows).round(5)


def _pair(name, mean, spread) -> list[tuple[str, float]]:
    return [(name, mean), (f"{name}_sd", spread)]


ENTRY = Entry(
    title="Distance from the truth",
    caption="What a model's loss exceeds that of the perfect one by, at the same noised held-out images; over all "
    "levels of noise it bounds how far samples are from real images, as a divergence. Middle noise is shaded. A model "
    "that only repeats its images pays most. Gray sets are left out: not all their images are known.",
    needs=find_needs,
    make=draw,
)
TABLE = Entry(
    title="Distance from the truth",
    caption="Excess over the perfect model's loss: in nats of an image over all levels of noise that the schedule "
    "visits (unlearnt), at log-SNR from -5 to 5 (middle), and as a squared error of eps, averaged over the schedule's "
    "steps (loss). Means over seeds with standard deviations.",
    needs=find_needs,
    make=make_table,
)
