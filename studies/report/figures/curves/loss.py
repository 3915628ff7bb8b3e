"""Figure `loss`: the training loss of each cell, and of all models together."""

from studies.measures.results import first_seed, or_hole, read_losses
from studies.report.entries import Entry
from studies.report.figures.curves.epochs import AVERAGED, add_loss_legend, draw_losses, mark, tell_loss
from studies.report.needs import loss_files
from studies.report.palette import INK, text_colour
from studies.report.rows import find_rows
from studies.report.style import add_footnote, add_title, break_label, new_figure, styled

__all__ = ["ENTRY"]

TOGETHER, ALL = 2.2, "all, from\nepoch 2 on"  # inches of the panels that show all models, and their name


@styled()
def draw(plan):
    """Draw mean and range over batches and test mean, epoch by epoch: models down, data across; all means below."""
    cells, columns = find_rows(plan), plan.data_names
    rows = list(cells)
    height = 1.32 + 1.2 * len(rows) + TOGETHER
    figure = new_figure(height)
    add_title(figure, "Training loss by model and set", tell_loss(plan.grid))
    place = {"left": 0.185, "right": 0.985, "hspace": 0.14, "wspace": 0.07}
    upper = place | {"bottom": (0.8 + TOGETHER) / height, "top": 1 - 0.85 / height}
    panels = figure.subplots(len(rows), len(columns), sharex=True, sharey=True, squeeze=False, gridspec_kw=upper)
    for run in first_seed(plan):
        row = next(i for i, row in enumerate(rows) if cells[row].get(run.data) == run.model)
        axes = panels[row, columns.index(run.data)]
        draw_losses(axes, or_hole(read_losses, run), plan.colour(run.model))
    _clear_others(cells.values(), columns, panels)
    lower = place | {"bottom": 0.62 / height, "top": (TOGETHER + 0.22) / height}
    together = figure.subplots(1, len(columns), sharey=True, squeeze=False, gridspec_kw=lower)[0]
    _draw_together(plan, together)
    longest = max(run.training.epochs for run in plan.grid)
    for axes in (panels[0, 0], *together):  # the upper ones share theirs
        axes.set_xlim(1 - 0.02 * longest, 1.02 * longest)
    for axes, name in zip(panels[0], columns, strict=True):
        axes.set_title(plan.label(name), fontweight="bold")
    for axes, name in zip(panels[:, 0], rows, strict=True):
        _name_panel(axes, break_label(plan.label(name)), text_colour(plan.colour(name)))
    _name_panel(together[0], ALL, INK)
    for axes in together:
        axes.set_xlabel("epoch")
    add_loss_legend(figure, 0.06 / height)
    seeds = len(plan.scale.seeds)
    add_footnote(figure, plan, *([f"last row: {seeds} seeds, thin, and their mean"] if seeds > 1 else []))
    return figure


def _clear_others(cells, columns, panels) -> None:
    """Clear the panels of pairs that are no cells; the outermost ones left have the ticks' labels."""
    for row, known in zip(panels, cells, strict=True):
        for axes, data in zip(row, columns, strict=True):
            if data not in known:
                axes.set_axis_off()
    for row in panels:
        next(axes for axes in row if axes.axison).tick_params(axis="y", labelleft=True)
    for column in panels.T:
        last = next(axes for axes in column[::-1] if axes.axison)
        last.tick_params(axis="x", labelbottom=True)
        last.set_xlabel("epoch")


def _name_panel(axes, name: str, shade: str) -> None:
    box = axes.get_position()
    axes.figure.text(0.012, (box.y0 + box.y1) / 2, name, color=shade, fontweight="bold", va="center")


def _draw_together(plan, panels) -> None:
    """Draw every model's training mean after the first epoch, whose fall would hide the rest: seeds, and their mean."""
    from matplotlib.ticker import LogFormatterMathtext, LogLocator, NullFormatter

    for axes, data in zip(panels, plan.data_names, strict=True):
        axes.set_yscale("log")
        axes.grid(which="minor", visible=False)
        axes.yaxis.set_minor_formatter(NullFormatter())
        for model in plan.model_names:
            _draw_seeds(axes, [run for run in plan.grid if (run.data, run.model) == (data, model)], plan.colour(model))
        axes.xaxis.get_major_locator().set_params(integer=True)
    low, high = panels[0].get_ylim()  # which all share
    few = high < 1e3 * low  # a run may fall by less than a power of ten, and a broken one rise by many
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    panels[0].yaxis.set_major_formatter("{x:g}" if few else LogFormatterMathtext())


def _draw_seeds(axes, runs, shade: str) -> None:
    """Draw training means of one cell's seeds after the first epoch, thin, and their mean."""
    found = [one for run in runs if (one := or_hole(read_losses, run)) is not None]
    means = [one.set_index("epoch").train_mean.loc[min(2, one.epoch.max()) :] for one in found]
    for one in means if len(means) > 1 else ():
        axes.plot(one.index, one, color=shade, linewidth=0.6, alpha=0.7)
    if means:
        mean = sum(means) / len(means)
        axes.plot(mean.index, mean, color=shade, linewidth=1.4, **mark(mean, 2.2))


ENTRY = Entry(
    title="Training loss by model and set",
    caption="Loss epoch by epoch: mean and range over the batches, and mean over the test set; of a diffusion "
    "model, the mean squared error of the predicted noise. The last row shows all models' training means "
    "together, every seed, without the first epoch. The level says nothing about which model is better. "
    f"{AVERAGED}",
    needs=lambda plan: loss_files(plan.grid),
    make=draw,
)
