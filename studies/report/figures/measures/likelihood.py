"""Figure `likelihood`: the variational bound in bits per dimension, cell by cell."""

from itertools import pairwise

import numpy as np

from studies.measures.results import seeds_by_cell
from studies.report.entries import Entry
from studies.report.needs import measure_files
from studies.report.palette import INK, MUTED
from studies.report.rows import capable, left_out
from studies.report.style import add_footnote, add_title, find_pitch, in_digits, name_row, new_figure, styled

__all__ = ["ENTRY", "compute_decoder_floor"]

GUESSING = 8  # bits/dim of holding every one of the 256 levels for as likely
FAR = 10 * GUESSING  # a bar beyond is cut where others are within
WIDE = 30  # times the least bound, from which on the axis is logarithmic: less would show as nothing
ROW = 0.21  # inches, of a row at least
TERMS = {"decoder": ("$L_0$", 1.0), "steps": ("$L_1$ to $L_{T-1}$", 0.55), "prior": ("$L_T$", 0.2)}


@styled()
def draw(plan):
    """Draw bits per dimension by model and data, means over seeds, which are points: in the bound's three terms, or,
    where they lie orders of magnitude apart, on a logarithmic axis without."""
    cells = _find_cells(plan)
    means = {name: _average(plan, cells, f"{name}_bits") for name in (*TERMS, "total")}
    means["error"] = _average(plan, cells, "total_bits_se")
    models = [model for _, model in cells]
    y = np.arange(len(cells)) + 0.5 * np.cumsum([0, *(a != b for a, b in pairwise(models))])
    height = 1.55 + max(ROW * len(cells), find_pitch(plan, models) * (y[-1] + 1.4))
    figure = new_figure(height)
    heading = "Likelihood: a bound on bits per dimension"
    totals = seeds_by_cell(plan, "total_bits")
    seeds = [totals.get((model, data), []) for data, model in cells]
    limit, least = _find_limit(seeds), min((min(one) for one in seeds if one), default=0)
    wide = limit > WIDE * least > 0
    add_title(figure, heading, f"{'Logarithmic' if wide else 'Three terms'}; held-out images")
    place = {"left": 0.25, "right": 0.86, "bottom": 0.65 / height, "top": 1 - 0.85 / height}
    axes = figure.subplots(gridspec_kw=place)
    _draw_bars(axes, y, [plan.colour(model) for model in models], means, wide)
    _write_totals(axes, y, seeds, means, limit)
    _write_priors(axes, y, means["prior"])
    marked = _mark_levels(axes, plan, limit)
    names = [data for data, _ in cells]
    floors = _find_floors(plan, names)
    axes.set_xlim(*(_spread([least, *floors.values()], limit) if wide else (0, 1.25 * limit or 1)))
    entropies = _mark_entropies(axes, plan, y, floors, names)
    axes.set_yticks(y, [plan.label(data) for data in names], fontsize=8)
    axes.set(xlabel="bits/dim", ylim=(y[-1] + 0.7, -0.7))
    for model in dict.fromkeys(models):
        name_row(axes, plan, model, y[models.index(model)])
    _add_legend(figure, height, {} if wide else TERMS, entropies)
    several = max(map(len, seeds), default=0) > 1
    spread = "±: sd over seeds (points)" if several else "± two standard errors"
    spread += "; none where there is one seed" if several and min(len(one) for one in seeds if one) == 1 else ""
    cut = ["→: cut"] if max((max(one) for one in seeds if one), default=0) > limit else []
    dotted = [f"dotted: {'; '.join(marked)}"] if marked else []
    add_footnote(figure, plan, *dotted, spread, *cut, *left_out(plan, models, "a likelihood"), together=True)
    return figure


def _find_cells(plan) -> list[tuple[str, str]]:
    """Return the cells whose likelihood is bounded, model by model."""
    known = {(run.data, run.model) for run in capable(plan.grid, "likelihood")}
    return [(data, model) for model in plan.model_names for data in plan.data_names if (data, model) in known]


def _average(plan, cells, measure: str) -> np.ndarray:
    values = seeds_by_cell(plan, measure)
    return np.array([np.mean(values[m, d]) if values.get((m, d)) else np.nan for d, m in cells])


def _draw_bars(axes, y, shades, means, wide: bool) -> None:
    """Stack the bound's terms, or draw the whole where a model has no such terms, or the axis is logarithmic."""
    axes.grid(axis="y", visible=False)
    axes.spines.left.set_visible(False)
    axes.tick_params(axis="y", length=0)
    if wide:
        axes.set_xscale("log")
        axes.barh(y, np.nan_to_num(means["total"]), height=0.78, color=shades, linewidth=0)
        return
    left = np.zeros(len(y))
    for name, (_, alpha) in TERMS.items():
        values = np.nan_to_num(means[name])
        axes.barh(y, values, left=left, height=0.78, color=shades, alpha=alpha, linewidth=0)
        left = left + values
    whole = np.where(left > 0, 0, np.nan_to_num(means["total"]))
    if whole.any():
        axes.barh(y, whole, height=0.78, color=shades, linewidth=0)


