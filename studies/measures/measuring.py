"""Runs to measures: reads what a run left, measures it against its data set, writes tidy rows.

A run's folder gets measures.csv (`COLUMNS`), per-image.npz (a column of `measures.per_image` each) and claims.json:
the digests of the study's claims as they stood when this training was first measured.
"""

import zlib
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd

from diffusion.store.files import read_array, replacing, sha256, verify_checksum, write_json
from diffusion.store.records import LikelihoodRecord, read_record
from studies.measures import images as measures
from studies.measures.images import Measure
from studies.measures.logsnr import loss_by_logsnr
from studies.measures.records import ClaimsRecord
from studies.measures.results import DIGEST, of_samples, read_losses, read_samples, verify_model
from studies.verdicts.claims import digest
from triangles.datasets import read_dataset
from triangles.rendering import render

__all__ = [
    "COLUMNS",
    "LOGSNR_EDGES",
    "loss_measures",
    "measure_data",
    "measure_resampling",
    "measure_run",
    "read_measures",
    "read_table",
    "seeds_by_cell",
]

COLUMNS = ("preparation", "schedule", "seed", "measure", "value", "unit", "n")
LOGSNR_EDGES = np.arange(-12.0, 13.0)  # the same for all schedules; T = 1000 reaches from -10.1 to 9.2
MEASURE_STREAM = 31  # of the splits and the classifier
PER_IMAGE, CLAIMS = "per-image.npz", "claims.json"
BOUND, PAIRS = "likelihood.json", "likelihood.npy"
LARGEST_TABLE = 256 * 2**20  # bytes: thousands of times what a run's samples need
BROKEN = (ValueError, EOFError, KeyError, TypeError, MemoryError, NotImplementedError, BadZipFile, zlib.error)
LARGEST_PAIR = 1e100  # whose square is still finite
TERMS = ("prior", "steps", "decoder", "total")
EARLY, LATE = 0.25, 0.5  # shares of a run in which its loss falls, and settles
LEAST_LATE = 4  # epochs to tell unrest from a trend


def measure_data(dataset):
    """Measure a data set's held-out images, and write the table beside them; its path."""
    data = read_dataset(dataset.folder)
    table = measures.per_image(data.test, _training(data.train), *_drawing(dataset))
    return _write_table(dataset.real_file, table)


def measure_run(plan, run):
    """All measures of one run; the paths written."""
    table, rng = _sampled(run, run)
    rows = measures.summarise(table, _real(run, table), rng)
    rows += _likelihood(run) + loss_measures(read_losses(run), run.dataset.settings.count)
    _remember_claims(plan, run)
    return [_write_table(run.folder / PER_IMAGE, table), _write_rows(run, rows, run)]


def measure_resampling(one):
    """The measures of a run's other samples, without those of likelihood and losses, which are the run's; the path."""
    run = one.run
    table, rng = _sampled(run, one)
    return _write_rows(run, measures.summarise(table, _real(run, table), rng), one)


def _real(run, table):
    """The table of the run's held-out images, if it has what that of its samples has."""
    real = read_table(run.dataset.real_file)
    if missing := sorted(set(table) - set(real)):
        raise ValueError(
            f"{run.dataset.real_file} has no column {missing[0]!r}: it was made by another version; measure the data "
            f"again (`studies measure-data {run.dataset.name}`)"
        )
    return real


def _sampled(run, one):
    """The table of the samples of `one`, and the random numbers for what is drawn in summing it up."""
    samples, train = read_samples(one), read_array(run.dataset.folder / "train.npy")
    if samples.shape[1:] != train.shape[1:]:
        raise ValueError(f"{one.samples_file}: {samples.shape[1:]} px samples of {train.shape[1:]} px images")
    rng = np.random.default_rng(np.random.SeedSequence([run.seed, MEASURE_STREAM]))
    return measures.per_image(samples, _training(train), *_drawing(run.dataset)), rng


def _drawing(dataset):
    """How a set's triangles are drawn again, for `fitting.fit`; the fitter's own way where that is the same."""
    settings = dataset.settings
    if settings.format == "npy" and settings.draw_size == settings.size:
        return None, None
    return (lambda vertices: render(vertices, settings)), settings.draw_size


def _training(train):
    return train if len(train) > 1 else None


def _write_table(path, table):
    with replacing(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, **{name: table[name].to_numpy() for name in table})
    return path


def read_table(path, *columns):
    """A table of `measures.per_image`, one row an image, in which these columns stand.

    Raises:
        ValueError: not whole, not columns of numbers of one length, or without one of `columns`.
        OSError: missing or unreadable.
    """
    try:
        with ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST_TABLE:
                raise ValueError(f"over {LARGEST_TABLE >> 20} MiB")
        with np.load(path, allow_pickle=False) as columns:
            table = pd.DataFrame({name: columns[name] for name in columns.files})
        if not all(pd.api.types.is_numeric_dtype(table[name]) for name in table):
            raise ValueError("other things than numbers")
        if missing := [name for name in columns if name not in table]:
            raise ValueError(f"it lacks {missing[0]}, made by another version")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: measure first (`snakemake {path}`)") from None
    except BROKEN as error:
        raise ValueError(f"{path} is not a whole table of measures ({error}): measure again") from None
    return table


