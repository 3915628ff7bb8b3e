"""Precision, recall, density and coverage as Naeem et al. 2020 define them, counted pair by pair."""

import numpy as np
import pytest

from studies.measures.rulers.population import neighbourhoods


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
