import numpy as np
import pytest
from scipy import stats

from studies.measures.measure import rate_upper_bound
from studies.verdicts.seeds import bootstrap_interval, one_sided, t_interval
from studies.verdicts.statistics import (
    analytic,
    difference,
    equivalence,
    holm,
    name_outcome,
    never,
    seeds_needed,
    verdict,
    verdicts,
)

RUNS = 3000


@pytest.fixture
def fast(monkeypatch):
    """Leaves out the bootstrap, which no verdict depends on and a simulation has no time for."""
    monkeypatch.setattr("studies.verdicts.seeds.bootstrap_interval", lambda values, rng: (0.0, 0.0))


def share(outcome, make, runs=RUNS, seed=0):
    rng = np.random.default_rng(seed)
    return np.mean([verdict(make(rng)) == outcome for _ in range(runs)])


def at_most(level, runs=RUNS):
    """The level plus three standard errors of a simulated share."""
    return level + 3 * np.sqrt(level * (1 - level) / runs)


def contrast(draw, test="sign-flip", smallest=1.0, seeds=6):
    return lambda rng: difference(draw(rng, seeds), 0.0, 1, smallest, test)


NORMAL = [("sign-flip", 6), ("t", 4), ("t", 6)]


@pytest.mark.parametrize(("test", "seeds"), NORMAL)
def test_no_effect_is_rarely_reproduced(fast, test, seeds):
    make = contrast(lambda rng, n: rng.normal(0, 1, n), test, smallest=0.5, seeds=seeds)
    assert share("reproduced", make) <= at_most(0.025)


@pytest.mark.parametrize(("test", "seeds"), NORMAL)
def test_a_full_effect_is_rarely_contradicted(fast, test, seeds):
    make = contrast(lambda rng, n: rng.normal(1, 1, n), test, smallest=1.0, seeds=seeds)
    assert share("contradicted", make) <= at_most(0.025)


def test_heavy_tails_and_unequal_seeds_keep_the_levels(fast):
    def heavy(rng, n):
        return rng.standard_t(2, n) * rng.uniform(0.1, 3, n)

    for test in ("sign-flip", "t"):
        assert share("reproduced", contrast(heavy, test, smallest=0.0)) <= at_most(0.025)


def test_a_wrong_direction_is_contradicted_and_a_planted_effect_found_as_promised(fast):
    make = contrast(lambda rng, n: rng.normal(1, 0.4, n), smallest=1.0)
    promised = stats.norm.cdf(1 / 0.4) ** 6  # all six of one sign
    # of which it is as likely as any false verdict that they seem smaller than matters
    assert share("reproduced", make) + share("smaller than matters", make) == pytest.approx(promised, abs=0.02)
    assert share("smaller than matters", make) <= at_most(0.025)
    assert share("contradicted", contrast(lambda rng, n: rng.normal(-1, 0.4, n), smallest=1.0)) > 0.99
    assert share("contradicted", contrast(lambda rng, n: rng.normal(0, 0.3, n), smallest=1.0)) > 0.93


@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_what_is_there_but_too_small_is_neither_reproduced_nor_contradicted(fast, at):
    make = contrast(lambda rng, n: rng.normal(at, 0.05, n), "t", smallest=1.0)
    assert share("smaller than matters", make) > 0.95
    found = difference([at, at + 0.1, at - 0.1], 0, 1, 1.0, "t")
    assert (found.p_small <= 0.05) == (found.low > 0 and found.high < 1)  # as the interval says


@pytest.mark.parametrize("at", [0.0, 1.0])
def test_no_effect_and_one_that_matters_rarely_seem_small(fast, at):
    for test in ("t", "sign-flip"):
        make = contrast(lambda rng, n: rng.normal(at, 0.3, n), test, smallest=1.0)
        assert share("smaller than matters", make) <= at_most(0.025)


def test_the_t_test_finds_an_effect_with_the_power_of_its_closed_form():
    exact = stats.nct.sf(stats.t.ppf(0.975, 5), 5, np.sqrt(6) * 1.5)
    assert share("reproduced", contrast(lambda rng, n: rng.normal(1.5, 1, n), "t", smallest=0.0)) == pytest.approx(
        exact, abs=0.025
    )
    assert share("reproduced", contrast(lambda rng, n: rng.normal(9, 1, n), seeds=5), runs=50) == 0  # 2/2^5 > 5%


