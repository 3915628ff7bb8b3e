"""Losses that can be compared across schedules: binned by log-SNR, and the floor for white data.

log-SNR is ln(abar / (1 - abar)), natural logarithm; the squared error is that of the predicted noise eps.
"""

import numpy as np

__all__ = ["loss_by_logsnr", "white_data_floor"]


def loss_by_logsnr(logsnr, squared_error, edges):
    """Mean squared error in bins of log-SNR: (mean, standard error, count), each (len(edges) - 1,).

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
    """The least mean squared error of a noise prediction for x_0 ~ N(mu, s^2 I): s^2 abar / (s^2 abar + 1 - abar).

    x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps, so var x_t = v = s^2 abar + 1 - abar and cov(eps, x_t) = sqrt(1 - abar);
    the best prediction is linear, and var(eps | x_t) = 1 - (1 - abar) / v. With s^2 = 1 it is abar itself. Of pixels of
    any other distribution it is what the best linear prediction reaches from the pixel alone.

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
