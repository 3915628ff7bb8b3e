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


def measure_distances(run) -> list[Measure]:
    """Return the distances at each log-SNR that the run's noise schedule has a step near to.

    There are none where not all images of the data are known: gray ones, and canvases that are too large. Nor are there
    any of a run whose weights were not kept.

    Raises:
        ValueError: a file is broken.
        OSError: the run's data is missing.
    """
    settings = run.dataset.settings
    if known_entropy(settings) is None or settings.size > LARGEST or run.training.value_range != "symmetric":
        return []
    predict = or_hole(_read_model, run)
    if predict is None:
        return []
    schedule, rows, excess = run.training.noise_schedule(), [], {}
    for level, t in enumerate(_find_steps(schedule.snr)):
        if t is not None:
            xt, known = _see(run.dataset.folder, run.dataset.settings.size, level, float(schedule.abar[t]))
            found = predict(xt, t)
            for name, estimate in known.items():
                distance = float(np.square(found - estimate).mean())
                rows.append(Measure(f"to_{name}_logsnr_{CENTRES[level]:g}", distance, "1", len(xt)))
                if name == "truth":
                    excess[CENTRES[level]] = float(schedule.snr[t]) * distance
    return rows + _sum_up(excess, schedule, run.dataset.settings.size**2)


def _sum_up(excess, schedule, pixels: int) -> list[Measure]:
    """Sum the excess of the squared error of eps up, {log-SNR: excess}: over log-SNR, and over the schedule's steps."""
    levels, values = np.array(list(excess)), np.array(list(excess.values()))
    nats, middle = pixels / 2 * values, np.abs(levels) <= MIDDLE
    weighed = np.interp(np.log(schedule.snr), levels, values)
    return [
        Measure("unlearnt", float(nats.sum()), "nat", COUNT),
        Measure("unlearnt_middle", float(nats[middle].sum()), "nat", COUNT),
        Measure("unlearnt_loss", float(weighed.mean()), "1", COUNT),
    ]


@lru_cache(maxsize=64)  # runs that differ in how they were trained see the same x_t
def _see(folder, size: int, level: int, abar: float):
    """Return x_t of held-out images at a level, float32 (N, H, W), and {name: what each target says x_0 is}."""
    images, known = _read_images(folder, size)
    noise = np.random.default_rng(np.random.SeedSequence([STREAM, level])).standard_normal(images.shape)
    xt = (np.sqrt(abar) * images + np.sqrt(1 - abar) * noise).astype(np.float32)
    return xt, {name: target.denoise(xt, abar) for name, target in known.items()}


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


@lru_cache(maxsize=1)
def _read_images(folder, size: int):
    """Return held-out images in [-1, 1], float64 (N, H, W), and the distributions that outputs are compared with."""
    from diffusion.store.files import load_array

    test, train = (load_array(folder / f"{split}.npy").values for split in ("test", "train"))
    seen, counts = np.unique(train > 127, axis=0, return_counts=True)
    known = {"truth": every(size), "memory": Finite(seen, counts)}
    return np.where(test[:COUNT] > 127, 1.0, -1.0), known


RULER = Ruler(MEASURES, of_run=measure_distances, needs=frozenset({"score"}))