def test_sign_flip_by_hand():
    assert one_sided([1.0, 2.0, 3.0]) == 1 / 8
    assert one_sided([1.0, 2.0, -3.0]) == 5 / 8  # sums of +-1 +-2 +-3 at or above 0
    assert one_sided([0.1, 0.2, -0.3]) == 5 / 8  # the same sums, which rounding must not part
    assert one_sided(np.zeros((2, 3))).tolist() == [1, 1]


def test_t_is_scipy_s_and_constant_effects_fall_back():
    rng = np.random.default_rng(3)
    x = rng.normal(0.5, 1, (4, 6))
    assert one_sided(x, "t") == pytest.approx(stats.ttest_1samp(x, 0, axis=1, alternative="greater").pvalue)
    assert one_sided(np.full(4, 0.3), "t") == 1 / 16
    assert one_sided(np.full((2, 30), [[0.3], [-0.3]]), "t").tolist() == [2**-30, 1]  # more than sign-flip takes


@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_a_ratio_on_the_margin_is_rarely_judged_either_way(fast, test):
    def make(rng):
        return equivalence(1.1 * np.exp(rng.normal(0, 0.03, 6)), np.ones(6), 1.1, test)

    assert share("reproduced", make) <= at_most(0.025)
    assert share("contradicted", make) <= at_most(0.025)


@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_equal_times_that_scatter_are_rarely_judged_unequal(fast, test):
    """Where either margin may be exceeded by chance, looking which one is must not cost the level."""

    def make(rng):
        return equivalence(1.05 * np.exp(rng.normal(0, 1, 6)), np.ones(6), 1.05, test)

    assert share("contradicted", make) <= at_most(0.025)


def test_equal_times_are_found_equal_and_double_times_not(fast):
    def ratio(centre):
        return lambda rng: equivalence(centre * np.exp(rng.normal(0, 0.03, 6)), np.ones(6), 1.1)

    assert share("reproduced", ratio(1.0), runs=500) > 0.95
    assert share("contradicted", ratio(2.0), runs=500) > 0.99
    assert share("contradicted", ratio(0.5), runs=500) > 0.99


def test_equivalence_reports_the_ratio():
    found = equivalence([2.0, 2.0, 2.0], [1.0, 1.0, 1.0], 1.1)
    assert (found.estimate, found.low, found.high) == pytest.approx((2, 2, 2))
    assert not found.supports


def test_never_holds_its_level_at_the_tolerance():
    def make(rng):
        return never(rng.binomial(200, 0.01, 6) / 200, np.full(6, 200), 0.01)

    assert share("reproduced", make) <= at_most(0.025)
    assert share("contradicted", make) <= at_most(0.025)


def test_never_holds_its_level_where_seeds_differ(fast):
    """Eight times the binomial's variance: a binomial test of all images would be wrong in every third run."""

    def make(rng):
        return never(rng.binomial(500, rng.beta(0.29, 5.5, 6)) / 500, np.full(6, 500), 0.05)

    assert share("contradicted", make) <= at_most(0.025)


def test_never_with_no_event_and_with_many():
    nothing = never(np.zeros(6), np.full(6, 400), 0.01)
    assert verdict(nothing) == "reproduced"
    assert (nothing.low, nothing.high) == pytest.approx((0, 3 / 2400))
    assert verdict(never([0.0] * 5 + [0.04], [400] * 6, 0.01)) == "inconclusive"  # one seed may be no exception
    assert verdict(never([0.045, 0.04, 0.05], [200] * 3, 0.01)) == "contradicted"
    assert verdict(never([0.085, 0, 0], [200] * 3, 0.01)) == "inconclusive"  # one network's failing
    assert verdict(never([0.4, 0.002, 0, 0, 0, 0], [500] * 6, 0.01)) == "inconclusive"  # and a single stray event
    assert verdict(never([0, 0, 0], [20] * 3, 0.01)) == "inconclusive"
    below = never([-0.02, 0.01, -0.01], [900] * 3, 0.05)  # an excess share may be negative
    assert (verdict(below), below.estimate) == ("reproduced", pytest.approx(-0.02 / 3))


