"""Draw losses over the epochs: what the figures of training share."""

from studies.report.palette import INK, MUTED

__all__ = ["AVERAGED", "add_loss_legend", "draw_losses", "mark", "tell_loss"]

MEAN, BATCHES, TEST = "training mean", "range over batches", "test mean"
FEW_EPOCHS = 12  # up to here each epoch is marked
TEST_DASHES = (0, (3, 1.5))
AVERAGED = (  # of captions
    "Where a recipe averages the weights, the test mean is that of the averaged weights, and the training mean that of "
    "the weights at hand."
)


def mark(epochs, size: float) -> dict:
    """Return the style that marks each epoch, where they are few enough to be told apart."""
    return {"marker": "o", "markersize": size} if len(epochs) <= FEW_EPOCHS else {}


def draw_losses(axes, losses, shade: str) -> None:
    """Draw the range, the mean and the test mean of one run, or a note where no logarithm of them can be drawn.

    losses: as `studies.measures.results.read_losses` gives them, or None.
    """
    axes.set_yscale("log")
    axes.grid(which="minor", visible=False)
    axes.tick_params(which="minor", length=0)
    if losses is None or not losses.train_mean.any():
        note = "no result" if losses is None else "0 in every epoch"
        axes.text(0.5, 0.5, note, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=8)
        return
    axes.fill_between(losses.epoch, losses.train_min, losses.train_max, color=shade, alpha=0.22, linewidth=0)
    axes.plot(losses.epoch, losses.train_mean, color=shade, **mark(losses, 2.6))
    axes.plot(losses.epoch, losses.test_mean, color=INK, linewidth=0.9, linestyle=TEST_DASHES)
    axes.set_xlim(losses.epoch.min() - 0.02 * len(losses), losses.epoch.max() + 0.02 * len(losses))
    axes.xaxis.get_major_locator().set_params(integer=True)


def add_loss_legend(figure, down: float, shade: str = MUTED, others=(), **place) -> None:
    """Say what the lines are, at the top right unless told otherwise, so far below the edge."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=shade, label=MEAN),
        Patch(facecolor=shade, alpha=0.25, label=BATCHES),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=TEST_DASHES, label=TEST),
        *others,
    ]
    place = {"loc": "upper right", "bbox_to_anchor": (0.99, 1 - down)} | place
    figure.legend(
        handles=handles, ncols=len(handles), frameon=False, fontsize=8, handlelength=1.6, columnspacing=1.2,
        borderaxespad=0, **place,
    )  # fmt: skip


def tell_loss(runs) -> str:
    """Return what the loss of these runs is, in words."""
    same = all(hasattr(run.training, "noise_schedule") for run in runs)
    return "Mean squared error of the predicted noise, logarithmic" if same else "Each model's own loss, logarithmic"
