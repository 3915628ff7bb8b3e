"""Figures of measures and claims: the numbers shown are those measured, and nothing measured yet is shown as such."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from drawn import draw
from fake_results import make_samples
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from studies.measures.results import COLUMNS
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, shown
from studies.report.figures.images import neighbours
from studies.report.figures.images.neighbours import find_nearest, pair_up
from studies.report.figures.measures import noise, overlap
from studies.report.figures.measures.by_cell import average_by_cell
from studies.report.figures.measures.contrasts import scale_effects, tell_as_plotted
from studies.report.figures.measures.likelihood import compute_decoder_floor
from studies.report.figures.measures.population import estimate_density
from studies.report.palette import INK, READABLE, readable_on
from studies.report.tiles import Row
from studies.verdicts.judging import judge
from triangles.datasets import write_dataset
from triangles.exact.entropy import ENTROPIES

CLAIM = {
    "id": "one",
    "claim": "Something.",
    "source": "section 1",
    "kind": "difference",
    "measure": "plain_iou_0.8_share",
    "contrast": {"plus": [{"model": ["linear"]}], "minus": [{"model": ["wave"]}]},
    "smallest": 0.1,
    "why": "to test",
}


def test_other_samples_are_refused_where_there_is_one_way(plan, tmp_path):
    with pytest.raises(ValueError, match="resamples no cell"):
        shown(FIGURES, "other-samples", plan).inputs(plan)
    needed = shown(FIGURES, "other-samples", plan).inputs(make_plan(results=tmp_path))
    assert {path.parent.name.split("-")[0] for path in needed} == {"array"}


def test_long_names_of_other_samples_stay_left_of_the_images(tmp_path):
    content = {"title": "t", "question": "q", "data": {"array": {}}}
    content |= {"models": {"linear": {"label": "trained, power 10"}}}
    ways = {"matched-dpm-five": {"steps": 5}, "ddim-twenty": {"sampler": "ddim"}}
    content |= {"resampled": {name: {"sampling": one} for name, one in ways.items()}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results")
    write_dataset(plan.datasets[0].folder, plan.datasets[0].settings)
    for one in plan.resampled:
        make_samples(one, one.sampling)
    figure = draw("other-samples", plan)
    bars = min(one.get_window_extent().x0 for one in figure.artists if one.get_facecolor()[3])
    labels = [text for text in figure.texts if text.get_text().startswith(("matched", "ddim", "trained"))]
    assert len(labels) >= 4
    assert max(text.get_window_extent().x1 for text in labels) < bars


@pytest.fixture
def plan(tmp_path):
    """Two cells at three seeds with a share of 0.2 + seed / 10 for wave and twice that for linear."""
    content = {"title": "t", "question": "q", "claims": [CLAIM]}
    content |= {"data": {"array": {}}, "models": {"linear": {}, "wave": {}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    made = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results", (0, 1, 2))
    for run in made.grid:
        run.folder.mkdir(parents=True)
        value = (0.2 + run.seed / 10) * (1 + (run.model == "linear"))
        row = [run.data, run.model, "", run.seed, "plain_iou_0.8_share", value, "share", 50]
        pd.DataFrame([row], columns=COLUMNS).to_csv(run.folder / "measures.csv", index=False)
        (run.folder / "claims.json").write_text(json.dumps({"samples": "", "studies": {}}))
        (run.folder / "samples.npy").touch()
    return made


def test_the_mean_errors_drawn_are_those_recorded_of_fresh_statistics_alone(tmp_path):
    made = make_plan("renormed", "smoke", tmp_path)
    entry = shown(FIGURES, "mean-error", made)
    (one,) = [one for one in made.resampled if (one.run.data, one.run.model) == ("high", "wave")]
    assert one.files[-1] in entry.inputs(made)
    with pytest.raises(ValueError, match="statistics again"):
        entry.inputs(make_plan(results=tmp_path))
    one.run.folder.mkdir(parents=True)
    found = {"images": 60, "steps": [10, 20], "running": [0.1, 0.3], "anew": [0.0, -0.1]}
    timing = {"seconds": 1.0, "seconds_per_image": 0.1}
    one.files[-1].write_text(json.dumps(timing | {"mean_errors": found}))
    figure = draw("mean-error", made)
    drawn = [[list(line.get_ydata()) for line in axes.lines[:-1]] for axes in figure.axes]
    assert drawn == [[], [[0.1, 0.3], [0.0, -0.1]], []]
    assert any(text.get_text().startswith("Over 60 held-out images") for text in figure.texts)
    one.files[-1].write_text(json.dumps(timing | {"mean_errors": {"steps": [10]}}))
    with pytest.raises(ValueError, match=r"mean_errors\.running"):
        draw("mean-error", made)


@pytest.mark.parametrize("name", [one.name for one in make_plan().study.figures])
def test_every_figure_is_drawn_before_anything_is_made(name, tmp_path):
    assert draw(name, make_plan(results=tmp_path)).texts


def test_the_heat_map_shows_means_over_seeds(plan):
    assert average_by_cell(plan, "plain_iou_0.8_share") == pytest.approx(np.array([[0.6], [0.3]]))
    assert [text.get_text() for text in draw("overlap", plan).axes[0].texts] == ["0.60", "0.30", "–"]


def luminance(rgb):
    """WCAG 2.2, relative luminance."""
    return np.dot([0.2126, 0.7152, 0.0722], [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb])


@pytest.mark.parametrize(("figure", "least"), [(overlap, READABLE), (noise, 3.9)])
def test_numbers_in_a_heat_map_can_be_read(figure, least):
    """Dark or white, whichever has more contrast; in one shade of blue neither has the 4.5 that WCAG 2.2 asks for."""
    norm = figure.make_norm()
    for share in np.linspace(0, 1, 21):
        blue = colormaps["Blues"](norm(norm.vmax * share if figure is noise else share))[:3]
        under = luminance(blue) + 0.05
        contrasts = {"white": 1.05 / under, INK: under / (luminance(to_rgb(INK)) + 0.05)}
        assert contrasts[readable_on(blue)] == max(contrasts.values()) > least


def test_the_heat_map_says_how_many_were_left_out(plan):
    for run in plan.grid:
        table = pd.read_csv(run.folder / "measures.csv")
        row = table.iloc[0].replace({"plain_iou_0.8_share": "small_share"})
        table.loc[1] = row.replace({row.value: 0.1 * run.seed})
        table.to_csv(run.folder / "measures.csv", index=False)
    assert [text.get_text() for text in draw("overlap", plan).axes[0].texts] == ["0.60\n(10%)", "0.30\n(10%)", "–"]


def test_contrasts_show_each_seed_and_their_mean_in_smallest_effects(plan):
    _, _, points, interval, mean = draw("contrasts", plan).axes[0].lines
    assert list(points.get_xdata()) == pytest.approx([2, 3, 4])
    assert mean.get_xdata() == pytest.approx([3])
    low, high = interval.get_xdata()
    assert (3 - low, high - 3) == pytest.approx([2.484] * 2, abs=0.001)  # t of 2 degrees times 1 over the root of 3


def test_effects_are_positive_as_claimed(plan):
    claim = plan.study.claims[0]
    assert scale_effects(claim.model_copy(update={"direction": "below"}), [-0.2, 0.1]) == pytest.approx([2, -1])
    assert scale_effects(claim.model_copy(update={"kind": "equivalence", "smallest": 1.1}), [1.21]) == pytest.approx(
        [2]
    )


def test_contrasts_are_written_the_way_they_are_drawn(plan):
    claim = plan.study.claims[0]
    below = {"direction": "below"}
    assert tell_as_plotted(plan, claim) == "linear − wave"
    assert tell_as_plotted(plan, claim.model_copy(update=below)) == "wave − linear"
    level = claim.contrast.model_copy(update={"minus": (), "level": 0.5})
    assert tell_as_plotted(plan, claim.model_copy(update=below | {"contrast": level})) == "0.5 − linear"


def test_contrasts_say_outcome_and_p_without_a_hue(plan):
    axes = draw("contrasts", plan).axes[0]
    words = [text.get_text() for text in axes.texts]
    (one,) = judge(plan)
    assert one.fragile  # three seeds cannot spare one
    assert words == ["one", "linear − wave", f"{one.outcome}*", f"p = {one.p_holm:.2g}"]
    shades = [to_rgb(artist.get_color()) for artist in (*axes.lines, *axes.texts)]
    assert max(np.ptp(shade) for shade in shades) < 0.1


def test_likelihood_shows_the_spread_over_seeds_and_the_prior_as_a_number(plan):
    for run in plan.grid:
        rows = {"decoder_bits": 1.0, "steps_bits": 1.0 + run.seed, "prior_bits": 3e-5}
        rows |= {"total_bits": sum(rows.values()), "total_bits_se": 9.0}
        table = [[run.data, run.model, "", run.seed, name, value, "bits", 50] for name, value in rows.items()]
        pd.DataFrame(table, columns=COLUMNS).to_csv(run.folder / "measures.csv", index=False)
    figure = draw("likelihood", plan)
    axes = figure.axes[0]
    assert [text.get_text().strip() for text in axes.texts if "±" in text.get_text()] == ["3.0 ± 1.0"] * 2
    assert [text.get_text() for text in axes.texts].count("3·10⁻⁵") == 2
    assert list(axes.lines[0].get_xdata()) == pytest.approx([2, 3, 4], abs=1e-4)
    size = plan.grid[0].dataset.settings.size
    floors = [line for line in axes.lines if line.get_linewidth() == 2 and len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in floors] == pytest.approx([ENTROPIES[size] / size**2] * 2)
    *terms, floor = figure.legends[0].get_texts()
    assert floor.get_text() == f"entropy of the data: array {ENTROPIES[size] / size**2:.2g}"
    terms = zip(figure.legends[0].get_patches(), terms, strict=True)
    told = {patch.get_alpha(): text.get_text() for patch, text in terms}
    widths = {told[bar.get_alpha()]: bar.get_width() for bar in axes.patches}
    assert widths == pytest.approx({"$L_0$": 1, "$L_1$ to $L_{T-1}$": 2, "$L_T$": 3e-5})
    for run in plan.grid[2:]:  # all seeds but the first: what is left to tell is twice the error over images
        run.samples_file.unlink()
    alone = [text.get_text().strip() for text in draw("likelihood", plan).axes[0].texts]
    assert [text for text in alone if "±" in text] == ["2 ± 18"] * 2


def test_bounds_orders_of_magnitude_apart_are_seen_on_a_logarithmic_axis(plan):
    bits = {"linear": 0.6, "wave": 20.0}
    for run in plan.grid:
        rows = {"decoder_bits": bits[run.model] / 2, "prior_bits": bits[run.model] / 2, "total_bits": bits[run.model]}
        table = [[run.data, run.model, "", run.seed, name, value, "bits", 50] for name, value in rows.items()]
        pd.DataFrame(table, columns=COLUMNS).to_csv(run.folder / "measures.csv", index=False)
    axes = draw("likelihood", plan).axes[0]
    assert axes.get_xscale() == "log"
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.6, 20])
    low, high = axes.get_xlim()
    size = plan.grid[0].dataset.settings.size
    assert low < ENTROPIES[size] / size**2 < 0.6 < 20 < high


def test_long_facts_below_a_figure_stay_on_it(plan):
    for run in plan.grid:
        table = [[run.data, run.model, "", run.seed, "total_bits", 9.0, "bits", 50]]
        pd.DataFrame(table, columns=COLUMNS).to_csv(run.folder / "measures.csv", index=False)
    figure = draw("likelihood", replace(plan, scale=plan.scale.model_copy(update={"seeds": tuple(range(6))})))
    facts = figure.texts[-1]
    assert "guessing, 8" in facts.get_text()
    assert facts.get_window_extent().x1 < 0.99 * figure.bbox.x1


def test_the_loss_stands_beside_the_floor_of_the_sets_own_pixels(plan):
    """Pixels that are on in a quarter of the images have a variance of 3/4 in [-1, 1], half of them never vary: at a
    log-SNR of -12 the error is 3/8 of abar."""
    folder = plan.grid[0].dataset.folder
    folder.mkdir(parents=True)
    images = np.zeros((8, 4, 4), np.uint8)
    images[:2, :2] = 255
    np.save(folder / "test.npy", images)
    floor = draw("loss-logsnr", plan).axes[0].lines[0].get_ydata()
    assert floor[0] == pytest.approx(0.375 * np.exp(-12), rel=1e-3)


def test_features_run_between_the_ends_that_geometry_sets(plan):
    ends = [axes.get_xlim()[1] for axes in draw("population", plan).axes]
    assert ends == pytest.approx([0.5**0.5, 60, 180, 2 + 2**0.5])


def test_the_decoders_floor_is_what_its_noise_costs():
    """sigma_1 = 0.01 and half a level of 1/255: Phi(0.392) = 0.6525 of the mass, 0.616 bits."""
    training = make_plan().grid[0].training
    assert compute_decoder_floor(training) == pytest.approx(0.616, abs=5e-4)
    unit = training.model_copy(update={"value_range": "unit"})  # half the distance between levels: Phi(0.196) = 0.5777
    assert compute_decoder_floor(unit) == pytest.approx(0.792, abs=5e-4)


def test_the_nearest_training_image_is_the_one_with_the_fewest_other_pixels():
    train = np.random.default_rng(0).integers(0, 2, (20, 8, 8), np.uint8) * 255
    image = train[7].copy()
    image[0, 0] = 255 - image[0, 0]
    assert find_nearest(image, train) == 7


def test_distributions_are_of_their_own_cell_its_large_images_alone(tmp_path):
    """An overlap that names set, model and seed, of an image of 30 px; 0.99 of one that is too small to be shown."""
    plan = make_plan("thesis", "smoke", tmp_path, (0, 1))
    sets, models = plan.data_names, plan.model_names

    def named(of_set, of_model, seed=0):
        return 0.3 + sets.index(of_set) / 10 + models.index(of_model) / 100 + seed / 1000

    for run in plan.grid:
        for folder in (run.folder, run.dataset.folder):
            folder.mkdir(parents=True, exist_ok=True)
        run.samples_file.touch()
        overlaps = [0.99, named(run.data, run.model, run.seed)]
        np.savez(run.folder / "per-image.npz", ink=[29, 30], plain_iou=overlaps)
        np.savez(run.dataset.real_file, ink=[29, 30], plain_iou=[0.99, 0.8 + sets.index(run.data) / 100])
    for i, (axes, name) in enumerate(zip(draw("overlap", plan).axes[2:], sets, strict=True)):
        *lines, real = axes.lines
        assert list(real.get_xdata()) == [-np.inf, *[pytest.approx(0.8 + i / 100)] * 2]
        for line, one in zip(lines, models, strict=True):
            assert line.get_color() == plan.colour(one)
            assert list(line.get_xdata()) == [-np.inf, *(pytest.approx(named(name, one, seed)) for seed in (0, 1))]
            assert list(line.get_ydata()) == [0, 0.5, 1]


def test_a_density_keeps_all_of_its_weight_between_the_ends():
    values, x = np.random.default_rng(0).random(400) ** 2, np.linspace(0, 1, 1001)
    assert np.trapezoid(estimate_density(values, x), x) == pytest.approx(1, abs=0.005)
    assert np.trapezoid(estimate_density(1 - values, x), x) == pytest.approx(1, abs=0.005)


def test_the_most_suspicious_sample_comes_first_above_its_nearest_image(monkeypatch):
    """Distances 9, 1 and 4 px of 16: ratios 3/4, 1/4 and 1/2."""
    train = np.eye(6, dtype=np.uint8)[:, None, None, :].repeat(6, axis=2) * 255
    monkeypatch.setattr(neighbours, "read_images", lambda path: train)
    table = pd.DataFrame({"ink": 6, "nearest": [9, 1, 4], "second_nearest": 16})
    own, nearest = pair_up(Row("x", list(train[:3, 0])), table, make_plan().datasets[0])
    assert nearest.notes == ["1 px · 0.25", "4 px · 0.50", "9 px · 0.75"]
    for row in (own, nearest):
        assert np.array_equal(row.tiles, train[[1, 2, 0], 0])
