"""A result tree as the commands leave it, made in no time: real triangles, noise that fades, losses on known lines."""

import json
from zlib import crc32

import numpy as np
import pandas as pd

from diffusion.schedules import schedule
from diffusion.store.files import write_array, write_json
from triangles.datasets import write_dataset

SLOPE, START = -0.001, 0.9  # of every training mean, per epoch and at epoch 0


def make_results(plan):
    """Every file that the figures, tables and the report of a plan are made from, but for the models."""
    for dataset in plan.datasets:
        write_dataset(dataset.folder, dataset.settings)
    for run in plan.runs:
        make_run(run)


def make_run(run):
    run.folder.mkdir(parents=True, exist_ok=True)
    losses(run.training.epochs).to_csv(run.folder / "losses.csv", index=False)
    write_json(run.folder / "run.json", record(run))
    frames, steps = path(run)
    write_array(run.folder / "samples.npy", np.clip(final(run), 0, 1))
    write_array(run.folder / "samples-frames.npy", frames)
    timing = {"seconds": 2.0, "seconds_per_image": 2.0 / run.sampling.count}
    write_json(run.folder / "samples.json", {"count": run.sampling.count, "frame_steps": steps, **timing})


def losses(epochs):
    """Training means on a straight line of `SLOPE`; the test mean is lowest at the second epoch."""
    epoch = np.arange(1, epochs + 1)
    mean = START + SLOPE * epoch
    test = mean + 0.01 * np.abs(epoch - 2)
    names = {"train_mean": mean, "train_min": mean / 2, "train_max": mean * 2, "test_mean": test}
    times = {"seconds": 1.5, "test_seconds": 0.5, "loading_seconds": 0.25}
    return pd.DataFrame({"epoch": epoch, **names, "objective_mean": mean, **times})


def record(run):
    epochs = run.training.epochs
    return {
        "settings": json.loads(run.training.model_dump_json()),
        "device": "CPU",
        "threads": 1,
        "parameters": 12345,
        "machine": {"system": "Linux"},
        "versions": {"numpy": np.__version__},
        "seconds": {"training": 1.5 * epochs, "test": 0.5 * epochs, "last process": 2.0 * epochs},
        "images_per_second": run.dataset.settings.count / 1.5,
    }


def final(run):
    """Held-out triangles in the place of samples, others for every schedule."""
    images = np.load(run.dataset.folder / "test.npy").astype(np.float32) / 255
    return images[(crc32(run.schedule.encode()) + np.arange(run.sampling.count)) % len(images)]


def path(run):
    """(K, F, H, W) frames of q(x_t | x_0), one noise an image whatever the schedule, and their time steps."""
    settings = run.training
    steps = [round(t) for t in np.linspace(settings.timesteps, 0, run.sampling.frames)]
    abar = np.concatenate([[1.0], schedule(settings.schedule, settings.timesteps).abar])[steps]
    x0 = 2 * final(run)[: run.sampling.framed, None] - 1
    eps = np.random.default_rng(run.seed).standard_normal(x0.shape)
    abar = abar[:, None, None]
    return ((np.sqrt(abar) * x0 + np.sqrt(1 - abar) * eps + 1) / 2).astype(np.float32), steps