def test_holm_by_hand_and_over_a_family(fast):
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]).size == 0
    rng = np.random.default_rng(4)
    make = contrast(lambda rng, n: rng.normal(0, 1, n), "t", smallest=0.0)  # both verdicts are false here
    wrong = [any(v != "inconclusive" for v, _ in verdicts([make(rng) for _ in range(8)])) for _ in range(1000)]
    assert np.mean(wrong) <= at_most(0.05, 1000)


def test_a_family_costs_the_single_claim_its_verdict():
    one = difference([1.0, 1.1, 0.9, 1.2, 1.0, 0.8], 0, 1, 0.5)
    assert one.p == 2 / 64
    assert verdict(one) == "reproduced"
    assert verdicts([one, one]) == [("inconclusive", 4 / 64)] * 2
    found = verdicts([one, None, analytic(False)])
    assert [outcome for outcome, _ in found] == ["reproduced", "underspecified", "contradicted"]
    assert found[0][1] == 2 / 64
    assert np.isnan([p for _, p in found[1:]]).all()


def test_one_seed_or_two_are_never_enough_unless_the_claim_is_analytic():
    for evidence in (
        difference([9.0], [0.0], 1, 0.1),
        difference([9.0, 9.1], [0.0, 0.0], 1, 0.1, test="t"),
        equivalence([1.0, 1.0], [1.0, 1.0], 1.5),
        never([0.0, 0.0], [1_000_000] * 2, 0.5),
    ):
        assert verdict(evidence, p=0.0) == "inconclusive"
    assert verdict(analytic(True)) == "reproduced"


def test_what_cannot_be_decided_takes_no_place_before_what_can():
    one = difference([1.0, 1.1, 0.9, 1.2, 1.0, 0.8], 0, 1, 0.5)
    few = [never([0.0], [1_000_000], 0.5), never([0.0, 0.0], [1_000_000] * 2, 0.5)]
    assert max(evidence.p for evidence in few) < one.p
    assert [p for _, p in verdicts([one, *few])] == [3 * one.p, 1, 1]


def test_difference_is_paired_and_keeps_its_sign():
    a = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    lower = difference(a, a + np.tile([1, 2], 3), -1, 0.5)
    assert lower.estimate == -1.5
    assert lower.low <= -1.5 <= lower.high < 0
    assert verdict(lower) == "reproduced"


def test_equal_seeds_are_judged_by_what_their_images_leave_open():
    """Three seeds; each sample passes on one side and none on the other: images are all there is, as in `never`."""
    error = np.sqrt(3 * 2 * (96.5 / 97) * (0.5 / 97) / 96) / 3
    sure = difference([1.0] * 3, [0.0] * 3, 1, 0.05, "t", error)
    assert verdict(sure) == "reproduced"
    assert (1 - sure.low) / error == pytest.approx(stats.norm.ppf(0.975))
    same = equivalence([1.0] * 3, [1.0] * 3, 1.2, error=error)
    assert same.p == pytest.approx(2 * stats.norm.sf(np.log(1.2) / error))
    few = np.sqrt(3 * 2 * (1.5 / 2) * (0.5 / 2)) / 3  # one sample a seed, and half of it matters
    unsure = difference([0.5] * 3, [0.0] * 3, 1, 0.5, "t", few)
    assert (verdict(unsure), unsure.p) == ("inconclusive", pytest.approx(2 * stats.norm.sf(0.5 / few)))
    spread = [0.9, 1.0, 0.95]  # which says more than the images
    assert difference(spread, 0, 1, 0.05, "t", 9.0) == difference(spread, 0, 1, 0.05, "t")


def test_seeds_needed_matches_what_the_test_can_reach():
    assert seeds_needed("sign-flip") == 6
    assert seeds_needed("sign-flip", claims=12) == 9
    for claims in (1, 3, 12):
        n = seeds_needed("sign-flip", claims=claims)
        assert 2 * one_sided(np.ones(n)) <= 0.05 / claims < 2 * one_sided(np.ones(n - 1))
    assert [seeds_needed(kind) for kind in ("t", "never", "analytic")] == [3, 3, 0]


