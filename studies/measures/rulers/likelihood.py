"""Numbers of a run's likelihood: the bound's terms, and the squared error of eps by log-SNR.

log-SNR is ln(abar / (1 - abar)), natural logarithm. At equal log-SNR the errors of schedules can be compared.
"""

import numpy as np

from diffusion.store.files import check_digest, load_array
from diffusion.store.records import LikelihoodRecord, read_record
from studies.measures.measure import Described, Measure, Ruler
from studies.measures.results import verify_model

__all__ = ["LOGSNR_EDGES", "RULER", "bin_errors", "loss_by_logsnr", "white_data_floor"]

LOGSNR_EDGES = np.arange(-12.0, 13.0)  # the same for all schedules; T = 1000 reaches from -10.1 to 9.2
BOUND, PAIRS = "likelihood.json", "likelihood.npy"
LARGEST_PAIR = 1e100  # whose square is still finite
CENTRES = (LOGSNR_EDGES[1:] + LOGSNR_EDGES[:-1]) / 2
TERMS = {"prior": "L_T", "steps": "L_1 to L_(T-1)", "decoder": "L_0", "total": "bound on bits per dimension"}
MEASURES = {
    **{f"{name}_bits": Described(words, "bits/dim", better="low") for name, words in TERMS.items()},
    "total_bits_se": Described("standard error of the bound on bits per dimension", "bits/dim"),
    **{
        f"loss_logsnr_{centre:g}": Described(
            f"squared error of the predicted noise at log-SNR {centre:g}", better="low"
        )
        for centre in CENTRES
    },
}


def loss_by_logsnr(logsnr, squared_error, edges):
    """Average squared errors in bins of log-SNR: (mean, standard error, count), each (len(edges) - 1,).

    logsnr, squared_error: (n,), one a test sample. Bins are closed below and open above; samples outside
    the edges are left out. Mean is NaN in an empty bin, the standard error where a bin holds fewer than two.
    """
    logsnr, squared_error = np.asarray(logsnr, np.float64), np.asarray(squared_error, np.float64)
    edges = np.asarray(edges, np.float64)
    if logsnr.ndim != 1 or logsnr.shape != squared_error.shape:
        raise ValueError(
            f"log-SNR has shape {logsnr.shape} and the errors {squared_error.shape}; one error a log-SNR is needed"
        )
    if not (np.isfinite(logsnr).all() and np.isfinite(squared_error).all()):
        raise ValueError("log-SNR or errors hold NaN or infinity; leave out steps where abar is exactly 0 or 1")
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError("bin edges must ascend, at least two of them")
    bins = np.searchsorted(edges, logsnr, side="right") - 1
    kept = (bins >= 0) & (bins < len(edges) - 1)
    bins, values = bins[kept], squared_error[kept]
    count = np.bincount(bins, minlength=len(edges) - 1)
    mean = _divide(np.bincount(bins, values, minlength=len(count)), count)
    spread = np.bincount(bins, (values - mean[bins]) ** 2, minlength=len(count))
    return mean, np.sqrt(_divide(_divide(spread, count - 1), count)), count


def _divide(total, count):
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def white_data_floor(abar, variance=1.0):
    """Return the least error of a noise prediction for x_0 ~ N(mu, s^2 I): s^2 abar / (s^2 abar + 1 - abar).

    x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps, so var x_t = v = s^2 abar + 1 - abar and cov(eps, x_t) = sqrt(1 - abar);
    the best prediction is linear, and var(eps | x_t) = 1 - (1 - abar) / v. With s^2 = 1 it is abar itself. Of pixels of
    any other distribution it is what the best linear prediction reaches from the pixel by itself.

    abar: any shape, in [0, 1]; variance: s^2 >= 0, in the network's range, of a shape that fits. Value: in [0, 1].
    """
    abar = np.asarray(abar, np.float64)
    if not ((abar >= 0) & (abar <= 1)).all():
        raise ValueError("abar must lie in [0, 1] everywhere")
    variance = np.asarray(variance, np.float64)
    if not (np.isfinite(variance) & (variance >= 0)).all():
        raise ValueError("variances must be numbers of 0 or more")
    signal = variance * abar
    return np.divide(signal, signal + 1 - abar, out=np.zeros_like(signal), where=signal > 0)


def measure_bound(run) -> list[Measure]:
    """Return the bound's terms and, where noise is predicted, the squared error of eps in bins of log-SNR.

    Raises:
        ValueError: the bound's files are broken, changed, or of another model.
        OSError: they are missing or unreadable.
    """
    record = read_record(run.folder / BOUND, LikelihoodRecord)
    verify_model(run.folder / BOUND)
    rows = [Measure(f"{name}_bits", getattr(record, name), "bits/dim", record.images) for name in TERMS]
    error = np.nan if record.total_se is None else record.total_se
    rows.append(Measure("total_bits_se", error, "bits/dim", record.images))
    if "score" not in run.capabilities:  # no noise is predicted
        return rows
    _, mean, _, count = bin_errors(run)
    binned = zip(CENTRES, mean, count, strict=True)
    return rows + [Measure(f"loss_logsnr_{centre:g}", float(m), "1", int(n)) for centre, m, n in binned]


def bin_errors(run):
    """Bin the squared errors of eps on test images by log-SNR, see `LOGSNR_EDGES`.

    Returns the mean log-SNR of what is in each bin, and then what `loss_by_logsnr` gives.
    """
    pairs, found = load_array(run.folder / PAIRS)
    check_digest(run.folder / PAIRS, found, BOUND)
    whole = pairs.ndim == 2 and pairs.shape[1] >= 4 and len(pairs) and (np.abs(pairs) < LARGEST_PAIR).all()
    if not whole or pairs[:, 1].min() < 1 or pairs[:, 1].max() > run.training.timesteps:
        raise ValueError(f"{run.folder / PAIRS} doesn't belong to this run: bound its likelihood again")
    t = pairs[:, 1].astype(np.int64)
    logsnr = np.log(run.training.noise_schedule().snr[t - 1])
    return loss_by_logsnr(logsnr, logsnr, LOGSNR_EDGES)[0], *loss_by_logsnr(logsnr, pairs[:, 2], LOGSNR_EDGES)


RULER = Ruler(MEASURES, of_run=measure_bound, needs=frozenset({"likelihood"}))
