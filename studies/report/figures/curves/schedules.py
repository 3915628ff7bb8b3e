"""Figure `schedules`: beta and abar of each model's noise schedule."""

from itertools import cycle

import numpy as np

from studies.measures.results import noise_schedules
from studies.report.entries import Entry
from studies.report.needs import schedule_files
from studies.report.palette import MUTED
from studies.report.rows import left_out
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY"]

DASHES = ((0, (4, 2)), (0, (1, 1.5)))  # of schedules that no model has


@styled()
def draw(plan):
    """Draw beta_t and abar_t over t, and abar_t of those schedules besides that claims compare."""
    from matplotlib.lines import Line2D

    found, others = noise_schedules(plan), _compared_besides(plan)
    figure = new_figure(3.6)
    add_title(figure, "Noise schedules", "Noise added at each step, and signal power left in the image")
    place = {"left": 0.085, "right": 0.965, "bottom": 0.2, "top": 0.74, "wspace": 0.24}
    panels = figure.subplots(1, 2, gridspec_kw=place)
    labels = "noise added, $\\beta_t$", "signal left, ᾱ"
    for axes, values, label in zip(panels, ("betas", "abar"), labels, strict=True):
        for name, one in found.items():
            axes.plot(np.arange(1, one.timesteps + 1), getattr(one, values), color=plan.colour(name))
        axes.set(xlabel="t", xlim=(0, max(one.timesteps for one in found.values())), ylim=(0, None))
        axes.set_title(label, loc="left")
    styles = [{"color": MUTED, "linewidth": 0.9, "linestyle": dashes} for dashes in DASHES]
    shown = dict(zip(others, cycle(styles), strict=False))
    for name, style in shown.items():
        panels[1].plot(np.arange(1, others[name].timesteps + 1), others[name].abar, **style)
    add_model_legend(figure, plan, found, [Line2D([], [], label=name, **style) for name, style in shown.items()])
    steps = [f"T = {T}" for T in sorted({one.timesteps for one in found.values()})]
    facts = [*steps, *(["gray: shown at the right only"] if others else [])]
    add_footnote(figure, plan, *facts, *left_out(plan, found, "a noise schedule"), seeded=False)
    return figure


def _compared_besides(plan) -> dict:
    """Return the schedules that analytic claims compare and no model has, as long as the models' first."""
    from diffusion.schedules import schedule
    from studies.registries import CHECKS

    settings = next(run.training for run in plan.grid if hasattr(run.training, "noise_schedule"))
    checks = [CHECKS[claim.check] for claim in plan.study.claims if claim.check is not None]
    named = dict.fromkeys(name for check in checks for name in getattr(check, "schedules", ()))
    ours = {one.name for one in noise_schedules(plan).values()}
    return {
        name: schedule(name, settings.timesteps, settings.beta_min, settings.beta_max)
        for name in named
        if name not in ours
    }


ENTRY = Entry(
    title="Noise schedules",
    caption="The noise added at each step, and the share of the image's signal power that is left. Thin and gray: "
    "schedules that claims speak of and no model is trained with.",
    needs=lambda plan: schedule_files(plan, noise_schedules(plan)),
    make=draw,
)
