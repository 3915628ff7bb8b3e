"""From numbers over seeds to a verdict: paired contrasts, exact tests, equivalence, bounds, Holm.

Pure functions; the replicate is the seed. Each claim leans for or against, as its estimate says, and one
one-sided test asks whether the data exclude the other side. Its p-value is doubled for that choice, so at level
alpha a false "reproduced" and a false "contradicted" each have a probability of at most alpha / 2. Intervals
are shown beside a verdict and never decide it: they go with the test, Student's t with t (a bootstrap of six
values covers 87% where 95% are asked for), a bootstrap with the sign-flip, which is for ten seeds or more.

A difference that is surely above 0 and surely below the smallest that matters is neither reproduced nor contradicted:
it is there, but smaller than matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log, log2, nan

import numpy as np

from studies.measures.measure import rate_upper_bound
from studies.verdicts.seeds import by_seed, interval, one_sided, paired, t_interval

__all__ = [
    "DECIDED",
    "LEAST_SEEDS",
    "NOT_ASKED",
    "OUTCOMES",
    "SMALLER",
    "TESTED",
    "Evidence",
    "analytic",
    "difference",
    "equivalence",
    "holm",
    "name_outcome",
    "never",
    "seeds_needed",
    "verdict",
    "verdicts",
]

SMALLER, NOT_ASKED = "smaller than matters", "not asked"
OUTCOMES = ("reproduced", "contradicted", SMALLER, "inconclusive", "underspecified", NOT_ASKED)
DECIDED = OUTCOMES[:3]
TESTED = ("difference", "equivalence", "never")  # kinds of evidence with a p-value
LEAST_SEEDS = {"difference": 3, "equivalence": 3, "never": 3}  # for any verdict: a spread needs more than two


@dataclass(frozen=True)
class Evidence:
    """What the data say about one claim.

    kind: difference, equivalence, never, analytic, or not asked; estimate with its interval low..high in the measure's
    unit; supports: whether the estimate leans towards the claim; p in [0, 1]: of that leaning, doubled; seeds;
    p_small: of "there, but smaller than matters", doubled, 1 for what is no difference.
    """

    kind: str
    estimate: float
    low: float
    high: float
    supports: bool
    p: float
    seeds: int
    p_small: float = 1.0


def difference(a, b, direction, smallest, test="sign-flip", error=0.0):
    """Weigh the claim that a exceeds b (direction 1) or falls below it (-1), by `smallest` or more to matter.

    a, b: (n,) values by seed, in the same order; b may be one number. The estimate is the mean of a - b, with its
    interval. It supports the claim from half of `smallest` on; then the test asks whether the effect exceeds 0, else
    whether it falls short of `smallest`. Where it surely does both, it is there and does not matter.
    error: the mean's standard error by its images, which counts where all seeds are equal, see `seeds.one_sided`.
    """
    if direction not in (1, -1):
        raise ValueError(f"direction is {direction}, but 1 (a above b) or -1 (a below b) is needed")
    if not (isfinite(smallest) and smallest >= 0):
        raise ValueError(f"smallest effect is {smallest}, but a number of 0 or more is needed")
    raw = by_seed(a, "a") - paired(b, len(np.atleast_1d(a)))
    effect = direction * raw
    supports = bool(effect.mean() >= smallest / 2)
    above, short = (min(1.0, 2 * float(one_sided(one, test, error))) for one in (effect, smallest - effect))
    low, high = interval(raw, test, error)
    p = above if supports else short
    return Evidence("difference", float(raw.mean()), low, high, supports, p, len(raw), max(above, short))


def equivalence(a, b, ratio, test="t", error=0.0):
    """Weigh the claim that a and b are the same within a factor: two one-sided tests on log(a / b).

    a, b: (n,) positive values by seed; ratio > 1, for instance 1.1 for "within 10%". Schuirmann 1987. The estimate and
    its interval are the ratio's (geometric mean). Against the claim: the ratio lies beyond the factor.
    error: as of `difference`; of the logarithm it is at most that by the lesser side.
    """
    a, b = by_seed(a, "a"), paired(b, len(np.atleast_1d(a)))
    if not (isfinite(ratio) and ratio > 1):
        raise ValueError(f"ratio is {ratio}, but a factor above 1 is needed, for instance 1.1 for 10%")
    if not ((a > 0).all() and (b > 0).all()):
        raise ValueError("a ratio needs positive values on both sides; compare differences instead")
    logs, margin = np.log(a / b), log(ratio)
    supports = bool(abs(logs.mean()) <= margin)
    beyond = np.sign(logs.mean()) * logs - margin
    error = error / min(a.mean(), b.mean())
    inside = max(one_sided(margin + logs, test, error), one_sided(margin - logs, test, error))
    # which margin is exceeded is read off the data, so against the claim two tests have been made
    p = inside if supports else 2 * one_sided(beyond, test, error)
    low, high = np.exp(interval(logs, test, error))
    ends = float(np.exp(logs.mean())), float(low), float(high)
    return Evidence("equivalence", *ends, supports, min(1.0, 2 * float(p)), len(logs))


def never(rates, trials, tolerance, confidence=0.95):
    """Weigh the claim that an event hardly ever happens: its rate stays under `tolerance`, in (0, 1).

    rates: (n,) by seed, of `trials` images each. Seeds are far more alike within than among each other, so the test is
    Student's over them; and no surer than the binomial test of all images is, which few images or equal rates call for.
    low..high: Student's interval; of equal rates the exact bounds (Clopper and Pearson 1934), the upper 3/n where there
    is no event.
    """
    from scipy import stats

    rates, trials = by_seed(rates, "rates"), np.atleast_1d(np.asarray(trials))
    if rates.shape != trials.shape:
        raise ValueError(f"rates have shape {rates.shape} and trials {trials.shape}; give one each a seed")
    if not ((rates <= 1).all() and (trials > 0).all()):
        raise ValueError("rates must be at most 1, and trials be 1 or more, for each seed")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}, but a rate between 0 and 1 is needed")
    k, n = max(0, round(float(rates @ trials))), int(trials.sum())
    supports, equal = bool(rates.mean() <= tolerance), np.ptp(rates) == 0
    whole = stats.binom.cdf(k, n, tolerance) if supports else stats.binom.sf(k - 1, n, tolerance)
    spread = 0.0 if equal else float(one_sided((tolerance - rates) * (1 if supports else -1), "t"))
    low, high = _exact_bounds(k, n, confidence) if equal or len(rates) == 1 else t_interval(rates, confidence)
    p = min(1.0, 2 * max(float(whole), spread))
    return Evidence("never", float(rates.mean()), low, high, supports, p, len(rates))


def _exact_bounds(events, n, confidence):
    from scipy import stats

    low = float(stats.beta.ppf(1 - confidence, events, n - events + 1)) if events else 0.0
    return low, rate_upper_bound(events, n, confidence)


def analytic(holds, estimate=nan):
    """Settle a claim that follows from formulas, such as one about abar: no seeds, no chance."""
    return Evidence("analytic", float(estimate), float(estimate), float(estimate), bool(holds), 0.0, 0)


def verdict(evidence, alpha=0.05, p=None):
    """Return one of `OUTCOMES`, from the `Evidence` of a claim, or from None where no measure fits what it says.

    p: the p-value adjusted for the other claims; the evidence's own by default. Fewer seeds than `LEAST_SEEDS` give no
    more than inconclusive, unless the claim is analytic.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}, but a level between 0 and 1 is needed")
    if evidence is None:
        return "underspecified"
    if evidence.kind == NOT_ASKED:
        return NOT_ASKED
    if evidence.kind != "analytic" and evidence.seeds < LEAST_SEEDS.get(evidence.kind, 2):
        return "inconclusive"
    if (evidence.p if p is None else p) > alpha:
        return "inconclusive"
    if evidence.p_small <= alpha:
        return SMALLER
    return "reproduced" if evidence.supports else "contradicted"


