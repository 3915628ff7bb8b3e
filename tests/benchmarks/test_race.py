"""The race to quality: every contender trains, stops, goes on and draws; the arithmetic of its table."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.racing.race_table import best, minutes_to_reach, ratio, reach

SPECS = {
    "ours:epochs=2": None,
    "listing:batch_size=16": None,
    "denoising-diffusion-pytorch:width=8,steps=2": "denoising_diffusion_pytorch",
    "diffusers:width=8,steps=2": "diffusers",
    "smalldiffusion:batch_size=16,steps=2": "smalldiffusion",
}


@pytest.fixture(scope="module")
def images():
    from triangles.fits.polygons import render_drawn

    return render_drawn(np.random.default_rng(0).random((128, 3, 2)), size=16)


@pytest.mark.parametrize("spec", SPECS)
def test_a_contender_trains_goes_on_from_its_state_and_draws(spec, images, tmp_path, monkeypatch):
    from benchmarks.racing import contenders, race
    from benchmarks.racing.peers import stand_in_for_torchvision

    monkeypatch.setenv("TQDM_DISABLE", "1")
    for ours in (contenders.Ours, contenders.Listing):
        monkeypatch.setattr(ours, "steps", 2)
    if SPECS[spec]:
        with stand_in_for_torchvision():
            pytest.importorskip(SPECS[spec])
    first, clock = race.resumed(tmp_path, spec, images, seed=0)
    clock.time(first)
    race.save(tmp_path, clock, first)
    again, resumed = race.resumed(tmp_path, spec, images, seed=0)
    resumed.time(again)
    assert (resumed.steps, resumed.images) == (2, 2 * again.images_per_step)
    assert resumed.cpu > clock.cpu > 0
    drawn = again.draw(3)
    assert drawn.shape == (3, 16, 16)
    assert drawn.dtype == np.float32
    assert ((drawn >= 0) & (drawn <= 1)).all()


def test_a_resumed_contender_has_the_weights_and_the_optimiser_of_the_first(images, tmp_path):
    from benchmarks.racing import race

    undisturbed = race.make("listing:batch_size=16", images, 0)
    undisturbed.step()
    race.save(tmp_path, race.Clock(), undisturbed)
    again, _ = race.resumed(tmp_path, "listing:batch_size=16", images, seed=0)
    for one in (undisturbed, again):
        race.seeded(0, 5)
        one.batches = iter([one.model.network.parameters().__next__().new_zeros(16, 1, 16, 16)])
        one.step()
    for ours, theirs in zip(undisturbed.model.network.parameters(), again.model.network.parameters(), strict=True):
        assert (ours == theirs).all()


def test_minutes_to_reach_lie_on_the_line_between_two_moments():
    assert minutes_to_reach([4, 1, 2], [0.9, 0.5, 0.6], 0.75) == ("", pytest.approx(3.0))
    assert minutes_to_reach([1, 2, 4], [0.5, 0.6, 0.9], 0.5) == ("<=", 1.0)
    assert minutes_to_reach([1, 2, 4], [0.5, 0.6, 0.9], 0.95) == (">", 4.0)
    assert minutes_to_reach([1, 2, 4], [0.5, 0.6, 0.9], 0.75, between=False) == ("", 4.0)
    assert minutes_to_reach([1, 2], [np.nan, 0.6], 0.3) == ("", pytest.approx(1.5))


def test_the_best_time_is_the_soonest_and_among_failures_the_longest_try():
    assert best([(">", 9.0), ("", 5.0), ("<=", 3.0)]) == ("<=", 3.0)
    assert best([(">", 3.0), (">", 12.0)]) == (">", 12.0)
    assert ratio(("", 6.0), ("", 2.0)) == "3.0"
    assert ratio((">", 12.0), ("<=", 2.0)) == "> 6.0"
    assert ratio(("<=", 3.0), ("<=", 2.0)) == ratio((">", 12.0), (">", 4.0)) == ""


def test_the_table_takes_the_shortest_of_our_runs_and_a_package_by_its_best_variant():
    courses = {
        "ours:epochs=1": [(1, 0.6)],
        "ours:epochs=2": [(2, 0.8)],
        "listing": [(1, 0.9), (2, 0.9)],
        "diffusers:width=8": [(3, 0.1), (6, 0.5)],
        "diffusers:width=16": [(3, 0.6), (6, 0.8)],
        "smalldiffusion": [(3, 0.2), (12, 0.3)],
    }

    def small(name, minutes):
        return 0.99 if (name, minutes) == ("listing", 1) else 0.2

    rows = [
        {
            "contender": name,
            "CPU min": m,
            "median overlap": v,
            "valid": 0.0,
            "overlap >= 0.8": 0.0,
            "under 30 px": small(name, m),
        }
        for name, course in courses.items()
        for m, v in course
    ]
    table = reach(pd.DataFrame(rows)).set_index("mark")
    assert table.loc["median overlap 0.7"].tolist() == ["2.0", "4.5 (2.2 x)", "1.8 (0.9 x)", "> 12.0 (> 6.0 x)"]
    assert table.loc["median overlap 0.9"].tolist() == ["> 2.0", "> 6.0", "2.0", "> 12.0"]
