"""Seconds an image: the listing's loop, one image at a time over all T steps, against ours on the same model."""

import time

import numpy as np
import pandas as pd
import torch

from benchmarks.timing import alternate, speeds
from diffusion.checkpoints import load_model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose

OURS = {
    "ancestral, all steps": {},
    "ancestral, 250 steps": {"steps": 250},
    "ancestral, 100 steps": {"steps": 100},
    "DDIM, 50 steps": {"sampler": "ddim", "steps": 50},
    "DPM-Solver++(2M), 25 steps": {"sampler": "dpm-solver", "steps": 25},
}


@torch.no_grad()
def listing(model):
    """Listing 4.2 in float32 on one image: the network, the coefficients and a draw at each of the T steps."""
    process, T = model.process, model.process.timesteps
    x = torch.randn(1, *model.shape)
    for i in reversed(range(T)):
        t = torch.full((1,), i)
        eps = model.predict(x, t).eps
        x = process.mean_from_eps(eps, x, t) + (process.at("sqrt_beta", t, x) * torch.randn_like(x) if i else 0)
    return 1


def run(run_folder, rounds: int = 3, count: int = 128, threads: int = 1):
    """Images a second of each contender on RUN, as ratios to the listing."""
    plain = load_model(run_folder / "model.safetensors", choose("cpu", "float32", threads))
    model = load_model(run_folder / "model.safetensors", choose("cpu", "auto", threads))
    contenders = {"listing, one at a time": lambda: listing(plain)}
    for name, options in OURS.items():
        contenders[name] = lambda options=options: len(sample(model, count, batch_size=count, **options).images)
    return speeds(alternate(contenders, rounds), "listing, one at a time")


def by_batch(run_folder, rounds: int = 3, sizes=(1, 10, 25, 50, 100, 200), count: int = 200, threads: int = 1):
    """Images a second of ancestral sampling in 20 steps, by how many images are drawn at once."""
    model = load_model(run_folder / "model.safetensors", choose("cpu", "auto", threads))
    contenders = {f"{n} at once": lambda n=n: len(sample(model, count, batch_size=n, steps=20).images) for n in sizes}
    return speeds(alternate(contenders, rounds), f"{sizes[0]} at once")


def quality(run_folder, count: int = 1000, threads: int = 1) -> pd.DataFrame:
    """Do fewer steps show in the samples? Each sampler's best-fit overlap and geometry against ancestral sampling over
    all steps, by the two-sample Kolmogorov-Smirnov test (p, uncorrected), on images with at least 30 px of ink."""
    from scipy.stats import ks_2samp

    from triangles.fits.triangle import FEATURES, features, fit

    model = load_model(run_folder / "model.safetensors", choose("cpu", "auto", threads))
    rows, reference = [], None
    for name, options in OURS.items():
        start = time.perf_counter()
        images = sample(model, count, seed=1, **options).images
        seconds = time.perf_counter() - start
        fits = fit(images)
        large = fits.ink >= 30
        values = np.column_stack([fits.iou[large], features(fits.parameters[large])])
        reference = values if reference is None else reference
        p = [ks_2samp(values[:, j], reference[:, j]).pvalue for j in range(values.shape[1])]
        columns = dict(zip(["p overlap", *(f"p {feature}" for feature in FEATURES)], p, strict=True))
        rows.append({"sampler": name, "s/image": seconds / count, "median overlap": np.median(values[:, 0]), **columns})
    return pd.DataFrame(rows)
