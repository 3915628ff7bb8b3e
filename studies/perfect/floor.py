"""Figure `floor`: each model's loss beside the least that any model can have.

The floor is the loss of a model that knows the distribution (capability "floor"), at the same images, time steps and
noise where its noise schedule is the same.
"""

import numpy as np

from studies.measures.results import first_seed, or_hole
from studies.report.entries import Entry
from studies.report.rows import capable
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY", "pair_errors"]


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
def draw(plan):
    """Draw each model's loss by log-SNR with the floor under it, a panel a floor."""
    pairs = find_floors(plan)
    floors = list({floor.name: floor for _, floor in pairs}.values())
    figure = new_figure(3.5)
    add_title(figure, "Loss with its floor", "Squared error of the predicted noise by log-SNR")
    place = {"left": 0.09, "right": 0.985, "bottom": 0.21, "top": 0.73, "wspace": 0.08}
    panels = figure.subplots(1, max(len(floors), 1), sharey=True, squeeze=False, gridspec_kw=place)[0]
    add_model_legend(figure, plan, dict.fromkeys(run.model for run, _ in pairs))
    for axes, floor in zip(panels, floors, strict=False):
        axes.set_title(f"floor: {plan.label(floor.model)}", fontweight="bold")
        axes.set(xlabel="log-SNR (more noise ← → less)", xlim=(-11, 10), xticks=(-10, -5, 0, 5), yscale="log")
        _draw_panel(axes, plan, [run for run, its in pairs if its is floor], floor)
    panels[0].set_ylim(bottom=1e-6)
    panels[0].set_ylabel("squared error, per pixel")
    add_footnote(figure, plan, "bands: two standard errors; black and white sets only, gray ones have no such floor")
    return figure


def _draw_panel(axes, plan, runs, floor) -> None:
    for run in runs:
        found = or_hole(pair_errors, run, floor)
        if found is not None:
            _draw_line(axes, plan.colour(run.model), _binned(found[0], found[1]), 2.2 if run is floor else 1.2)


def _draw_line(axes, shade: str, binned, width: float) -> None:
    x, mean, error = binned[0], binned[1], np.nan_to_num(binned[2])
    axes.fill_between(x, np.maximum(mean - 2 * error, 1e-9), mean + 2 * error, color=shade, alpha=0.2, linewidth=0)
    axes.plot(x, mean, color=shade, linewidth=width, marker="o", markersize=2)


def find_needs(plan) -> list:
    """Return the errors of each run with a floor, and of the floor.

    Raises:
        ValueError: no model of the study knows the distribution.
    """
    pairs = find_floors(plan)
    if not pairs:
        raise ValueError(f"floor: study {plan.study_name} has no perfect model with the noise schedule of another")
    return list(dict.fromkeys(one.folder / "likelihood.npy" for pair in pairs for one in pair))


ENTRY = Entry(
    title="Loss with its floor",
    caption="The squared error of the predicted noise at equal noise, on the same images, time steps and noise. No "
    "model can lie below the perfect one, which knows every triangle; what lies above it is not learnt yet.",
    needs=find_needs,
    make=draw,
)
