import numpy as np
import pytest

from studies.measures.rulers import population


def normal(rng, n, d=3, shift=0.0):
    return rng.normal(size=(n, d)) + shift


def test_a_planted_shift_is_measured_in_the_feature_s_unit():
    rng = np.random.default_rng(0)
    x = normal(rng, 2000)
    found = population.compare(x + np.array([0.5, 0, 0]), x, ["a", "b", "c"], rng)
    assert found["wasserstein_a"] == pytest.approx(0.5)
    assert found["wasserstein_b"] == found["ks_b"] == pytest.approx(0)
    assert found["ks_a"] == pytest.approx(0.197, abs=0.02)  # 2 Phi(0.25) - 1


def test_energy_distance_of_two_points_and_of_equal_samples():
    x, y = np.zeros((4, 2)), np.tile([3.0, 4.0], (4, 1))
    assert population.energy_distance(x, y) == pytest.approx(np.sqrt(10))
    assert population.energy_distance(x, x) == 0


def test_energy_distance_agrees_with_scipy_in_one_dimension():
    from scipy import stats

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=50), rng.normal(1, 2, size=70)
    assert population.energy_distance(x[:, None], y[:, None]) == pytest.approx(stats.energy_distance(x, y))


def test_classifier_tells_apart_what_differs_and_nothing_else():
    rng = np.random.default_rng(2)
    same = [population.classifier_accuracy(normal(rng, 200), normal(rng, 200), rng) for _ in range(12)]
    assert np.mean(same) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(12 * 200))
    # best possible for unit normals whose means lie 2 apart: Phi(1) = 0.84
    assert population.classifier_accuracy(normal(rng, 800, 1), normal(rng, 800, 1, 2.0), rng) == pytest.approx(
        0.84, abs=0.05
    )


def test_neighbourhoods_of_one_population():
    rng = np.random.default_rng(3)
    found = population.neighbourhoods(normal(rng, 1000), normal(rng, 1000))
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.03)  # no fake before the 5th real neighbour
    assert found["density"] == pytest.approx(1, abs=0.1)
    assert min(found["precision"], found["recall"]) > 0.85


def test_dropping_half_of_the_population_costs_recall_and_coverage_only():
    rng = np.random.default_rng(4)
    real, fake = normal(rng, 1000), normal(rng, 2000)
    found = population.neighbourhoods(fake[fake[:, 0] > 0][:900], real)
    assert found["precision"] > 0.85
    assert found["recall"] < 0.65
    assert found["coverage"] < 0.65


def test_the_yardstick_is_of_the_same_size_and_the_measures_find_a_shift():
    rng = np.random.default_rng(5)
    same, yard, used = population.compare_with_yardstick(normal(rng, 300), normal(rng, 1000), "abc", rng)
    moved, _, _ = population.compare_with_yardstick(normal(rng, 300, shift=0.5), normal(rng, 1000), "abc", rng)
    assert used == 300
    assert same["energy_distance"] == pytest.approx(yard["energy_distance"], abs=0.08)
    assert moved["energy_distance"] > 2 * yard["energy_distance"]
    assert moved["classifier_accuracy"] > 0.58
    assert "precision" not in same


def test_yardstick_rows_are_not_in_their_own_reference(monkeypatch):
    seen = []
    monkeypatch.setattr(population, "compare", lambda rows, reference, *_: seen.append((rows, reference)) or {})
    real = np.arange(50.0)[:, None]
    population.compare_with_yardstick(real[:10] - 100, real, "a", np.random.default_rng(8), splits=1)
    (ours, first), (held_out, second) = seen
    assert np.array_equal(first, second)
    assert sorted([*held_out[:, 0], *first[:, 0]]) == real[:, 0].tolist()
    assert len(ours) == len(held_out) == 10


def test_precision_and_recall_come_with_a_thousand_rows():
    rng = np.random.default_rng(6)
    values, yard, used = population.compare_with_yardstick(normal(rng, 1100), normal(rng, 2000), "abc", rng, splits=1)
    assert used == 1000
    assert values["precision"] == pytest.approx(yard["precision"], abs=0.06)


def test_too_few_rows_and_constant_features_are_no_crash():
    rng = np.random.default_rng(7)
    assert population.compare_with_yardstick(normal(rng, 1), normal(rng, 9), "abc", rng) == ({}, {}, 1)
    flat = np.ones((30, 3))
    values, _, _ = population.compare_with_yardstick(flat, np.ones((60, 3)), "abc", rng)
    assert values["energy_distance"] == values["ks_a"] == 0


def test_a_stretch_is_measured_too_and_the_reference_is_the_unit():
    """Twice as wide about the same mean: Wasserstein's distance is the mean of |x|, though the means agree."""
    rng = np.random.default_rng(9)
    x = normal(rng, 2000, 1)
    assert population.compare(2 * x, x, "a", rng)["wasserstein_a"] == pytest.approx(np.abs(x).mean())
    rows, reference = population.standardise(7 + 2 * x, 3 + 4 * x)
    assert (reference.mean(), reference.std()) == pytest.approx((0, 1))
    assert rows.std() == pytest.approx(0.5)


def dusty(rng, n, value):
    """A feature that is constant but for rounding."""
    return value + 1e-16 * rng.integers(-2, 3, size=n)


@pytest.mark.parametrize("value", [0.0, 0.3, 1000.1])
def test_a_constant_feature_with_rounding_says_what_one_without_says(value):
    rng = np.random.default_rng(8)
    size = max(1.0, value)
    real, same, off = normal(rng, 60), normal(rng, 60), normal(rng, 60)
    real[:, 1], same[:, 1], off[:, 1] = (size * dusty(rng, 60, level) for level in (value / size, value / size, 0.9))
    found = population.compare(*population.settle(same, real), ["a", "b", "c"], np.random.default_rng(0))
    assert found["ks_b"] == 0
    assert found["wasserstein_b"] == 0
    real[:, 1] = same[:, 1] = value
    exact = population.compare(same, real, ["a", "b", "c"], np.random.default_rng(0))
    assert found == pytest.approx(exact, abs=1e-9)
    other = population.compare(*population.settle(off, real), ["a", "b", "c"], np.random.default_rng(0))
    assert other["ks_b"] == 1
    assert other["wasserstein_b"] == pytest.approx(abs(0.9 * size - value))
    assert other["energy_distance"] > exact["energy_distance"]


def test_settling_leaves_a_feature_that_varies_as_it_is():
    rng = np.random.default_rng(9)
    rows, real = normal(rng, 50), normal(rng, 40)
    assert all(np.array_equal(*pair) for pair in zip(population.settle(rows, real), (rows, real), strict=True))


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_density_is_drawn_of_no_constant(value):
    from studies.report.figures.measures.population import estimate_density

    x = np.linspace(0, 1, 50)
    assert estimate_density(dusty(np.random.default_rng(10), 200, value), x) is None
    assert estimate_density(np.random.default_rng(10).random(200), x) is not None
