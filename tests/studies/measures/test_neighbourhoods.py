"""Precision, recall, density and coverage of Naeem et al. 2020, counted pair by pair and by the authors' package."""

import numpy as np
import pytest

from studies.measures.rulers.population import NEIGHBOURS, NEIGHBOURS_NEED, compare, neighbourhoods, standardise


def reach(points, k):
    """Return each point's distance to its k-th neighbour."""
    return [sorted(np.linalg.norm(one - other) for other in points)[k] for one in points]


@pytest.mark.parametrize("k", [1, 5])
def test_neighbourhoods_are_those_counted_pair_by_pair(k):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(60, 3)), 1.3 * rng.normal(size=(40, 3)) + 0.4
    near, far = reach(real, k), reach(fake, k)
    inside = [[np.linalg.norm(r - f) < radius for f in fake] for r, radius in zip(real, near, strict=True)]
    around = [[np.linalg.norm(r - f) < radius for f, radius in zip(fake, far, strict=True)] for r in real]
    found = neighbourhoods(fake, real, k)
    assert found == pytest.approx(
        {
            "precision": np.mean([any(row[j] for row in inside) for j in range(40)]),
            "recall": np.mean([any(row) for row in around]),
            "density": np.sum(inside) / (k * 40),
            "coverage": np.mean([any(row) for row in inside]),
        }
    )


def by_the_package(fake, real, k):
    """Return the four numbers of the authors' package `prdc`."""
    package = pytest.importorskip("prdc", reason="prdc comes with pip install -e '.[test]'")
    return {name: float(value) for name, value in package.compute_prdc(real, fake, k).items()}


def populations(rng, rows, reference, d):
    """Return pairs (fake, real) that lie as samples may: alike, off, narrow, in one of two parts, all in one point."""
    real = rng.normal(size=(reference, d))
    two = real + 8 * (rng.random((reference, 1)) < 0.5)
    return {
        "alike": (rng.normal(size=(rows, d)), real),
        "off": (rng.normal(size=(rows, d)) + 1.5, real),
        "far": (rng.normal(size=(rows, d)) + 100, real),
        "narrow": (0.2 * rng.normal(size=(rows, d)), real),
        "one of two": (rng.normal(size=(rows, d)), two),
        "one point": (np.repeat(rng.normal(size=(1, d)), rows, axis=0), real),
    }


@pytest.mark.parametrize("k", [1, NEIGHBOURS, 20])
@pytest.mark.parametrize(("rows", "reference", "d"), [(200, 150, 2), (90, 300, 9), (120, 120, 1)])
def test_neighbourhoods_are_those_of_the_authors_package(rows, reference, d, k):
    for name, (fake, real) in populations(np.random.default_rng(rows + k), rows, reference, d).items():
        assert neighbourhoods(fake, real, k) == pytest.approx(by_the_package(fake, real, k), abs=1e-12), name


def test_of_a_population_the_four_are_taken_of_standardised_features_with_the_authors_own_k():
    rng = np.random.default_rng(1)
    fake, real = (rng.normal(size=(NEIGHBOURS_NEED, 4)) * [1, 10, 0.1, 3] for _ in range(2))
    told, expected = compare(fake, real, "abcd", rng), by_the_package(*standardise(fake, real), NEIGHBOURS)
    assert {name: told[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert all(value > 0.9 for value in expected.values())


def test_only_ties_are_counted_otherwise_than_in_the_authors_package():
    """A point at a neighbourhood's very edge is inside here, outside there: copies have such ties."""
    real = np.random.default_rng(2).integers(-1000, 1000, size=(80, 3)).astype(np.float64)  # whole: no sum is rounded
    ours, theirs = neighbourhoods(real, real, 5), by_the_package(real, real, 5)
    assert ours == pytest.approx({"precision": 1, "recall": 1, "density": 6 / 5, "coverage": 1})
    assert theirs == pytest.approx({"precision": 1, "recall": 1, "density": 1, "coverage": 1})
    again = np.repeat(real[:10], 8, axis=0)  # a neighbourhood of no size, the sixth copy being the fifth neighbour
    assert neighbourhoods(again, again, 5)["coverage"] == 1
    assert by_the_package(again, again, 5)["coverage"] == 0
