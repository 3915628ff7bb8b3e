"""Figures `floor` and `excess`, table `excess`: each model's loss beside the least that any model can have.

The floor is the loss of a model that knows the distribution (capability "floor"), at the same images, time steps and
noise where its noise schedule is the same. At log-SNR l the excess e of the squared error of eps, per pixel, is worth
D / 2 e dl nats of the image (Guo, Shamai and Verdu 2005; Kingma et al. 2021, eq. 15), D the number of pixels.
"""

import numpy as np

from studies.measures.results import first_seed, or_hole
from studies.report.entries import Entry
from studies.report.rows import capable
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["EXCESS", "FLOOR", "TABLE", "pair_errors"]


def find_floors(plan) -> list:
    """Return pairs (run, run that knows the distribution) of the first seed with equal images and noise schedule."""
    runs = [run for run in capable(first_seed(plan), "likelihood") if hasattr(run.training, "noise_schedule")]
    pairs = []
    for run in runs:
        betas = run.training.noise_schedule().betas
        floors = [
            one
            for one in capable(runs, "floor")
            if one.data == run.data and np.array_equal(one.training.noise_schedule().betas, betas)
        ]
        pairs += [(run, floors[0])] if floors else []
    return pairs


def pair_errors(run, floor):
    """Return (log-SNR, error of the run, error of the floor), each (n,), at the same image, time step and noise."""
    ours, theirs = _read_pairs(run), _read_pairs(floor)
    if ours.shape != theirs.shape or not np.array_equal(ours[:, :2], theirs[:, :2]):
        raise ValueError(f"{run.folder} and {floor.folder} were bounded on other images: bound both again")
    log_snr = np.log(run.training.noise_schedule().snr[ours[:, 1].astype(np.int64) - 1])
    return log_snr, ours[:, 2], theirs[:, 2]


def _read_pairs(run):
    from diffusion.store.files import check_digest, load_array
    from studies.measures.rulers.likelihood import BOUND, PAIRS

    pairs, found = load_array(run.folder / PAIRS)
    check_digest(run.folder / PAIRS, found, BOUND)
    return pairs


def _binned(log_snr, values):
    from studies.measures.rulers.likelihood import LOGSNR_EDGES, loss_by_logsnr

    return (LOGSNR_EDGES[1:] + LOGSNR_EDGES[:-1]) / 2, *loss_by_logsnr(log_snr, values, LOGSNR_EDGES)[:2]


@styled()
def draw_floor(plan):
    """Draw each model's loss by log-SNR with the floor under it, a panel a floor."""
    pairs = find_floors(plan)
    floors = list({floor.name: floor for _, floor in pairs}.values())
    figure, panels = _panels(
        plan, pairs, floors, "Loss with its floor", "Squared error of the predicted noise by log-SNR"
    )
    for axes, floor in zip(panels, floors, strict=True):
        axes.set_yscale("log")
        for run, _ in (pair for pair in pairs if pair[1] is floor):
            found = or_hole(pair_errors, run, floor)
            if found is not None:
                width = 2.2 if run is floor else 1.2
                _draw_line(axes, plan.colour(run.model), _binned(found[0], found[1]), width)
    panels[0].set_ylim(bottom=1e-6)
    panels[0].set_ylabel("squared error, per pixel")
    return figure


@styled()
def draw_excess(plan):
    """Draw what each model's loss exceeds the floor by, in nats of an image per unit of log-SNR."""
    pairs = [pair for pair in find_floors(plan) if pair[0] is not pair[1]]
    floors = list({floor.name: floor for _, floor in pairs}.values())
    detail = "Excess over the floor, in nats of an image per unit of log-SNR: the area is what the model has not learnt"
    figure, panels = _panels(plan, pairs, floors, "Distance from the truth", detail)
    for axes, floor in zip(panels, floors, strict=True):
        for run, _ in (pair for pair in pairs if pair[1] is floor):
            found = or_hole(pair_errors, run, floor)
            if found is not None:
                half = run.dataset.settings.size**2 / 2
                _draw_line(axes, plan.colour(run.model), _binned(found[0], half * (found[1] - found[2])), 1.4)
        axes.set_yscale("symlog", linthresh=0.1)
    panels[0].set_ylabel("nats per unit of log-SNR")
    return figure