def test_bounds():
    assert rate_upper_bound(0, 0) == rate_upper_bound(0, 2) == 1
    assert rate_upper_bound(0, 1000) == 0.003
    assert rate_upper_bound(5, 5) == 1
    bound = rate_upper_bound(3, 200)
    assert stats.binom.cdf(3, 200, bound) == pytest.approx(0.05)


def test_bootstrap_interval_is_seeded_and_its_coverage_is_as_documented():
    x = np.random.default_rng(8).normal(size=6)
    again = [bootstrap_interval(x, np.random.default_rng(s)) for s in (1, 1, 2)]
    assert again[0] == again[1] != again[2]
    rng = np.random.default_rng(9)
    ends = np.array([bootstrap_interval(rng.normal(size=6), rng, resamples=499) for _ in range(600)])
    assert np.mean((ends[:, 0] <= 0) & (ends[:, 1] >= 0)) == pytest.approx(0.87, abs=0.045)
    assert bootstrap_interval([3.0], rng) == (-np.inf, np.inf)
    assert bootstrap_interval([3.0, 3.0], rng) == (3, 3)
    assert bootstrap_interval([0, 0, 0, 0, 0, 9], rng)[0] == 0  # percentiles never leave the values' range


def test_t_interval_is_scipy_s_and_goes_with_the_test():
    x = np.random.default_rng(10).normal(2, 1, 5)
    wanted = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert t_interval(x) == pytest.approx((wanted.low, wanted.high))
    assert t_interval([3.0]) == (-np.inf, np.inf)
    found = difference(x, 0.0, 1, 1.0, test="t")
    assert (found.low, found.high) == t_interval(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: difference([], 0, 1, 1), "one value a seed"),
        (lambda: difference([np.nan, 1], 0, 1, 1), "NaN"),
        (lambda: difference([1, 2], [1, 2, 3], 1, 1), "same seeds"),
        (lambda: difference([1, 2], 0, 2, 1), "direction"),
        (lambda: difference([1, 2], 0, 1, -1), "smallest"),
        (lambda: difference([1, 2], 0, 1, 1, test="z"), "sign-flip or t"),
        (lambda: difference(np.ones(21), 0, 1, 1), "use test t"),
        (lambda: equivalence([1, -1], [1, 1], 1.1), "positive"),
        (lambda: equivalence([1, 1], [1, 1], 0.9), "above 1"),
        (lambda: never([3], [2], 0.1), "trials"),
        (lambda: never([0, 0], [2], 0.1), "one each"),
        (lambda: never([0], [2], 0), "tolerance"),
        (lambda: holm([0.1, np.nan]), "p-values"),
        (lambda: verdict(analytic(True), alpha=0), "alpha"),
        (lambda: seeds_needed("z"), "known"),
        (lambda: rate_upper_bound(3, 2), "impossible"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_never_is_student_s_test_over_seeds_and_of_equal_rates_the_exact_binomial_one():
    rates = np.array([0.06, 0.045, 0.04])
    found = never(rates, [200] * 3, 0.01)
    assert found.p == pytest.approx(2 * stats.ttest_1samp(rates, 0.01, alternative="greater").pvalue)
    assert (found.low, found.high) == t_interval(rates)
    equal, whole = never([0.05] * 3, [200] * 3, 0.01), {"k": 30, "n": 600}
    assert equal.p == pytest.approx(2 * stats.binomtest(**whole, p=0.01, alternative="greater").pvalue)
    above, below = (stats.binomtest(**whole, alternative=side).proportion_ci(0.95) for side in ("greater", "less"))
    assert (equal.low, equal.high) == pytest.approx((above.low, below.high))


def test_people_read_of_one_seed_that_it_hints():
    assert [name_outcome("inconclusive", seeds) for seeds in (0, 1, 2)] == ["inconclusive", "hint", "inconclusive"]
    assert name_outcome("reproduced", 1) == "reproduced"
