"""Figure `mean-error`: the bias of the predicted noise under batch norm's statistics."""

from diffusion.store.records import SamplesRecord, read_record
from studies.measures.results import or_hole
from studies.report.entries import Entry
from studies.report.palette import INK
from studies.report.style import add_footnote, add_model_legend, add_title, new_figure, styled

__all__ = ["ENTRY"]

STYLES = {"running statistics": (0, (3, 1.5)), "taken again": "-"}


@styled()
def draw(plan):
    """Draw the bias of the predicted noise over t with batch norm's running statistics and with new ones."""
    from matplotlib.lines import Line2D

    ways = [one for one in plan.resampled if one.renormed]
    read = [(one.run, or_hole(read_record, one.files[-1], SamplesRecord)) for one in ways]
    known = [(run, record.mean_errors) for run, record in read if record is not None and record.mean_errors]
    figure = new_figure(3.2)
    counts = " and ".join(str(count) for count in sorted({found.images for _, found in known}))
    over = f"Over {counts} held-out images and their pixels; 0 has no bias" if counts else ""
    add_title(figure, "Mean error of the predicted noise", over)
    place = {"left": 0.1, "right": 0.985, "bottom": 0.23, "top": 0.68, "wspace": 0.08}
    columns, longest = plan.data_names, max(one.run.training.timesteps for one in ways)
    panels = figure.subplots(1, len(columns), sharex=True, sharey=True, squeeze=False, gridspec_kw=place)[0]
    for axes, data in zip(panels, columns, strict=True):
        _draw_set(axes, [(plan.colour(run.model), found) for run, found in known if run.data == data])
        axes.set_title(plan.label(data), fontweight="bold")
        ticks = [longest * part / 4 for part in (1, 2, 3)]  # none at the ends, where panels meet
        axes.set(xlabel="t", xlim=(0, longest), xticks=ticks)
    lines = [Line2D([], [], color=INK, linestyle=style, label=name) for name, style in STYLES.items()]
    models = [name for name in plan.model_names if any(one.run.model == name for one in ways)]
    add_model_legend(figure, plan, models, lines)
    add_footnote(figure, plan, *(["a line a seed"] if len(plan.scale.seeds) > 1 else []), together=True)
    return figure


def _draw_set(axes, found) -> None:
    lagging, anew = STYLES.values()
    for shade, errors in found:
        axes.plot(errors.steps, errors.running, color=shade, linestyle=lagging, linewidth=1.2)
        axes.plot(errors.steps, errors.anew, color=shade, linestyle=anew)
    axes.axhline(0, color=INK, linewidth=0.6)


def find_needs(plan) -> list:
    """Return the records of the samples that were drawn with fresh statistics.

    Raises:
        ValueError: the study draws no such samples.
    """
    files = [one.files[-1] for one in plan.resampled if one.renormed]
    if not files:
        raise ValueError(f"mean-error: study {plan.study_name} takes no cell's statistics again (`renormed`)")
    return files


ENTRY = Entry(
    title="Batch norm's bias",
    caption="Predicted minus true noise, averaged over held-out images and their pixels, with batch norm's running "
    "statistics and with those taken again over the training images. Samples add a bias of one sign up, step by step; "
    "in the squared error it hardly shows.",
    needs=find_needs,
    make=draw,
)
