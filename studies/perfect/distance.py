"""Measure how far a model's output is from E[x_0 | x_t] over all triangles, and over its training images only.

The former is what any model is to learn, the latter what it would say if it repeated what it has seen. Held-out images
are noised to equal log-SNR with equal noise for every model, so that outputs are compared at the same x_t wherever two
noise schedules meet at that level. Distances are mean squared differences of x_0 per pixel, in [-1, 1].
"""

import numpy as np

from studies.measures.measure import Described, Measure, Ruler
from studies.measures.results import or_hole
from studies.measures.rulers.likelihood import LOGSNR_EDGES
from triangles.exact.canvas import every
from triangles.exact.entropy import known_entropy
from triangles.exact.images import LARGEST
from triangles.exact.posterior import Finite

__all__ = ["CENTRES", "COUNT", "RULER", "TARGETS", "measure_distances"]

CENTRES = (LOGSNR_EDGES[1:] + LOGSNR_EDGES[:-1]) / 2
COUNT = 64  # held-out images at each level
STREAM = 41  # of the noise
TARGETS = {"truth": "the perfect denoiser", "memory": "the perfect denoiser of the training images"}
MEASURES = {
    f"to_{name}_logsnr_{centre:g}": Described(f"distance to {words} at log-SNR {centre:g}", range=(0, 4))
    for name, words in TARGETS.items()
    for centre in CENTRES
}


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
    images, known = _read_images(run)
    rows = []
    for level, t in enumerate(_find_steps(run.training.noise_schedule().snr)):
        if t is not None:
            abar = float(run.training.noise_schedule().abar[t])
            noise = np.random.default_rng(np.random.SeedSequence([STREAM, level])).standard_normal(images.shape)
            xt = (np.sqrt(abar) * images + np.sqrt(1 - abar) * noise).astype(np.float32)
            found = predict(xt, t)
            for name, target in known.items():
                distance = float(np.square(found - target.denoise(xt, abar)).mean())
                rows.append(Measure(f"to_{name}_logsnr_{CENTRES[level]:g}", distance, "1", len(images)))
    return rows


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


def _read_images(run):
    """Return held-out images in [-1, 1], float64 (N, H, W), and the distributions that outputs are compared with."""
    from diffusion.store.files import load_array

    test, train = (load_array(run.dataset.folder / f"{split}.npy").values for split in ("test", "train"))
    seen, counts = np.unique(train > 127, axis=0, return_counts=True)
    known = {"truth": every(run.dataset.settings.size), "memory": Finite(seen, counts)}
    return np.where(test[:COUNT] > 127, 1.0, -1.0), known


RULER = Ruler(MEASURES, of_run=measure_distances, needs=frozenset({"score"}))
