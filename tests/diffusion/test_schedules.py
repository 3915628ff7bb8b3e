"""Every schedule of the registry: end points, closed forms, monotone abar, and the facts SOURCE states for them."""

import contextlib

import numpy as np
import pytest

from diffusion.processes.gaussian import coefficients
from diffusion.schedules import BETA_MAX, BETA_MIN, SCHEDULES, NoiseSchedule, schedule

SPAN = BETA_MAX - BETA_MIN


def closed_form(name, u):
    """The thesis's and the slides' formulas, written out a second time; cosine has none in beta."""
    return {
        "linear": BETA_MIN + SPAN * u,
        "wave": BETA_MIN + SPAN * np.sin(4 * np.pi * u) ** 2,
        "power-1.5": BETA_MIN + SPAN * u * np.sqrt(u),
        "power-2": BETA_MIN + SPAN * u * u,
        "power-10": BETA_MIN + SPAN * u**10,
        "sine-ramp": BETA_MIN + SPAN * np.sin(np.pi / 2 * u),
        "half-sine": BETA_MIN + SPAN * np.sin(np.pi * u),
        "quadratic": (BETA_MIN**0.5 * (1 - u) + BETA_MAX**0.5 * u) ** 2,
        "sigmoid": BETA_MIN + SPAN * (1 + np.tanh((12 * u - 6) / 2)) / 2,
    }[name]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T", [1, 2, 200, 1000])
def test_betas_are_probabilities_and_abar_falls(name, T):
    s = schedule(name, T)
    assert s.betas.shape == (T,)
    assert s.betas.dtype == np.float64
    assert (s.betas > 0).all()
    assert (s.betas < 1).all()
    assert (np.diff(s.abar) < 0).all()
    assert s.beta_tilde[0] == 0
    assert (s.beta_tilde <= s.betas).all()


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"cosine"}))
def test_betas_follow_their_closed_form(name):
    u = np.linspace(0, 1, 1000)
    np.testing.assert_allclose(schedule(name).betas, closed_form(name, u), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("linear", BETA_MIN, BETA_MAX),
        ("wave", BETA_MIN, BETA_MIN),
        ("power-10", BETA_MIN, BETA_MAX),
        ("sine-ramp", BETA_MIN, BETA_MAX),
        ("half-sine", BETA_MIN, BETA_MIN),
        ("quadratic", BETA_MIN, BETA_MAX),
    ],
)
def test_end_points(name, first, last):
    betas = schedule(name).betas
    assert betas[[0, -1]] == pytest.approx([first, last], rel=1e-12)


def test_cosine_abar_is_a_squared_cosine_until_the_clip():
    s = schedule("cosine")
    f = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(s.abar[:-1], (f / f[0])[1:-1], rtol=1e-10)
    assert s.betas[-1] == 0.999


@pytest.mark.parametrize(
    ("name", "T", "abar_T"),
    [
        ("linear", 1000, 4.0e-5),
        ("power-1.5", 1000, 3.0e-4),
        ("power-2", 1000, 1.1e-3),
        ("power-10", 1000, 0.146),
        ("linear", 300, 0.048),
        ("power-1.5", 300, 0.088),
        ("power-2", 300, 0.131),
        ("power-10", 300, 0.558),
    ],
)
def test_abar_at_the_end(name, T, abar_T):
    assert schedule(name, T).abar[-1] == pytest.approx(abar_T, rel=0.05)


