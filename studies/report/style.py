"""Give all figures one look: type, lines, titles and footnotes; and write equal figures as equal bytes.

Sizes are final: 7.1 inches fill the width of a printed page, and no text is below 8 points.
"""

import textwrap
from collections import Counter
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from diffusion.store.files import replacing, vouch
from diffusion.store.ledger import claim
from studies.report.palette import INK, MUTED, RULE, text_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "DPI",
    "WIDTH",
    "add_footnote",
    "add_legend",
    "add_model_legend",
    "add_title",
    "break_label",
    "find_pitch",
    "in_digits",
    "name_row",
    "new_figure",
    "save",
    "styled",
]

WIDTH, DPI = 7.1, 200
HANDLE, LETTER, LEGEND_LINE = 0.42, 0.064, 0.17  # inches in a legend: a line of it with its room, a letter, a row
LINE = 0.16  # inches, of a name of several lines
BESIDE = 0.75  # inches, of the room for a name beside a row
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so looks the same on every machine
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",  # glyphs as outlines: the same picture where the font is missing
    "svg.hashsalt": "studies",
    "image.composite_image": False,  # each image stays one in the SVG, at its own resolution
}


@contextmanager
def styled():
    """Draw a block's figures in our look, from matplotlib's defaults whatever the user's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(height: float, width: float = WIDTH) -> "Figure":
    """Return a figure of that many inches that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI)


def add_title(figure: "Figure", text: str, detail: str = "") -> None:
    """Write what is shown at the top left, with an explaining line under it."""
    height = figure.get_size_inches()[1]
    figure.text(0.012, 1 - 0.10 / height, text, fontsize=11, fontweight="bold", va="top")
    if detail:
        figure.text(0.012, 1 - 0.32 / height, detail, fontsize=8.5, color=MUTED, va="top")


def add_footnote(figure: "Figure", plan, *facts: str, together: bool = False, seeded: bool = True) -> None:
    """Write scale, seed and whatever else one needs to judge the figure.

    together: all seeds are shown; seeded: False where formulas are, and no seed.
    """
    seeds = plan.scale.seeds if together else plan.scale.seeds[:1]
    fewer = " at most" if together and _lacks_seeds(plan) else ""
    seed_words = [f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}{fewer}"] if seeded else []
    words = [f"scale {plan.scale_name}", *seed_words, *facts]
    place = 0.012, 0.08 / figure.get_size_inches()[1]
    text = figure.text(*place, " · ".join(words), fontsize=8, color=MUTED, va="bottom")
    share = (1 - 2 * place[0]) * figure.bbox.width / text.get_window_extent().width
    if share < 1:
        text.set_fontsize(8 * max(0.95 * share, 0.7))  # smaller, not out of the picture; widths are of whole pixels


def _lacks_seeds(plan) -> bool:
    """Whether cells that have a measured run have fewer than others."""
    counts = Counter((run.data, run.model) for run in plan.grid if run.measure_file.exists())
    return len(set(counts.values())) > 1


def add_model_legend(figure: "Figure", plan, models, others=()) -> None:
    """List models in their colours, those that look and are called the same once, and other lines, by `add_legend`."""
    from matplotlib.lines import Line2D

    looks = dict.fromkeys((plan.colour(name), plan.label(name)) for name in models)
    add_legend(figure, [*(Line2D([], [], color=colour, label=label) for colour, label in looks), *others])


def add_legend(figure: "Figure", handles) -> None:
    """List what these lines are under the title, in as many columns as fit; call it once the panels are there.

    Where that takes several rows, the figure grows by what comes to the first.
    """
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    columns = max(1, min(len(handles), 7, int(WIDTH / (HANDLE + LETTER * longest))))
    _make_room(figure, LEGEND_LINE * (-(-len(handles) // columns) - 1))
    height = figure.get_size_inches()[1]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.45 / height), ncols=columns,
        frameon=False, fontsize=8, handlelength=1.6, columnspacing=1.3,
    )  # fmt: skip


def _make_room(figure: "Figure", more: float) -> None:
    """Make a figure so many inches taller, between its title and its panels."""
    if more <= 0:
        return
    width, height = figure.get_size_inches()
    share = height / (height + more)
    figure.set_size_inches(width, height + more)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position([box.x0, box.y0 * share, box.width, box.height * share])
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((x, y * share if y < 0.5 else 1 - (1 - y) * share))


def break_label(label: str) -> str:
    """Break a label into lines that fit beside a row: of eleven letters, or fewer where they are wide."""
    for letters in range(11, 4, -1):
        broken = any(len(word) > letters for word in label.split())  # rather at a hyphen than within a word
        lines = [line for part in label.split("\n") for line in textwrap.wrap(part, letters, break_on_hyphens=broken)]
        if max(map(_measure, lines), default=0) <= BESIDE:
            break
    return "\n".join(lines)


@cache
def _measure(text: str) -> float:
    """Return how many inches wide a line of bold letters is."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), text, size=8.5, prop=FontProperties(weight="bold")).get_extents().width / 72


def name_row(axes, plan, model: str, y: float) -> None:
    """Write a model's name in its colour at the figure's left edge, at the height y of the axes' data."""
    style = {"color": text_colour(plan.colour(model)), "fontweight": "bold", "va": "center", "ha": "left"}
    where = {"xycoords": ("figure fraction", "data"), "annotation_clip": False}
    axes.annotate(break_label(plan.label(model)), (0.012, y), **where, **style)


def find_pitch(plan, models) -> float:
    """Return how many inches apart rows must stand for `name_row` to have room beside each model's.

    models: of each row, from the top; half a row is left between two models.
    """
    lines = {model: break_label(plan.label(model)).count("\n") + 1 for model in models}
    return max((LINE * (lines[model] + 0.2) / (count + 0.5) for model, count in Counter(models).items()), default=0)


def in_digits(value: float) -> str:
    """Return two decimals, or one digit times a power of ten where they would show nothing."""
    if value >= 0.01 or value == 0:
        return f"{value:.2f}"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}·10" + str(int(exponent)).translate(RAISED)


FORMS = {
    "png": {"metadata": {"Software": None}, "pil_kwargs": {"optimize": True}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}


def save(figure: "Figure", path: Path, forms=tuple(FORMS)) -> list[Path]:
    """Write PATH.png and PATH.svg, or the given ones of them, without dates, so that equal figures are equal files."""
    written = [Path(f"{path}.{form}") for form in forms]
    claim(written)
    for form, target in zip(forms, written, strict=True):
        with styled(), replacing(target) as partial:
            figure.savefig(partial, format=form, dpi=DPI, **FORMS[form])
    vouch(written)
    return written