def _likelihood(run):
    """The bound's terms, and the squared error of eps by log-SNR."""
    record = read_record(run.folder / BOUND, LikelihoodRecord)
    verify_model(run.folder / BOUND)
    verify_checksum(run.folder / PAIRS, BOUND)
    rows = [Measure(f"{name}_bits", getattr(record, name), "bits/dim", record.images) for name in TERMS]
    error = np.nan if record.total_se is None else record.total_se
    rows.append(Measure("total_bits_se", error, "bits/dim", record.images))
    _, mean, _, count = binned_errors(run)
    centres = (LOGSNR_EDGES[1:] + LOGSNR_EDGES[:-1]) / 2
    return rows + [
        Measure(f"loss_logsnr_{centre:g}", float(m), "1", int(n))
        for centre, m, n in zip(centres, mean, count, strict=True)
    ]


def binned_errors(run):
    """Squared error of eps on test images in bins of `LOGSNR_EDGES`: the mean log-SNR of what is in each, and then what
    `losses.loss_by_logsnr` gives."""
    pairs = read_array(run.folder / PAIRS)
    settings = run.training
    whole = pairs.ndim == 2 and pairs.shape[1] >= 4 and len(pairs) and (np.abs(pairs) < LARGEST_PAIR).all()
    if not whole or pairs[:, 1].min() < 1 or pairs[:, 1].max() > settings.timesteps:
        raise ValueError(f"{run.folder / PAIRS} doesn't belong to this run: bound its likelihood again")
    t = pairs[:, 1].astype(np.int64)
    snr = settings.noise_schedule().snr
    logsnr = np.log(snr[t - 1])
    return loss_by_logsnr(logsnr, logsnr, LOGSNR_EDGES)[0], *loss_by_logsnr(logsnr, pairs[:, 2], LOGSNR_EDGES)


def loss_measures(losses, images):
    """Of the training curve and its time: how fast the loss falls, how much it still moves, seconds an epoch.

    loss_fall_share: of its whole fall, in log10 and from 1, the loss of predicting no noise at all, the share that is
    done after a quarter of the epochs; loss_instability: its deviation, in log10, from a straight line over the last
    half of the epochs, so that a loss which still falls evenly is none; seconds_per_epoch: the median without the first
    epoch, which warms up. NaN where there are too few epochs.
    """
    logs, count = np.log10(losses.train_mean.to_numpy(np.float64)), len(losses)
    early, late = int(np.ceil(EARLY * count)), int(np.ceil(LATE * count))
    share = logs[early - 1] / logs[-1] if count >= 4 and logs[-1] < 0 else np.nan
    unrest = _off_its_line(logs[-late:]) if late >= LEAST_LATE else np.nan
    seconds = float(np.median(losses.seconds.to_numpy()[1:])) if count > 1 else np.nan
    return [
        Measure("train_loss", float(losses.train_mean.iloc[-1]), "1", 1),
        Measure("test_loss", float(losses.test_mean.iloc[-1]), "1", 1),
        Measure("loss_fall_share", float(share), "share", count),
        Measure("loss_instability", float(unrest), "log10", count),
        Measure("seconds_per_epoch", seconds, "s", max(count - 1, 0)),
        Measure("training_images_per_second", images / seconds if seconds > 0 else np.nan, "1/s", max(count - 1, 0)),
    ]


def _off_its_line(values):
    """The residual standard deviation about the least-squares line, with two degrees of freedom for the line."""
    x = np.arange(len(values))
    residuals = values - np.polyval(np.polyfit(x, values, 1), x)
    return np.sqrt((residuals**2).sum() / (len(values) - 2))


def _write_rows(run, rows, one):
    """The measures of `one`: a run or other samples of it; in the last column, what was measured."""
    keys = {"preparation": run.preparation, "schedule": run.schedule, "seed": run.seed}
    frame = pd.DataFrame([{**keys, "measure": m.name, "value": m.value, "unit": m.unit, "n": m.n} for m in rows])
    with replacing(one.measure_file) as partial:
        frame[list(COLUMNS)].assign(**{DIGEST: sha256(one.samples_file)}).to_csv(partial, index=False)
    return one.measure_file


def read_measures(run):
    """Measures of a run, or of its other samples, as a DataFrame with `COLUMNS`.

    Raises:
        ValueError: a broken file.
        OSError: missing or unreadable.
    """
    path = run.measure_file
    try:
        frame = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table of measures ({str(error).splitlines()[0]}): measure again") from None
    if missing := [name for name in COLUMNS if name not in frame]:
        raise ValueError(f"{path} has no column {missing[0]!r}: measure the run again")
    if not all(pd.api.types.is_numeric_dtype(frame[name]) for name in ("value", "n")):
        raise ValueError(f"{path} holds other things than numbers: measure the run again")
    return frame


def seeds_by_cell(plan, measure) -> dict[tuple[str, str], list[float]]:
    """{(schedule, set): the values of the seeds that are there}, NaN left out."""
    values = {}
    for run in plan.grid:
        frame = of_samples(read_measures, run, run)
        if frame is not None:
            found = frame.value[frame.measure == measure].dropna()
            values.setdefault((run.schedule, run.preparation), []).extend(found)
    return values


def _remember_claims(plan, run):
    """Store the claims' digests beside this training, unless they were stored when it was first measured: samples drawn
    anew from a model that had been judged don't make a claim that changed since as good as one fixed before."""
    path, losses = run.folder / CLAIMS, sha256(run.folder / "losses.csv")
    try:
        record = read_record(path, ClaimsRecord)
    except (ValueError, OSError):
        record = ClaimsRecord()
    known = record.studies if record.losses == losses else {}
    ours = {plan.study_name: {claim.id: digest(claim) for claim in plan.study.claims}}
    write_json(path, {"losses": losses, "studies": ours | known})
