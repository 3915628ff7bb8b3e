"""Measure how far a model's output is from E[x_0 | x_t] over all triangles, and over its training images only.

The former is what any model is to learn, the latter what it would say if it repeated what it has seen. Held-out images
are noised to equal log-SNR with equal noise for every model, so that outputs are compared at the same x_t wherever two
noise schedules meet at that level. Distances are mean squared differences of x_0 per pixel, in [-1, 1].

The distance to the former is what the model's loss exceeds the least one by: times the signal-to-noise ratio it is the
excess of the squared error of eps, and D / 2 times that, integrated over log-SNR, is in nats of an image of D pixels
(Kingma et al. 2021, eq. 15). Over all levels it bounds the divergence from real images to samples.
"""

from functools import lru_cache

import numpy as np

from studies.measures.measure import Described, Measure, Ruler
from studies.measures.results import or_hole
from studies.measures.rulers.likelihood import LOGSNR_EDGES
from triangles.exact.canvas import every
from triangles.exact.entropy import known_entropy
from triangles.exact.images import LARGEST
from triangles.exact.posterior import Finite

__all__ = ["CENTRES", "COUNT", "MIDDLE", "RULER", "SUMS", "TARGETS", "measure_distances"]

CENTRES = (LOGSNR_EDGES[1:] + LOGSNR_EDGES[:-1]) / 2
COUNT = 64  # held-out images at each level
STREAM = 41  # of the noise
TARGETS = {"truth": "the perfect denoiser", "memory": "the perfect denoiser of the training images"}
MEASURES = {
    f"to_{name}_logsnr_{centre:g}": Described(f"distance to {words} at log-SNR {centre:g}", range=(0, 4))
    for name, words in TARGETS.items()
    for centre in CENTRES
}
ABOVE = "loss above the perfect denoiser's, nats of an image"
SUMS = {
    "unlearnt": Described(f"{ABOVE}", "nat", better="low"),
    "unlearnt_middle": Described(f"{ABOVE}, at log-SNR -5 to 5", "nat", better="low"),
    "unlearnt_loss": Described("loss above the perfect denoiser's, squared error of eps over all steps", better="low"),
}
MEASURES |= SUMS
MIDDLE = 5


def measure_distances(run, images: int = COUNT, spacing: int = 1, largest: int = LARGEST, seen=None) -> list[Measure]:
    """Return the distances at each log-SNR that the run's noise schedule has a step near to.

    There are none where not all images of the data are known: gray ones, and canvases of more than `largest` px. Nor
    are there any of a run whose weights were not kept. images: held-out ones at a level; spacing: take one of so many
    levels; seen: the folder of data whose images these are, the run's own if none.

    Raises:
        ValueError: a file is broken.
        OSError: the run's data is missing.
    """
    settings, training = run.dataset.settings, run.training
    if known_entropy(settings) is None or settings.size > largest or training.value_range != "symmetric":
        return []
    predict = or_hole(_read_model, run)
    if predict is None:
        return []
    schedule, rows, excess = training.noise_schedule(), [], {}
    steps = _find_steps(schedule.snr)
    for level in range(spacing // 2, len(CENTRES), spacing):
        if (t := steps[level]) is not None:
            abar = float(schedule.abar[t])
            xt, truth = _see(seen or run.dataset.folder, settings.size, images, level, abar)
            found, memory = predict(xt, t), _read_memory(run.dataset.folder).denoise(xt, abar)
            distances = [float(np.square(found - target).mean()) for target in (truth, memory)]
            excess[CENTRES[level]] = float(schedule.snr[t]) * distances[0]
            for name, distance in zip(TARGETS, distances, strict=True):
                rows.append(Measure(f"to_{name}_logsnr_{CENTRES[level]:g}", distance, "1", len(xt)))
    return rows + _sum_up(excess, schedule, spacing * settings.size**2, images)


def _sum_up(excess, schedule, pixels: int, count: int) -> list[Measure]:
    """Sum the excess of the squared error of eps up, {log-SNR: excess}: over log-SNR, and over the schedule's steps.

    pixels: of an image, times the levels' distance in log-SNR.
    """
    levels, values = np.array(list(excess)), np.array(list(excess.values()))
    nats, middle = pixels / 2 * values, np.abs(levels) <= MIDDLE
    weighed = np.interp(np.log(schedule.snr), levels, values)
    return [
        Measure("unlearnt", float(nats.sum()), "nat", count),
        Measure("unlearnt_middle", float(nats[middle].sum()), "nat", count),
        Measure("unlearnt_loss", float(weighed.mean()), "1", count),
    ]


@lru_cache(maxsize=128)  # runs that differ in how they were trained see the same x_t
def _see(folder, size: int, images: int, level: int, abar: float):
    """Return x_t of held-out images at a level, float32 (N, H, W), and E[x_0 | x_t], float64, both in [-1, 1]."""
    from diffusion.store.files import load_array

    test = load_array(folder / "test.npy").values[:images]
    x0 = np.where(test > 127, 1.0, -1.0)
    noise = np.random.default_rng(np.random.SeedSequence([STREAM, level])).standard_normal(x0.shape)
    xt = (np.sqrt(abar) * x0 + np.sqrt(1 - abar) * noise).astype(np.float32)
    return xt, every(size).denoise(xt, abar)


@lru_cache(maxsize=1)
def _read_memory(folder) -> Finite:
    """Return the distribution of the training images."""
    from diffusion.store.files import load_array

    return Finite(*np.unique(load_array(folder / "train.npy").values > 127, axis=0, return_counts=True))


def _find_steps(snr) -> list[int | None]:
    """Return the index of the step that is nearest to each level of log-SNR, or None where none is within its bin."""
    log_snr = np.log(snr)
    steps = [int(np.abs(log_snr - centre).argmin()) for centre in CENTRES]
    return [t if abs(log_snr[t] - centre) <= 0.5 else None for t, centre in zip(steps, CENTRES, strict=True)]


def _read_model(run):
    """Return what takes x_t, float32 (N, H, W), and an index t to the model's x_0, or None if it sees no pixels."""
    import torch

    from diffusion.checkpoints import load_model
    from diffusion.devices import choose
    from diffusion.store.names import MODEL

    model = load_model(run.folder / MODEL, choose("cpu", "float32"))
    if tuple(model.shape) != (1, *[run.dataset.settings.size] * 2):
        return None

    @torch.no_grad()
    def predict(xt, t: int):
        found = model.predict(torch.from_numpy(xt)[:, None], torch.full((len(xt),), t))
        return found.x0[:, 0].numpy().astype(np.float64)

    return predict


RULER = Ruler(MEASURES, of_run=measure_distances, needs=frozenset({"score"}))
