"""Figure `loss-extended`: the loss of the run that is trained for longer."""

from studies.measures.results import or_hole, read_losses
from studies.report.entries import Entry
from studies.report.figures.curves.epochs import AVERAGED, add_loss_legend, draw_losses, tell_loss
from studies.report.needs import loss_files
from studies.report.palette import MUTED
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY"]

UNDER = "#b3b9c2"  # of a line below another


@styled()
def draw(plan):
    """Draw the longer run at the first seed, and the run that it extends."""
    run = _find_extended(plan)
    figure, shade = new_figure(3.6), plan.colour(run.model)
    name = f"{plan.label(run.model)}, {plan.label(run.data)} set"
    add_title(figure, f"Training loss over {run.training.epochs} epochs: {name}", tell_loss([run]))
    axes = figure.subplots(gridspec_kw={"left": 0.085, "right": 0.985, "bottom": 0.2, "top": 0.79})
    losses, base = or_hole(read_losses, run), _draw_base(axes, run)
    draw_losses(axes, losses, shade)
    axes.set(xlabel="epoch", xlim=(0, 1.02 * run.training.epochs) if losses is None else None)
    down = 0.57 / 3.6
    add_loss_legend(figure, down, shade, base, loc="upper left", bbox_to_anchor=(0.012, 1 - down))
    how = "went on from" if run.start_from else "trained apart from"
    made = f"{how} the run of {run.base.training.epochs} epochs" if losses is not None else "not made"
    add_footnote(figure, plan, made)
    return figure


def _find_extended(plan):
    for run in plan.extended:
        if run.seed == plan.scale.seeds[0]:
            return run
    raise ValueError(f"loss-extended: study {plan.study_name} trains no cell for longer (`extended`)")


def _draw_base(axes, run) -> list:
    """Mark where the run that is extended ends, and draw its training mean if it is another; return legend handles."""
    from matplotlib.lines import Line2D

    end, base = run.base.training.epochs, or_hole(read_losses, run.base)
    axes.axvline(end, color=MUTED, linewidth=0.8, linestyle=":")
    where = {"xycoords": ("data", "axes fraction"), "color": MUTED, "fontsize": 8, "va": "top"}
    axes.annotate(f" the grid's run ends: {end}", (end, 0.98), **where)
    if base is None or run.start_from is not None:
        return []
    axes.plot(base.epoch, base.train_mean, color=UNDER, linewidth=4.5)  # wide, as the two are the same at first
    return [Line2D([], [], color=UNDER, linewidth=4.5, label="training mean of the grid's run")]


def find_needs(plan) -> list:
    """Return the losses of the longer run and of its base.

    Raises:
        ValueError: the study trains no cell for longer.
    """
    run = _find_extended(plan)
    return loss_files([run, run.base])


ENTRY = Entry(
    title="Training loss of the longer run",
    caption="The same loss in the run that goes on longer than the others, over the training mean of the grid's run "
    f"where the two were trained apart. {AVERAGED}",
    needs=find_needs,
    make=draw,
)
