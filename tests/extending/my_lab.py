"""A lab's own members, one of each kind, registered from outside: what `plugins: [my_lab]` imports. Without torch.

Small as they are, each does what its name says, so that a run with all of them draws discs.
"""

import numpy as np

from diffusion.family import FAMILIES, Family
from diffusion.networks import NETWORKS
from diffusion.processes import PROCESSES
from diffusion.processes.gaussian import Gaussian
from diffusion.processes.states import Prediction
from diffusion.samplers import SAMPLERS
from diffusion.schedules import SCHEDULES
from diffusion.settings import FamilySettings, setting
from diffusion.targets import TARGETS
from studies.measures.measure import Described, Ruler, beside, mean
from studies.registries import CHECKS, FIGURES, RULERS, TABLES
from studies.report.entries import Entry
from triangles.kinds import KINDS
from triangles.kinds.kind import Fits, Kind

RADII = 0.1, 0.4


def cubic(u, beta_min, beta_max):
    """A schedule: beta rises with the cube of time."""
    return beta_min + (beta_max - beta_min) * u**3


class ExactStart(Gaussian):
    """A process: x_T starts as wide as its own noise, not as N(0, I)."""

    def start(self, noise):
        return noise() * float(np.sqrt(1 - self.schedule.abar[-1]))


class Negative:
    """A target: the clean image with its sign changed."""

    needs = frozenset()
    value_ranges = ("symmetric",)
    is_reported = False

    def wanted(self, x0, hidden, t, process):
        return -x0

    def loss(self, output, wanted):
        return (output - wanted).abs()

    def read(self, output, xt, t, process):
        return Prediction(-output, process.hidden(-output, xt, t))


class Mean:
    """A sampler: the mean of each backward step, without noise."""

    options = frozenset()
    needs = frozenset()

    def step(self, denoise, process, x, i, memory, noise):
        return process.backward(denoise(x, i), x, i)


class Disc(Kind):
    """A kind of picture: filled discs; parameters are centre and radius, float64 (N, 3)."""

    parameters = "discs"
    shape = (3,)
    fitter = "my_lab"

    def draw(self, rng, count):
        return rng.random((count, 3)) * [1, 1, RADII[1] - RADII[0]] + [0, 0, RADII[0]]

    def paint(self, one, size):
        y, x = (np.mgrid[:size, :size] + 0.5) / size
        return np.where(np.hypot(x - one[0], y - one[1]) <= one[2], 255, 0).astype(np.uint8)


FEATURES = {"radius": ("radius", "sides", (0.0, 1.0)), "centre_x": ("centre, across", "sides", (-1.0, 2.0))}


def features(parameters):
    return parameters[:, [2, 0]]


def fit(images, render=None, draw_size=None):
    """The disc with the ink's centre and area."""
    ink = np.asarray(images) > (127 if np.asarray(images).dtype == np.uint8 else 0.5)
    size, counts = ink.shape[1], ink.sum(axis=(1, 2))
    places = (np.arange(size) + 0.5) / size
    with np.errstate(invalid="ignore"):
        x, y = (ink.sum(axis=axis) @ places / counts for axis in (1, 2))
    discs = np.stack([x, y, np.sqrt(counts / np.pi) / size], axis=1)
    discs[counts == 0] = np.nan
    drawn = np.stack([Disc().paint(disc, size) > 127 for disc in discs])
    both, either = (ink & drawn).sum(axis=(1, 2)), (ink | drawn).sum(axis=(1, 2))
    return Fits(discs, np.where(either > 0, both / np.maximum(either, 1), 0.0), counts)


class PixelSettings(FamilySettings):
    """The settings of the family `pixels`."""

    family: str = setting("pixels", "kind of model")
    spread: float = setting(1.0, "of what is drawn around the mean", ge=0)


def take_corner(images):
    return {"corner": images.gray[:, :2, :2].mean(axis=(1, 2))}


def summarise_corner(table, real_table, kind, rng):
    return beside([mean("corner_ink", table.corner, "1")], [mean("corner_ink", real_table.corner, "1")])


CORNER = {"corner_ink": Described("ink in the upper left corner", "1", (0, 1))}


def need_measures(plan):
    return [run.measure_file for run in plan.grid]


def tabulate_corners(plan):
    """A table: the corner's ink by cell."""
    import pandas as pd

    from studies.measures.results import seeds_by_cell

    cells = seeds_by_cell(plan, "corner_ink")
    return pd.DataFrame([{"data": data, "model": model, "corner": np.mean(v)} for (model, data), v in cells.items()])


def draw_corners(plan):
    """A figure: the same as bars."""
    from studies.report.style import add_title, new_figure

    figure, table = new_figure(2.5), tabulate_corners(plan)
    add_title(figure, "Ink in the corner")
    axes = figure.subplots(gridspec_kw={"top": 0.75})
    labels, colours = ([tell(name) for name in table.model] for tell in (plan.label, plan.colour))
    axes.bar(labels, table.corner, color=colours)
    return figure


def discs_are_round(plan):
    """A check: how far a drawn disc's area lies from pi r^2, as a share."""
    area = (Disc().paint(np.array([0.5, 0.5, 0.3]), 1000) > 0).mean()
    apart = abs(area / (np.pi * 0.09) - 1)
    return apart < 0.01, apart, "share"


SCHEDULES.add("cubic", cubic)
NETWORKS.add("flat", "my_lab_models:Flat")
PROCESSES.add("exact-start", ExactStart)
TARGETS.add("negative", Negative)
SAMPLERS.add("mean", Mean)
FAMILIES.add(
    "pixels",
    Family(
        settings="my_lab:PixelSettings",
        learner="my_lab_models:Learner",
        model="my_lab_models:Model",
        draw="my_lab_models:draw",
    ),
)
KINDS.add("disc", Disc())
RULERS.add("corner", Ruler(CORNER, take_corner, summarise_corner))
FIGURES.add("corners", Entry("Ink in the corner", "By cell.", need_measures, draw_corners))
TABLES.add("corners", Entry("Ink in the corner", "By cell.", need_measures, tabulate_corners))
CHECKS.add("discs-are-round", discs_are_round)
