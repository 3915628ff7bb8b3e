"""Is it the right population? Two samples of feature rows, compared feature by feature and jointly.

Every joint measure works on features standardised by the reference's mean and deviation. Each takes rows
(n, d) and a reference (m, d), both float64 without NaN. Pixels would be the wrong space here: gray noise is
invisible in them, and binary images tie at whole distances.
"""

import numpy as np

from studies.measures.measure import SMALL, Described, Measure, Ruler, beside
from triangles.kinds import KINDS

__all__ = [
    "RULER",
    "classifier_accuracy",
    "compare",
    "compare_with_yardstick",
    "energy_distance",
    "neighbourhoods",
    "settle",
    "standardise",
]

ROUNDING = 1e-9  # of a feature's size: what arithmetic may leave between equal values
NEIGHBOURS = 5  # the k of all four; Naeem et al.'s, where Kynkäänniemi et al. take 3
NEIGHBOURS_NEED = 1000  # rows that these four are taken of on both sides, and below which they say little
CLASSIFIER_NEEDS = 20  # rows on both sides below which a held-out accuracy says nothing


def settle(rows, reference, sizes=1.0):
    """Take rounding out of features that are constant in the reference: (rows, reference), what is near it equal to it.

    Without it, 0.1 + 0.2 in one picture and 0.3 in another would be told apart like two features that differ.
    sizes: of the features' ranges, (d,) or one for all; what is nearer than `ROUNDING` of them is equal.
    """
    step = ROUNDING * np.maximum(sizes, np.abs(reference).max(axis=0, initial=0))
    middle = reference.mean(axis=0)
    constant = np.abs(reference - middle).max(axis=0, initial=0) <= step
    return tuple(np.where(constant & (np.abs(side - middle) <= step), middle, side) for side in (rows, reference))


def standardise(rows, reference):
    """Both in units of the reference's standard deviation about its mean; a constant feature keeps its unit."""
    spread = reference.std(axis=0)
    spread = np.where(spread > ROUNDING * np.abs(reference).max(axis=0), spread, 1)
    return (rows - reference.mean(axis=0)) / spread, (reference - reference.mean(axis=0)) / spread


def energy_distance(rows, reference):
    """Return sqrt(2 E|X-Y| - E|X-X'| - E|Y-Y'|) >= 0, in roots of a standard deviation; 0 for equal ones.

    Szekely and Rizzo 2013, in the biased (V-statistic) form, which cannot go negative; so two finite samples
    of one population lie above 0, and a real-against-real value belongs beside it.
    """
    from scipy.spatial.distance import cdist

    between = 2 * cdist(rows, reference).mean()
    return float(np.sqrt(max(between - cdist(rows, rows).mean() - cdist(reference, reference).mean(), 0)))


def classifier_accuracy(rows, reference, rng):
    """Held-out accuracy of a random forest that tells the two apart, in [0, 1]; 0.5 where it cannot.

    The classifier two-sample test of Lopez-Paz and Oquab 2017, with as many rows from either side, half of
    each to learn from and half to judge by.
    """
    from sklearn.ensemble import RandomForestClassifier

    count = min(len(rows), len(reference))
    half = count // 2
    sides = [side[rng.permutation(len(side))[:count]] for side in (rows, reference)]
    seen, unseen = (np.concatenate([side[part] for side in sides]) for part in (slice(half), slice(half, 2 * half)))
    labels = np.repeat([0, 1], half)
    forest = RandomForestClassifier(50, min_samples_leaf=5, n_jobs=1, random_state=int(rng.integers(2**31)))
    return float((forest.fit(seen, labels).predict(unseen) == labels).mean())


def neighbourhoods(rows, reference, k=NEIGHBOURS):
    """Precision, recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020): a dict.

    Precision, recall and coverage are in [0, 1]; density is >= 0 and 1 on average for equal populations.
    """
    from scipy.spatial.distance import cdist

    real_reach = np.partition(cdist(reference, reference), k, axis=1)[:, k]  # position 0 is the row itself
    fake_reach = np.partition(cdist(rows, rows), k, axis=1)[:, k]
    apart = cdist(reference, rows)
    in_real, in_fake = apart <= real_reach[:, None], apart <= fake_reach[None, :]
    return {
        "precision": float(in_real.any(axis=0).mean()),
        "recall": float(in_fake.any(axis=1).mean()),
        "density": float(in_real.sum(axis=0).mean() / k),
        "coverage": float(in_real.any(axis=1).mean()),
    }


