"""Figure `noising`: a photograph under each model's noise schedule."""

import numpy as np

from diffusion.schedules import NoiseSchedule
from studies.measures.results import noise_schedules
from studies.report.entries import Entry
from studies.report.needs import schedule_files
from studies.report.rows import left_out
from studies.report.style import in_digits, styled
from studies.report.tiles import Row, as_bytes, draw_tiles

__all__ = ["ENTRY", "photograph"]

SEED = 52  # of the noise: no run's result depends on it
SHARES = (0, 0.1, 0.25, 0.5, 0.75, 1)  # of T


@styled()
def draw(plan):
    """Draw a photograph at several t, all with the same eps.

    x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps (Ho et al. 2020, eq. 4).
    """
    photo = photograph() * 2 - 1
    eps = np.random.default_rng(SEED).standard_normal(photo.shape)
    found: dict[str, NoiseSchedule] = noise_schedules(plan)  # named, so that the formulas count as sources
    rows = []
    for name, schedule in found.items():
        abars = np.concatenate([[1.0], schedule.abar])[[round(u * schedule.timesteps) for u in SHARES]]
        tiles = [as_bytes((np.sqrt(a) * photo + np.sqrt(1 - a) * eps + 1) / 2) for a in abars]
        rows.append(Row(plan.label(name), tiles, plan.colour(name), [f"ᾱ = {in_digits(a)}" for a in abars]))
    heading = "Noise added to a photograph by each schedule", "ᾱ is the share of signal power left in the image"
    lengths = sorted({schedule.timesteps for schedule in found.values()})
    heads = [f"t = {round(u * lengths[0])}" if len(lengths) == 1 else f"t = {u:g} T" for u in SHARES]
    facts = [f"T = {T}" for T in lengths] + left_out(plan, found, "a noise schedule")
    return draw_tiles(plan, heading, heads, rows, *facts, seeded=False)


def photograph(side: int = 96) -> np.ndarray:
    """Return the cat Chelsea (scikit-image ships her; CC0), gray: float (side, side) in [0, 1]."""
    from skimage import color, data, exposure, transform

    face = color.rgb2gray(data.chelsea())[0:300, 70:370]
    return exposure.rescale_intensity(transform.resize(face, (side, side), anti_aliasing=True), out_range=(0, 1))


ENTRY = Entry(
    title="A photograph under each schedule",
    caption="Noise added to a photograph: the same noise in every row and column, mixed in by each schedule's own "
    "measure.",
    needs=lambda plan: schedule_files(plan, noise_schedules(plan)),
    make=draw,
    form="png",
)