def _panels(plan, pairs, floors, heading: str, detail: str):
    figure = new_figure(3.5)
    add_title(figure, heading, detail)
    add_model_legend(figure, plan, dict.fromkeys(run.model for run, _ in pairs))
    place = {"left": 0.09, "right": 0.985, "bottom": 0.21, "top": 0.73, "wspace": 0.08}
    panels = figure.subplots(1, max(len(floors), 1), sharey=True, squeeze=False, gridspec_kw=place)[0]
    for axes, floor in zip(panels, floors, strict=False):
        axes.set_title(f"floor: {plan.label(floor.model)}", fontweight="bold")
        axes.set(xlabel="log-SNR (more noise ← → less)", xlim=(-11, 10), xticks=(-10, -5, 0, 5))
    add_footnote(figure, plan, "bands: two standard errors; black and white sets only, gray ones have no such floor")
    return figure, panels


def _draw_line(axes, shade: str, binned, width: float) -> None:
    x, mean, error = binned[0], binned[1], np.nan_to_num(binned[2])
    low = np.maximum(mean - 2 * error, 1e-9) if axes.get_yscale() == "log" else mean - 2 * error
    axes.fill_between(x, low, mean + 2 * error, color=shade, alpha=0.2, linewidth=0)
    axes.plot(x, mean, color=shade, linewidth=width, marker="o", markersize=2)


def make_table(plan):
    """Return, model by model, the excess over the floor: in nats of an image in all, and as time steps weigh it."""
    import pandas as pd

    rows = []
    for run, floor in find_floors(plan):
        found = or_hole(pair_errors, run, floor) if run is not floor else None
        if found is None:
            continue
        log_snr, ours, theirs = found
        size = run.dataset.settings.size
        x, mean, error = _binned(log_snr, size**2 / 2 * (ours - theirs))
        middle = np.abs(x) <= 5
        rows.append(
            {"data": run.data, "model": run.model, "floor": floor.model}
            | {"excess_nats": np.nansum(mean), "standard_error": np.sqrt(np.nansum(error**2))}
            | {"excess_nats_middle": np.nansum(mean[middle]), "loss": ours.mean(), "floor_loss": theirs.mean()}
        )
    return pd.DataFrame(rows).round(4)


def find_needs(plan) -> list:
    """Return the errors of each run with a floor, and of the floor.

    Raises:
        ValueError: no model of the study knows the distribution.
    """
    pairs = find_floors(plan)
    if not pairs:
        raise ValueError(f"floor: study {plan.study_name} has no perfect model with the noise schedule of another")
    return list(dict.fromkeys(one.folder / "likelihood.npy" for pair in pairs for one in pair))


FLOOR = Entry(
    title="Loss with its floor",
    caption="The squared error of the predicted noise at equal noise, on the same images, time steps and noise. No "
    "model can lie below the perfect one, which knows every triangle; what lies above it is not learnt yet.",
    needs=find_needs,
    make=draw_floor,
)
EXCESS = Entry(
    title="Distance from the truth",
    caption="What a model's loss exceeds that of the perfect one by. D / 2 times the excess of the squared error of "
    "eps, integrated over log-SNR, is in nats of an image. A model that only repeats its images pays most.",
    needs=find_needs,
    make=draw_excess,
)
TABLE = Entry(
    title="Distance from the truth",
    caption="Excess over the perfect model's loss in nats of an image, in all and at log-SNR from -5 to 5; mean errors "
    "of eps over the time steps that were looked at, which are early ones more often.",
    needs=find_needs,
    make=make_table,
)
