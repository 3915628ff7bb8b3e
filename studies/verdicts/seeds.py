"""A mean over seeds: exact one-sided tests, and intervals."""

from math import inf

import numpy as np

__all__ = ["TESTS", "bootstrap_interval", "by_seed", "interval", "one_sided", "paired", "t_interval"]

TESTS = ("sign-flip", "t")
MOST_FLIPPED = 20  # seeds whose 2^n sign patterns are still enumerated


def one_sided(effects, test="sign-flip", error=0.0):
    """Return p-value(s) of "the mean is 0 or below" against "above", over the last axis (..., n).

    sign-flip: exact if the effects are symmetric about their centre, 1 / 2^n at the least (Fisher 1935);
    t: exact if they are normal. Constant effects have no spread to judge by: there they are taken for normal with
    `error`, the standard error of their mean by all that the seeds rest on; without one t gives what sign-flip does.
    """
    from scipy.special import ndtr, stdtr  # what scipy.stats calls, which takes a second to import

    effects = np.asarray(effects, np.float64)
    if test not in TESTS:
        raise ValueError(f"test is {test!r}, but {' or '.join(TESTS)} is needed")
    if test == "sign-flip":
        return _sign_flip(effects)
    n = effects.shape[-1]
    spread = effects.std(axis=-1, ddof=1) if n > 1 else np.zeros(effects.shape[:-1])
    flat = spread <= 1e-12 * np.abs(effects).max(axis=-1)
    t = effects.mean(axis=-1) * np.sqrt(n) / np.where(flat, 1, spread)
    p = stdtr(max(n - 1, 1), -t)
    constant = np.where(effects.mean(axis=-1) > 0, 0.5**n, 1.0)
    if error > 0 and n > 1:
        constant = ndtr(-effects.mean(axis=-1) / error)
    return np.where(flat, constant, p)


def _sign_flip(effects):
    n = effects.shape[-1]
    if not 1 <= n <= MOST_FLIPPED:
        raise ValueError(f"{n} seeds, but the exact sign-flip test takes 1 to {MOST_FLIPPED}; use test t")
    signs = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1)  # (2^n, n), the first all 1
    sums = effects @ signs.T
    # equal sums must tie in spite of rounding, or the p-value would be too small
    slack = 1e-9 * np.abs(effects).sum(axis=-1, keepdims=True)
    return (sums >= sums[..., :1] - slack).mean(axis=-1)


def interval(values, test="t", error=0.0):
    """Return the 95% interval (low, high) of the mean over seeds that goes with the test; infinite for one seed."""
    return t_interval(values, error=error) if test == "t" else bootstrap_interval(values, np.random.default_rng(0))


def t_interval(values, confidence=0.95, error=0.0):
    """Student's interval (low, high) of the mean over seeds, exact if they are normal; infinite for a single seed.

    error: the mean's standard error where all values are equal; it is then normal, see `one_sided`.
    """
    from scipy.special import ndtri, stdtrit

    values = by_seed(values, "values")
    if len(values) == 1:
        return -inf, inf
    spread, level = values.std(ddof=1) / np.sqrt(len(values)), (1 + confidence) / 2
    half = stdtrit(len(values) - 1, level) * spread if np.ptp(values) else ndtri(level) * error
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap_interval(values, rng, confidence=0.95, resamples=9999):
    """Percentile bootstrap interval (low, high) of the mean over seeds; infinite for a single seed.

    With six seeds it covers about 87% where 95% are asked for, in normal data: a picture of the spread.
    """
    from scipy import stats

    values = by_seed(values, "values")
    if len(values) == 1:
        return -inf, inf
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    options = {"confidence_level": confidence, "n_resamples": resamples, "method": "percentile", "rng": rng}
    interval = stats.bootstrap((values,), np.mean, **options).confidence_interval
    return float(interval.low), float(interval.high)


def by_seed(values, name):
    """Return one number a seed, float64 (n,); ValueError naming the values if they are none, or not finite."""
    values = np.atleast_1d(np.asarray(values, np.float64))
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name} has shape {values.shape}, but one value a seed is needed")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity; leave out the seeds whose measure is undefined")
    return values


def paired(b, seeds):
    """Return one number a seed, (seeds,), of as many or of one for all; ValueError if there are others."""
    b = by_seed(b, "b")
    if len(b) not in (1, seeds):
        raise ValueError(f"{seeds} seeds against {len(b)}: a paired contrast needs the same seeds on both sides")
    return np.broadcast_to(b, (seeds,))