def _write_totals(axes, y, seeds, means, limit: float) -> None:
    """Draw the seeds' sums as points, with mean and spread beside the bars: over seeds, or a seed's images."""
    from matplotlib.patheffects import Normal, Stroke

    from studies.report.tables.formatting import with_spread

    several = max(map(len, seeds), default=0) > 1
    halo = [Stroke(linewidth=3, foreground="white"), Normal()]  # so that no line runs through a number
    for position, known, total, error in zip(y, seeds, means["total"], means["error"], strict=True):
        if len(known) > 1:
            axes.plot(known, np.full(len(known), position), "o", color=INK, markersize=2.2)
        spread = np.std(known, ddof=1) if len(known) > 1 else 0 if several else 2 * error
        text = f"  {with_spread(total, spread)}" if known else " no result"
        style = {"va": "center", "fontsize": 8, "path_effects": halo}
        if known and max(known) > limit:
            axes.text(0.99, position, f"→{text}", ha="right", transform=axes.get_yaxis_transform(), **style)
        else:
            axes.text(max(known, default=0), position, text, **style)


def _find_limit(seeds) -> float:
    """Return the largest of the cells' bounds that is not far beyond guessing; of those beyond, if all are."""
    known = np.array([max(one) for one in seeds if one])
    return float((known[known <= FAR] if (known <= FAR).any() else known).max(initial=0))


def _spread(least: list[float], limit: float) -> tuple[float, float]:
    """Return the ends of a logarithmic axis, with room for words at the right."""
    return min(least) / 1.8, limit * (limit / min(least)) ** 0.3


def _write_priors(axes, y, priors) -> None:
    """Write L_T as a column of numbers at the right: on the bars it is mostly too little to be seen."""
    where = {"ha": "right", "fontsize": 8, "annotation_clip": False}
    for position, value in zip(y, priors, strict=True):
        text = in_digits(value) if value == value else "–"
        axes.annotate(text, (1.15, position), xycoords=("axes fraction", "data"), va="center", **where)
    axes.annotate("$L_T$ alone", (1.15, 1), xycoords="axes fraction", va="bottom", color=MUTED, **where)


def _mark_levels(axes, plan, limit: float) -> list[str]:
    """Draw dotted lines at what the decoder costs at best, and at what guessing costs; return what they are."""
    runs = [run for run in capable(plan.grid, "likelihood") if hasattr(run.training, "noise_schedule")]
    marked = {}
    if runs:
        floor = compute_decoder_floor(runs[0].training)
        marked[floor] = f"$L_0$ of true black and white, {floor:.2f}"
    if limit > GUESSING:
        marked[GUESSING] = f"guessing, {GUESSING}"
    for bits in marked:
        axes.axvline(bits, color=INK, linewidth=0.8, linestyle=":")
    return list(marked.values())


def _find_floors(plan, names) -> dict[str, float]:
    """Return the entropy of data of these names in bits per dimension, where it is known: no code is shorter."""
    from triangles.exact.entropy import known_entropy

    settings = {run.data: run.dataset.settings for run in plan.grid if run.data in names}
    bits = {name: known_entropy(one) for name, one in settings.items()}
    return {name: value / settings[name].size ** 2 for name, value in bits.items() if value is not None}


def _mark_entropies(axes, plan, y, floors: dict, names) -> list:
    """Draw a floor across each bar, at its place, where there is one for its data; return what a legend needs."""
    style = {"color": INK, "linewidth": 2}
    for place, name in zip(y, names, strict=True):
        if name in floors:
            axes.plot([floors[name]] * 2, [place - 0.47, place + 0.47], zorder=4, **style)
    told = "; ".join(f"{plan.label(name)} {value:.2g}" for name, value in floors.items())
    return [axes.plot([], [], label=f"entropy of the data: {told}", **style)[0]] if told else []


def _add_legend(figure, height: float, terms: dict, others) -> None:
    from matplotlib.patches import Patch

    handles = [*(Patch(facecolor=INK, alpha=alpha, label=label) for label, alpha in terms.values()), *others]
    if not handles:
        return
    place = {"loc": "upper left", "bbox_to_anchor": (0.24, 1 - 0.48 / height), "ncols": len(handles)}
    figure.legend(handles=handles, frameon=False, fontsize=8, handlelength=1.2, **place)


def compute_decoder_floor(training) -> float:
    """Return L_0 in bits of a black or white pixel whose mean is right.

    That is what N(0, beta_1) keeps under half the step between two levels (Ho et al. 2020, eq. 13).
    """
    from scipy.stats import norm

    half = 1 / 255 if training.value_range == "symmetric" else 0.5 / 255
    return float(-np.log2(norm.cdf(half / np.sqrt(training.noise_schedule().betas[0]))))


def find_needs(plan) -> list:
    """Return the measures of the runs whose likelihood is bounded.

    Raises:
        ValueError: there is none.
    """
    runs = capable(plan.grid, "likelihood")
    if not runs:
        raise ValueError(f"likelihood: no model of study {plan.study_name} has its likelihood bounded")
    return measure_files(plan.grid)


ENTRY = Entry(
    title="Likelihood",
    caption="The variational bound on held-out images in bits per dimension: prior, steps and decoder (Ho et al. 2020, "
    "eq. 5 and 13). Images are decoded at 256 levels, by coins and models of black and white at two: of black and "
    "white images both are lengths of a code, and can be compared; but VAEs and flows are bounded by several weighted "
    "draws, which tightens their bound, and that lies in their decoder's term. Even a mean that is right costs the "
    "decoder bits, since its noise is wider than a level; guessing all 256 levels alike costs 8. The entropy of the "
    "data, a black line, is the floor under any bound; it is known where every image is, which holds of triangles "
    "drawn in black and white at a small size. A low bound does not mean good samples: where sampling starts wrongly, "
    "the bound pays no more for it than the prior term.",
    needs=find_needs,
    make=draw,
)