def test_prior_term_of_power_10_is_116_bits_an_image():
    """L_T by numerical integration of the KL of N(sqrt(abar) x, 1 - abar) from N(0, 1), for pixels x = +-1."""
    s = schedule("power-10")
    mean, variance = np.sqrt(s.abar[-1]), 1 - s.abar[-1]
    z, dz = np.linspace(-12, 12, 400_001, retstep=True)
    q = np.exp(-((z - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    p = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    bits = float(np.sum(q * (np.log2(q, where=q > 0, out=np.zeros_like(q)) - np.log2(p))) * dz)
    assert s.prior_bits() == pytest.approx(bits, rel=1e-6)
    assert s.prior_bits() * 1024 == pytest.approx(116, abs=1)


def test_only_the_late_schedules_end_far_from_noise():
    assert {name for name in SCHEDULES if schedule(name).far_from_noise} == {"power-10"}
    assert schedule("linear", 300).far_from_noise


def test_respacing_keeps_abar_at_the_kept_steps():
    s = schedule("wave")
    short, kept = s.respaced(50)
    np.testing.assert_allclose(short.abar, s.abar[kept], rtol=1e-12)
    assert kept[0] == 0
    assert kept[-1] == 999
    whole, kept = s.respaced(1000)
    assert whole is s
    assert kept.tolist() == list(range(1000))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("line",), "unknown schedule"),
        (("power-0",), "unknown schedule"),
        (("power-nan",), "unknown schedule"),
        (("linear", 0), "timesteps"),
        (("linear", 10, 0.5, 0.1), "beta"),
        (("linear", 1000, 1e-17), "1.0e-17 at t = 1, .* raise beta_min"),
        (("wave", 1000, 1e-17), "raise beta_min"),
        (("linear", 1000, 1e-4, 0.99), "abar falls to 0.* lower beta_max or timesteps"),
        (("linear", 20_000), "abar falls to 1.3e-88 .* lower beta_max or timesteps"),
    ],
)
def test_impossible_schedules_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        schedule(*arguments)


def random_schedules(count):
    """Schedules of all kinds with betas from 1e-17 to 1 - 1e-16, those that are refused left out."""
    rng, names = np.random.default_rng(0), list(SCHEDULES)
    for _ in range(count):
        name, T, low = names[rng.integers(len(names))], int(rng.integers(1, 300)), 10 ** rng.uniform(-17, -1)
        with contextlib.suppress(ValueError):
            yield schedule(name, T, low, 1 - (1 - low) * 10 ** rng.uniform(-16, 0))


def respaced_unless_too_few(s):
    for steps in {1, s.timesteps // 3 + 1, s.timesteps}:
        try:
            yield s.respaced(steps)[0]
        except ValueError as error:
            if steps == s.timesteps or "steps are too few" not in str(error):
                raise


def test_what_is_not_refused_can_be_computed_with_and_sampled_from():
    """In float32 all coefficients are finite, and so is noise divided by the roots of abar and of 1 - abar."""
    made = [one for s in random_schedules(500) for one in respaced_unless_too_few(s)]
    assert len(made) > 500
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for values in map(coefficients, made):
            single = {name: value.astype(np.float32) for name, value in values.items()}
            assert all(np.isfinite(value).all() for value in single.values())
            assert all(np.isfinite(np.float32(100) / single[name]).all() for name in ("sqrt_abar", "sqrt_1m_abar"))


def test_too_few_steps_are_called_so():
    """From abar of 1e-60 in two steps, at t = 1 and T: the second's beta is 1 - 1e-60."""
    with pytest.raises(ValueError, match=r"steps are too few \(2\)"):
        schedule("linear", 1000, 1e-4, 0.25).respaced(2)


def test_betas_out_of_range_are_refused():
    with pytest.raises(ValueError, match="strictly between"):
        NoiseSchedule("mine", np.array([0.1, np.nan]))


def test_facts_count_the_steps_near_noise_and_near_the_image():
    """abar_t = 0.999^t exceeds 0.99 up to t = 10, and falls below 0.01 from t = 4603 on."""
    facts = NoiseSchedule("mine", np.full(5000, 0.001)).facts()
    assert (facts["near-clean steps"], facts["near-noise steps"]) == pytest.approx((10 / 5000, 398 / 5000))


@pytest.mark.parametrize("name", ["linear", "power-10", "wave-2", "cosine"])
@pytest.mark.parametrize("T", [1, 2, 200, 1000])
def test_rescaling_leaves_next_to_nothing_and_keeps_the_first_step(name, T):
    """Lin et al. 2023, algorithm 1, written out a second time for a terminal abar that is not quite 0."""
    plain, found = schedule(name, T), schedule(f"{name}-zero-snr", T)
    assert found.abar[-1] == pytest.approx(1e-8, rel=1e-6)
    if T > 1:
        root, first, last = np.sqrt(plain.abar), np.sqrt(plain.abar[0]), np.sqrt(plain.abar[-1])
        expected = 1e-4 + (root - last) * (first - 1e-4) / (first - last)
        np.testing.assert_allclose(np.sqrt(found.abar), expected, rtol=1e-6)
        assert found.abar[0] == pytest.approx(plain.abar[0])
    assert not found.far_from_noise


def test_only_a_known_schedule_can_be_rescaled():
    with pytest.raises(ValueError, match="NAME-zero-snr"):
        schedule("nothing-zero-snr")
