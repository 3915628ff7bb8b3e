"""Measure runs and data sets: read what a run left, put every ruler to it, write tidy rows.

A run's folder gets measures.csv (`results.COLUMNS`), per-image.npz (a column of `images.measure_each` each) and
claims.json: the digests of the study's claims as they stood when this training was first measured.
"""

import numpy as np

from diffusion.store.files import read_array, replacing, sha256, write_json
from diffusion.store.records import read_record
from studies.measures.images import Images, measure_each, summarise
from studies.measures.remembered import CLAIMS, ClaimsRecord
from studies.measures.results import COLUMNS, DIGEST, PER_IMAGE, read_samples, read_table
from studies.registries import RULERS
from triangles.datasets import read_dataset

__all__ = ["measure_data", "measure_resampling", "measure_run"]

MEASURE_STREAM = 31  # of the splits and the classifier


def measure_data(dataset):
    """Measure a data set's held-out images, and write the table beside them; its path."""
    data = read_dataset(dataset.folder)
    return _write_table(dataset.real_file, measure_each(_described(dataset, data.test, data.train)))


def measure_run(plan, run):
    """Take all measures of one run; the paths written."""
    table, rows = _measure_samples(run, run)
    for ruler in RULERS.values():
        if ruler.of_run is not None and ruler.needs <= run.capabilities:
            rows += ruler.of_run(run)
    _remember_claims(plan, run)
    return [_write_table(run.folder / PER_IMAGE, table), _write_rows(run, rows, run)]


def measure_resampling(one):
    """Measure a run's other samples; likelihood and losses are the run's. The path written."""
    _, rows = _measure_samples(one.run, one)
    return _write_rows(one.run, rows, one)


def _measure_samples(run, one):
    """Measure the samples of `one`: (table, a row an image; rows of `Measure`)."""
    samples, train = read_samples(one), read_array(run.dataset.folder / "train.npy")
    if samples.shape[1:] != train.shape[1:]:
        raise ValueError(f"{one.samples_file}: {samples.shape[1:]} px samples of {train.shape[1:]} px images")
    images = _described(run.dataset, samples, train)
    table = measure_each(images)
    rng = np.random.default_rng(np.random.SeedSequence([run.seed, MEASURE_STREAM]))
    return table, summarise(table, _read_real(run, table), images.kind, rng)


def _described(dataset, values, train) -> Images:
    return Images(values, dataset.settings, train if len(train) > 1 else None)


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
    return path


def _write_rows(run, rows, one):
    """Write the measures of `one`, a run or other samples of it, with the digest of what was measured; the path."""
    import pandas as pd

    keys = {"data": run.data, "model": run.model, "samples": "" if one is run else one.name, "seed": run.seed}
    frame = pd.DataFrame([{**keys, "measure": m.name, "value": m.value, "unit": m.unit, "n": m.n} for m in rows])
    with replacing(one.measure_file) as partial:
        frame[list(COLUMNS)].assign(**{DIGEST: sha256(one.samples_file)}).to_csv(partial, index=False)
    return one.measure_file


def _remember_claims(plan, run):
    """Record the claims' digests the first time a model is measured and never overwrite them.

    Resampling must not make a claim that was edited later look pre-registered.
    """
    path, losses = run.folder / CLAIMS, sha256(run.folder / "losses.csv")
    try:
        record = read_record(path, ClaimsRecord)
    except (ValueError, OSError):
        record = ClaimsRecord()
    known = record.studies if record.losses == losses else {}
    ours = {plan.study_name: {claim.id: claim.digest for claim in plan.study.claims}}
    write_json(path, {"losses": losses, "studies": ours | known})
