"""Figure `score-field`: the score of images of two pixels, exact and learnt, with paths that follow it."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from diffusion.processes.gaussian import Gaussian
from diffusion.samplers.langevin import langevin_step
from diffusion.schedules import schedule
from studies.report.entries import Entry
from studies.report.palette import INK, MUTED
from studies.report.style import add_footnote, add_title, new_figure, styled

__all__ = ["ENTRY", "draw_at", "exact_score", "learn", "measure_error", "walk"]

POINTS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 0.3))  # the data set: four images of two pixels, in [-1, 1]
LEVELS = (0.1, 0.7, 0.95)  # abar, signal power left: much noise first, as sampling meets it
WIDTHS, STEPS, BATCH, RATE = (64, 64, 64), 2000, 256, 6e-3  # of the network and its training, with Adam
WAVES = 6  # cosines of the log-SNR that the network is given
SEED = 20  # of weights, batches and paths: no run's result depends on it
DRAWN = 20_000  # draws of x_t that the error is a mean over
SPAN, GRID = 2.1, 13  # half the side of a panel, and arrows along it
STARTS = ((-1.6, 1.6), (1.7, 1.3), (0.4, -1.7))  # of the paths
PATH_STEPS, SIZE = 14, 0.07  # Langevin steps at each level, and their size over 1 - abar
PATH_SEED = 2752  # of the paths' noise: one that leaves them within the panels, and apart
HEIGHT, ARROW = 5.9, 0.34  # inches, and the longest arrow, in pixels' units
SHADES = ("#d55e00", "#009e73", "#cc79a7")  # of the paths


@dataclass(frozen=True)
class Level:
    """A moment of the process: its index t, and the signal power that is left, abar."""

    t: int
    abar: float


def draw_at(process: Gaussian, t, count: int, source):
    """Draw x_0 of the data set and eps; return x_t and eps, float64 (count, 2). t: an index, or (count,) of them."""
    import torch

    x0 = torch.tensor(POINTS, dtype=torch.float64)[torch.randint(len(POINTS), (count,), generator=source)]
    eps = torch.randn(count, 2, dtype=torch.float64, generator=source)
    return process.noised(x0, t, eps), eps


def exact_score(process: Gaussian, x, t: int):
    """Return the gradient of log p_t at x (N, 2): p_t is a mixture of N(sqrt(abar_t) x_k, (1 - abar_t) I)."""
    import torch

    means = process.at("sqrt_abar", t, x) * torch.tensor(POINTS, dtype=x.dtype)
    variance = process.at("sqrt_1m_abar", t, x) ** 2
    apart = means - x[:, None]  # (N, K, 2)
    weight = (-apart.square().sum(-1) / (2 * variance)).softmax(-1)
    return (weight[..., None] * apart).sum(1) / variance


def learn(process: Gaussian):
    """Train a small network to predict eps by L_simple; return its score: (x (N, 2), t) -> (N, 2)."""
    import torch

    from diffusion.streams import seeded

    with seeded(SEED):
        network = _new_network()
    source = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(network.parameters(), RATE, fused=True)
    course = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        t = torch.randint(process.timesteps, (BATCH,), generator=source)
        xt, eps = draw_at(process, t, BATCH, source)
        loss = (network(_shown(process, xt, t)) - eps.float()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.step()

    @torch.no_grad()
    def score(x, t: int):
        found = network(_shown(process, x, torch.full((len(x),), t)))
        return -found.to(x) / process.at("sqrt_1m_abar", t, x)

    return score


def _new_network():
    from torch import nn

    layers, before = [], 2 + WAVES
    for width in WIDTHS:
        layers += [nn.Linear(before, width), nn.SiLU()]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 2))


def _shown(process: Gaussian, x, t):
    """Return what the network sees of x (N, 2) at t (N,): the pixels, and cosines of the log-SNR."""
    import torch

    logs = torch.as_tensor(np.log(process.signal), dtype=torch.float32)
    u = (logs[t, None] - logs[-1]) / (logs[0] - logs[-1])
    return torch.cat([x.float(), torch.cos(torch.pi * torch.arange(1, WAVES + 1) * u)], dim=1)


def measure_error(process: Gaussian, score, t: int) -> float:
    """Return the root mean square of the difference from the exact score, over that of the exact one, on x_t drawn."""
    import torch

    x, _ = draw_at(process, t, DRAWN, torch.Generator().manual_seed(SEED))
    exact = exact_score(process, x, t)
    return float(((score(x, t) - exact).square().sum() / exact.square().sum()).sqrt())


def walk(process: Gaussian, score, levels) -> list[np.ndarray]:
    """Take Langevin steps at each level, from where the one before ended: a path (steps + 1, starts, 2) a level.

    Steps are of a size in proportion to 1 - abar (Song and Ermon 2019, algorithm 1).
    """
    import torch

    x, source, paths = torch.tensor(STARTS, dtype=torch.float64), torch.Generator().manual_seed(PATH_SEED), []
    for level in levels:
        path = [x]
        for _ in range(PATH_STEPS):
            noise = torch.randn(x.shape, dtype=x.dtype, generator=source)
            x = langevin_step(x, score(x, level.t), SIZE * (1 - level.abar), noise)
            path.append(x)
        paths.append(torch.stack(path).numpy())
    return paths


@styled()
def draw(plan):
    """Draw both fields at three levels of noise over the density, with paths of the same noise in both."""
    process = Gaussian(schedule("linear"))
    nearest = [int(np.abs(process.schedule.abar - abar).argmin()) for abar in LEVELS]
    levels = [Level(t, float(process.schedule.abar[t])) for t in nearest]
    figure = new_figure(HEIGHT)
    detail = (
        "Arrows: √(1 − ᾱ) times the score, long ones shortened. Blue: the exact density. Crosses: the images, scaled.\n"
        "Paths: Langevin steps from ring to dot, on from panel to panel, with the same noise above and below."
    )
    add_title(figure, "The score of images of two pixels, exact and learnt", detail)
    place = {"left": 0.1, "right": 0.985, "bottom": 0.125, "top": 1 - 1.0 / HEIGHT, "wspace": 0.05, "hspace": 0.17}
    panels = figure.subplots(2, len(levels), sharex=True, sharey=True, gridspec_kw=place)
    with _one_thread():
        learnt = learn(process)
        for axes, level in zip(panels[0], levels, strict=True):
            axes.set_title(f"ᾱ = {level.abar:.2f}, t = {level.t + 1}", loc="left")
        for axes, level in zip(panels[1], levels, strict=True):
            axes.set_title(f"off by {measure_error(process, learnt, level.t):.1%}", loc="left")
        _draw_row(panels[0], process, lambda x, t: exact_score(process, x, t), levels)
        _draw_row(panels[1], process, learnt, levels)
    for row, name in zip(panels, ("exact", "learnt"), strict=True):
        row[0].set_ylabel("second pixel")
        row[0].annotate(
            name,
            (0.012, 0.5),
            xycoords=("figure fraction", "axes fraction"),
            rotation=90,
            va="center",
            fontweight="bold",
        )
    for axes in panels[1]:
        axes.set_xlabel("first pixel")
    facts = f"off by: root mean square of the difference over that of the exact score, {DRAWN:,} draws of x"
    add_footnote(figure, plan, f"T = {process.timesteps}", facts, seeded=False)
    return figure


@contextmanager
def _one_thread():
    """Let torch use one thread: sums over several would end in other bits, and the figure in other bytes."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _draw_row(panels, process, score, levels) -> None:
    for axes, level, path in zip(panels, levels, walk(process, score, levels), strict=True):
        _draw_density(axes, process, level)
        _draw_arrows(axes, process, score, level)
        for i, shade in enumerate(SHADES):
            axes.plot(*path[:, i].T, color="white", linewidth=2.6, zorder=3)
            axes.plot(*path[:, i].T, color=shade, linewidth=1.3, zorder=3)
            axes.plot(*path[0, i], "o", color=shade, markerfacecolor="white", markersize=5, zorder=4)
            axes.plot(*path[-1, i], "o", color=shade, markeredgecolor="white", markersize=5.5, zorder=4)
        points = np.sqrt(level.abar) * np.array(POINTS)
        axes.plot(*points.T, "x", color=INK, markersize=6, markeredgewidth=1.6, zorder=5)
        axes.set(xlim=(-SPAN, SPAN), ylim=(-SPAN, SPAN), xticks=(-1, 0, 1), yticks=(-1, 0, 1), aspect="equal")
        axes.grid(visible=False)