def name_outcome(outcome: str, seeds: int) -> str:
    """Return an outcome as people read it: what one seed leaves open is a hint."""
    return "hint" if outcome == "inconclusive" and seeds == 1 else outcome


def verdicts(evidence: Sequence[Evidence | None], alpha=0.05):
    """Return (outcome, Holm's p) of each of a study's claims together, at most alpha for any false one among them.

    What is not of a kind in `TESTED` takes no part in the adjustment; its p is NaN. What has too few seeds for any
    verdict takes part with a p of 1, so that it takes no place before what can be decided.
    """
    tested = [i for i, one in enumerate(evidence) if one is not None and one.kind in TESTED]
    known = [evidence[i].p if evidence[i].seeds >= LEAST_SEEDS.get(evidence[i].kind, 2) else 1.0 for i in tested]
    adjusted = dict(zip(tested, map(float, holm(known)), strict=True))
    return [(verdict(one, alpha, adjusted.get(i)), adjusted.get(i, nan)) for i, one in enumerate(evidence)]


def holm(p_values):
    """Holm's adjusted p-values (1979), in the order given: float64 (m,)."""
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must be a list of numbers in [0, 1]")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def seeds_needed(test, alpha=0.05, claims=1):
    """Return the least number of seeds with which a test can reach any verdict, its claim Holm's first of `claims`.

    sign-flip: 2 / 2^n <= alpha / claims. t and never: `LEAST_SEEDS`, as for any verdict. analytic: 0.
    """
    if not 0 < alpha < 1 or claims < 1:
        raise ValueError(f"alpha {alpha} must lie between 0 and 1, and claims {claims} be 1 or more")
    if test == "sign-flip":
        return max(ceil(log2(2 * claims / alpha) - 1e-9), LEAST_SEEDS["difference"])
    others = {"t": LEAST_SEEDS["difference"], "never": LEAST_SEEDS["never"], "analytic": 0}
    if test not in others:
        raise ValueError(f"test is {test!r}, but sign-flip, {', '.join(others)} are known")
    return others[test]