def compare(rows, reference, names, rng):
    """Take all measures that the two sizes allow, {name: value}; `names` are those of the d features.

    wasserstein_*: Wasserstein-1 in the feature's unit; ks_*: Kolmogorov-Smirnov statistic in [0, 1].
    """
    from scipy import stats

    result = {}
    for name, x, y in zip(names, rows.T, reference.T, strict=True):
        result[f"wasserstein_{name}"] = float(stats.wasserstein_distance(x, y))
        result[f"ks_{name}"] = float(stats.ks_2samp(x, y, method="asymp").statistic)
    x, y = standardise(rows, reference)
    result["energy_distance"] = energy_distance(x, y)
    if min(len(x), len(y)) >= CLASSIFIER_NEEDS:
        result["classifier_accuracy"] = classifier_accuracy(x, y, rng)
    if min(len(x), len(y)) >= NEIGHBOURS_NEED:
        result |= neighbourhoods(x[:NEIGHBOURS_NEED], y[:NEIGHBOURS_NEED])  # as many of each: they hang on the sizes
    return result


def compare_with_yardstick(rows, real, names, rng, splits=5):
    """Compare rows with real rows, and real with real at the same sizes: (values, yardstick, rows used).

    All these measures depend on the sizes, so both sides are made alike: the real rows are split at random into a
    reference and as many held-out rows as are used of `rows`; the means over the splits are returned.
    """
    used = min(len(rows), len(real) // 2)
    if used < 2:
        return {}, {}, used
    ours, theirs = [], []
    for _ in range(splits):
        order = rng.permutation(len(real))
        held_out, reference = real[order[:used]], real[order[used:]]
        ours.append(compare(rows[rng.permutation(len(rows))[:used]], reference, names, rng))
        theirs.append(compare(held_out, reference, names, rng))
    return _means(ours), _means(theirs), used


def _means(results):
    return {name: float(np.mean([result[name] for result in results])) for name in results[0]}


JOINT = {
    "energy_distance": Described("energy distance of the population from real images", "sd^1/2", better="low"),
    "classifier_accuracy": Described("accuracy of a classifier that tells samples from real", "1", (0, 1), "low"),
    "precision": Described("precision of the population", "1", (0, 1), "high"),
    "recall": Described("recall of the population", "1", (0, 1), "high"),
    "density": Described("density of the population", "1", better="high"),
    "coverage": Described("coverage of the population", "1", (0, 1), "high"),
}


def describe() -> dict[str, Described]:
    """Describe the joint measures, and two of each feature of every kind of picture that is fitted."""
    features = {name: words for kind in KINDS.values() if kind.fitter for name, (words, *_) in kind.FEATURES.items()}
    single = {}
    for name, words in features.items():
        distance = f"wasserstein_{name}"
        single[distance] = Described(f"{words}, Wasserstein distance", _unit(distance), better="low")
        single[f"ks_{name}"] = Described(f"{words}, Kolmogorov-Smirnov distance", "1", (0, 1), "low")
    return JOINT | single


def _unit(name: str) -> str:
    if name.startswith("wasserstein"):
        return "rad" if "angle" in name else "side"
    return "sd^1/2" if name == "energy_distance" else "1"


def summarise(table, real_table, kind, rng) -> list[Measure]:
    """Return how far the population of samples lies from the real one, beside real against real."""
    if not kind.fitter:
        return []
    names = list(kind.FEATURES)
    rows, real = (one.loc[one.ink >= SMALL, names].to_numpy(np.float64) for one in (table, real_table))
    sizes = [np.ptp(within) if np.isfinite(within).all() else 1.0 for _, _, within in kind.FEATURES.values()]
    rows, real = settle(rows, real, np.array(sizes))
    values, yardstick, used = compare_with_yardstick(rows, real, names, rng)
    return beside(*([Measure(k, v, _unit(k), used) for k, v in side.items()] for side in (values, yardstick)))


RULER = Ruler(describe, summarise=summarise)
