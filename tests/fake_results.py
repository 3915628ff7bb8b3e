"""A result tree as the commands leave it, made in no time: real triangles, noise that fades, losses on known lines."""

import json
from zlib import crc32

import numpy as np
import pandas as pd

from diffusion.store.files import sha256, write_array, write_json
from studies.measures.results import COLUMNS
from studies.registries import RULERS
from triangles.datasets import write_dataset

SLOPE, START = -0.001, 0.9  # of every training mean, per epoch and at epoch 0


def make_results(plan, measured=False):
    """Every file that the figures, tables and the report of a plan are made from, but for the models.

    measured: what `studies measure` and `diffusion likelihood` leave, too.
    """
    for dataset in plan.datasets:
        write_dataset(dataset.folder, dataset.settings)
    for run in plan.runs:
        make_run(run)
    for one in plan.resampled if measured else ():
        make_samples(one, one.sampling, shift=7)
    for run in plan.runs if measured else ():
        measure(run, plan)
    for one in plan.resampled if measured else ():
        write_measures(one, one.run)


def make_run(run):
    run.folder.mkdir(parents=True, exist_ok=True)
    losses(run.training.epochs).to_csv(run.folder / "losses.csv", index=False)
    write_json(run.folder / "run.json", record(run))
    make_samples(run, run.sampling)


def make_samples(one, sampling, shift=0):
    """Samples, frames and their record, of a run or of another sampling of one."""
    run = getattr(one, "run", one)
    frames, steps = path(run, sampling)
    write_array(one.samples_file, np.clip(final(run, shift), 0, 1))
    write_array(one.samples_file.with_name(f"{one.samples_file.stem}-frames.npy"), frames)
    told = {"count": sampling.count, "frame_steps": steps, "seconds": 2.0, "seconds_per_image": 2.0 / sampling.count}
    told["sha256"] = {one.samples_file.name: sha256(one.samples_file)}
    if getattr(one, "renormed", False):
        anew = [0.001, -0.001]
        told["mean_errors"] = {
            "images": 60,
            "steps": [10, run.training.timesteps],
            "running": [0.02, 0.01],
            "anew": anew,
        }
    write_json(one.samples_file.with_suffix(".json"), told)


def measure(run, plan):
    """Measures, tables of each image, the errors behind the bound, and the claims as they stood."""
    pairs = np.zeros((64, 4))
    pairs[:, 1] = np.linspace(1, run.training.timesteps, 64).round()
    pairs[:, 2] = 0.1 * run.training.noise_schedule().abar[pairs[:, 1].astype(int) - 1]
    write_array(run.folder / "likelihood.npy", pairs)
    columns = per_image(run.dataset, crc32(run.name.encode()), run.sampling.count)
    np.savez(run.folder / "per-image.npz", **columns)
    np.savez(run.dataset.real_file, **per_image(run.dataset, 0, run.dataset.settings.test_count))
    write_measures(run, run)
    write_json(run.folder / "claims.json", {"losses": "", "studies": {plan.study_name: {}}})


def bounded(run):
    """A likelihood as `diffusion likelihood` leaves it."""
    t = np.arange(1, 1001)
    write_array(run.folder / "likelihood.npy", np.column_stack([np.zeros(1000), t, t / 1000, np.ones(1000)]))
    terms = {"prior": 0.1, "steps": 1.0, "decoder": 0.5, "total": 1.6, "total_se": 0.1, "images": 64}
    write_json(run.folder / "likelihood.json", terms)


def per_image(dataset, seed, count):
    """A column of numbers for each that a figure of distributions shows."""
    from triangles.kinds import KINDS

    rng = np.random.default_rng(seed)
    features = KINDS[dataset.settings.kind].FEATURES
    columns = {name: least + (most - least) * rng.beta(2, 3, count) for name, (_, _, (least, most)) in features.items()}
    columns |= {"ink": 20 + rng.integers(0, 80, count), "plain_iou": rng.beta(8, 2, count)}
    columns["displacement"] = rng.gamma(2, 0.1, np.size(columns["ink"]))
    columns["nearest"] = rng.integers(5, 20, count)
    return columns | {"background_haze": rng.gamma(1, 0.01, count), "second_nearest": columns["nearest"] + 10}


def write_measures(one, run):
    """A value for every measure there is, of a run or of another sampling of one."""
    known = {name: words for ruler in RULERS.values() for name, words in ruler.describe().items()}
    rng = np.random.default_rng(crc32(str(one.measure_file).encode()))
    keys = {"data": run.data, "model": run.model, "samples": "", "seed": run.seed}
    rows = [
        keys | {"measure": f"{of}{name}", "value": rng.uniform(0.1, 0.9), "unit": words.unit, "n": 50}
        for name, words in known.items()
        for of in ("", "real_")
    ]
    frame = pd.DataFrame(rows)
    frame[list(COLUMNS)].to_csv(one.measure_file, index=False)


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


def final(run, shift=0):
    """Held-out triangles in the place of samples, others for every model."""
    images = np.load(run.dataset.folder / "test.npy").astype(np.float32) / 255
    return images[(crc32(run.model.encode()) + shift + np.arange(run.sampling.count)) % len(images)]


def path(run, sampling):
    """(K, F, H, W) frames of q(x_t | x_0), one noise an image whatever the model, and their time steps."""
    noise = run.training.noise_schedule()
    steps = [round(t) for t in np.linspace(noise.timesteps, 0, sampling.frames)]
    abar = np.concatenate([[1.0], noise.abar])[steps]
    x0 = 2 * final(run)[: sampling.framed, None] - 1
    eps = np.random.default_rng(run.seed).standard_normal(x0.shape)
    abar = abar[:, None, None]
    return ((np.sqrt(abar) * x0 + np.sqrt(1 - abar) * eps + 1) / 2).astype(np.float32), steps
