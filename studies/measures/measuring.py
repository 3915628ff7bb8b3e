"""Measure runs and data sets: read what a run left, put every ruler to it, write tidy rows.

A run's folder gets measures.csv (`results.COLUMNS`), per-image.npz (a column of `images.measure_each` each) and
claims.json: the digests of the study's claims as they stood when this training was first measured.
"""

import numpy as np

from diffusion.store.files import Loaded, check_digest, load_array, replacing, vouch
from diffusion.store.ledger import claim
from diffusion.store.locks import locked
from studies.measures.images import Images, measure_each, summarise
from studies.measures.remembered import CLAIMS, remember
from studies.measures.results import COLUMNS, DIGEST, PER_IMAGE, load_samples, read_table
from studies.registries import RULERS
from triangles.datasets import read_dataset

__all__ = ["measure_data", "measure_resampling", "measure_run"]

MEASURE_STREAM = 31  # of the splits and the classifier


def measure_data(dataset):
    """Measure a data set's held-out images, and write the table beside them; its path."""
    data = read_dataset(dataset.folder)
    table = measure_each(_described(dataset, data.test, data.train), dataset.rulers)
    claim([dataset.real_file])
    _write_table(dataset.real_file, table)
    vouch([dataset.real_file])
    return dataset.real_file


def measure_run(plan, run):
    """Take all measures of one run; the paths written.

    What is measured is read at once, with its digest, while no other command writes there; the lock is free while we
    count.
    """
    with locked(run.folder, wait=True):
        read = _read(run, run)
        rulers = [RULERS[name] for name in run.dataset.rulers]
        able = [ruler for ruler in rulers if ruler.of_run is not None and ruler.needs <= run.capabilities]
        told = [row for ruler in able for row in ruler.of_run(run)]
    table, rows = _measure_samples(run, *read)
    with locked(run.folder, wait=True):
        claim([run.measure_file, run.folder / PER_IMAGE])
        remember(plan, run)
        _write_table(run.folder / PER_IMAGE, table)
        _write_rows(run, [*rows, *told], run, read[0].sha256)
        vouch([run.measure_file, run.folder / PER_IMAGE, run.folder / CLAIMS])
    return [run.folder / PER_IMAGE, run.measure_file]


def measure_resampling(one):
    """Measure a run's other samples; likelihood and losses are the run's. The path written."""
    with locked(one.run.folder, wait=True):
        read = _read(one.run, one)
    _, rows = _measure_samples(one.run, *read)
    with locked(one.run.folder, wait=True):
        claim([one.measure_file])
        _write_rows(one.run, rows, one, read[0].sha256)
        vouch([one.measure_file])
    return one.measure_file


def _read(run, one) -> tuple[Loaded, np.ndarray]:
    """Read the samples of `one` and the images that its run was trained on."""
    samples, path = load_samples(one), run.dataset.folder / "train.npy"
    train = load_array(path)
    check_digest(path, train.sha256)
    if samples.values.shape[1:] != train.values.shape[1:]:
        shapes = f"{samples.values.shape[1:]} px samples of {train.values.shape[1:]} px images"
        raise ValueError(f"{one.samples_file}: {shapes}")
    return samples, train.values


def _measure_samples(run, samples: Loaded, train: np.ndarray):
    """Measure samples: (table, a row an image; rows of `Measure`)."""
    images = _described(run.dataset, samples.values, train)
    table = measure_each(images, run.dataset.rulers)
    rng = np.random.default_rng(np.random.SeedSequence([run.seed, MEASURE_STREAM]))
    return table, summarise(table, _read_real(run, table), images.kind, rng, run.dataset.rulers)


def _described(dataset, values, train) -> Images:
    return Images(values, dataset.settings, train if len(train) > 1 else None, dataset.judged_as)


def _read_real(run, table):
    """Read the table of the run's held-out images, and check that it has what that of its samples has."""
    real = read_table(run.dataset.real_file)
    if missing := sorted(set(table) - set(real)):
        raise ValueError(
            f"{run.dataset.real_file} has no column {missing[0]!r}: it was made by another version; measure the data "
            f"again (`studies measure-data {run.dataset.name}`)"
        )
    return real


def _write_table(path, table):
    with replacing(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **{name: table[name].to_numpy() for name in table})


def _write_rows(run, rows, one, measured: str):
    """Write the measures of `one`, a run or other samples of it, with the digest of what was measured."""
    import pandas as pd

    keys = {"data": run.data, "model": run.model, "samples": "" if one is run else one.name, "seed": run.seed}
    frame = pd.DataFrame([{**keys, "measure": m.name, "value": m.value, "unit": m.unit, "n": m.n} for m in rows])
    with replacing(one.measure_file) as partial:
        frame[list(COLUMNS)].assign(**{DIGEST: measured}).to_csv(partial, index=False)