def _draw_density(axes, process, level) -> None:
    """Shade the density of x_t, each panel from white to its own most."""
    one = np.linspace(-SPAN, SPAN, 201)
    x = np.stack(np.meshgrid(one, one), axis=-1)
    apart = x[:, :, None] - np.sqrt(level.abar) * np.array(POINTS)
    density = np.exp(-(apart**2).sum(-1) / (2 * (1 - level.abar))).sum(-1)
    shown = {"cmap": "Blues", "vmin": 0, "vmax": 1.7 * density.max(), "interpolation": "none"}
    axes.imshow(density, extent=(-SPAN, SPAN, -SPAN, SPAN), origin="lower", **shown)


def _draw_arrows(axes, process, score, level) -> None:
    """Draw s = sqrt(1 - abar) score on a grid, of length |s| / (1 + |s|) so that none hides the next."""
    import torch

    one = np.linspace(-SPAN, SPAN, GRID + 2)[1:-1]
    x = np.stack(np.meshgrid(one, one), axis=-1).reshape(-1, 2)
    s = np.sqrt(1 - level.abar) * score(torch.from_numpy(x), level.t).numpy()
    s = s / (1 + np.linalg.norm(s, axis=1, keepdims=True)) * ARROW
    how = {"angles": "xy", "scale_units": "xy", "scale": 1, "pivot": "mid", "color": MUTED}
    axes.quiver(*x.T, *s.T, width=0.0055, headwidth=4, headlength=4.5, headaxislength=4, zorder=2, **how)


ENTRY = Entry(
    title="The score, exact and learnt",
    caption="Of four images of two pixels the score is known: x_t is a mixture of four Gaussians about the scaled "
    "images (upper row, exact). The lower row is learnt, by a network of 9,000 parameters that saw 512,000 draws of "
    "x_t and was trained to predict the noise, as models are here. It is off by about 2% where most is noise and by "
    "about 13% where little is, as the footnote measures. The noise of the paths was chosen so that they stay in view "
    "and apart.",
    needs=lambda plan: [],
    make=draw,
)
