import math

import numpy as np
import pandas as pd
import pytest
from fake_results import SLOPE, START, losses, make_results

from diffusion.store.files import read_json, write_json
from studies.planning.resolving import make_plan
from studies.registries import TABLES, describe
from studies.report.tables import formatting
from studies.report.tables.losses import fit_slope


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    plan = make_plan("thesis", "smoke", tmp_path_factory.mktemp("results"))
    make_results(plan)
    losses(60).to_csv(plan.run("low-wave-seed0").folder / "losses.csv", index=False)
    (plan.run("array-wave-seed0").folder / "losses.csv").unlink()
    (plan.run("array-wave-seed0").folder / "samples.json").unlink()
    return plan


def row(frame, **wanted):
    found = frame[np.logical_and.reduce([frame[name] == value for name, value in wanted.items()])]
    assert len(found) == 1
    return found.iloc[0]


def test_slope_is_of_the_last_tenth_alone():
    epochs = np.arange(1, 101)
    values = np.where(epochs > 90, 5 - 0.25 * epochs, 1000.0)
    assert fit_slope(epochs, values) == pytest.approx(-0.25)
    assert fit_slope(epochs, values, share=0.5) != pytest.approx(-0.25)
    assert fit_slope([1, 2, 3], [9, 4, 3]) == pytest.approx(-1)  # two at the least
    assert math.isnan(fit_slope([1], [0.5]))


def test_losses_are_those_of_the_last_epoch_and_the_best(plan):
    frame = TABLES["losses"].make(plan)
    assert len(frame) == len(plan.runs)
    one = row(frame, data="low", model="wave")
    assert one.train_mean == pytest.approx(START + 60 * SLOPE)
    assert (one.train_min, one.train_max) == pytest.approx((one.train_mean / 2, one.train_mean * 2))
    assert one.test_mean == pytest.approx(one.train_mean + 0.58)
    assert one.best_epoch == 2
    assert one.best_test_mean == pytest.approx(START + 2 * SLOPE)
    assert one.slope == pytest.approx(SLOPE)


def test_a_missing_cell_keeps_its_row(plan):
    frame = TABLES["losses"].make(plan)
    assert np.isnan(row(frame, data="array", model="wave")[["train_mean", "slope"]].astype(float)).all()
    assert frame.train_mean.isna().sum() == 1
    times = row(TABLES["time"].make(plan), data="array", model="wave")
    assert np.isnan(times.sampling_s)
    assert times.training_s == 9.0


def test_times_count_images_a_second(plan):
    one = row(TABLES["time"].make(plan), data="high", model="power-2")
    assert (one.training_s, one.test_s, one.sampling_s) == (9.0, 3.0, 2.0)
    assert one.training_images_per_s == pytest.approx(256 * 6 / 9.0)
    assert one.test_images_per_s == pytest.approx(64 * 6 / 3.0)
    assert one.sampling_images_per_s == pytest.approx(16 / 2.0)
    longer = TABLES["time"].make(plan).query("epochs == 11")
    assert longer.training_s.tolist() == [16.5]


def test_an_epochs_time_leaves_the_first_out_and_knows_loading_where_it_was_recorded(plan):
    path = plan.run("low-linear-seed0").folder / "losses.csv"
    kept, frame = path.read_bytes(), losses(4)
    frame["seconds"] = [9.0, 2.0, 4.0, 3.0]
    try:
        frame.to_csv(path, index=False)
        one = row(TABLES["time"].make(plan), data="low", model="linear")
        assert (one.epoch_s, one.loading_s, one.epoch_images_per_s) == (3.0, 0.25, 256 / 3)
        frame.drop(columns="loading_seconds").to_csv(path, index=False)  # as runs of old left them
        one = row(TABLES["time"].make(plan), data="low", model="linear")
        assert one.epoch_s == 3.0
        assert np.isnan(one.loading_s)
    finally:
        path.write_bytes(kept)


def test_data_facts_are_those_of_the_images(plan):
    frame = TABLES["data"].make(plan)
    images = np.load(plan.dataset("high-seed0").folder / "test.npy")
    one = row(frame, data="high", part="test")
    assert one.covered == pytest.approx(images.mean() / 255)
    assert one.gray == pytest.approx(((images > 0) & (images < 255)).mean())
    assert (one.draw_px, one.px, one.images, one.format) == (720, 16, 64, "jpeg")
    assert frame[frame.data == "array"].gray.tolist() == [0, 0]


def test_schedule_facts_hold_the_known_values(plan):
    frame = TABLES["schedules"].make(plan).set_index("model")
    assert frame.loc["linear", "abar_T"] == pytest.approx(4.04e-5, rel=0.01)
    assert frame.loc["power-10", "L_T (bits/dim)"] == pytest.approx(0.1135, rel=0.01)
    assert frame.index[frame["far from noise"]].tolist() == ["power-10"]


def test_csv_keeps_every_digit_and_markdown_lines_up(tmp_path):
    frame = pd.DataFrame({"name": ["a|b", "ü"], "seconds_per_image": [1 / 3, 2e-3], "n": [1, 20]})
    csv, text = formatting.save(frame, tmp_path / "table", make_plan(results=tmp_path))
    assert pd.read_csv(csv).equals(frame)
    head, rule, *rows = text.read_text(encoding="utf-8").splitlines()
    assert {len(line) for line in (head, rule, *rows)} == {len(head)}
    assert [len(line.replace("\\|", "").split("|")) for line in (head, rule, *rows)] == [5] * 4
    assert head.split()[3:5] == ["seconds/image", "|"]
    assert rule.split("|")[2].strip().endswith("-:")
    assert "0.3333" in rows[0]
    assert [path.name for path in tmp_path.glob(".*")] == [".table.json"]


def test_numbers_of_like_size_share_their_decimals():
    frame = pd.DataFrame(
        {
            "like": [0.034567, 0.1, np.nan],
            "whole": [10000.0, 2.0, np.nan],
            "wide": [4.0361e-05, 0.14561, 0.0],
            "endless": [-np.inf, np.inf, 0.0],
            "yes": [True, False, True],
            "word": ["x", None, "z"],
        }
    )
    columns = list(zip(*formatting.round_cells(frame), strict=True))
    assert columns[0] == ("0.0346", "0.1000", "–")
    assert columns[1] == ("10000", "2", "–")
    assert columns[2] == ("4.04e−05", "0.146", "0")
    assert columns[3] == ("−∞", "∞", "0")
    assert columns[4] == ("yes", "no", "yes")
    assert columns[5] == ("x", "–", "z")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("run.json", {"seconds": 5}),
        ("run.json", {"settings": 3}),
        ("samples.json", {"seconds_per_image": 0}),
        ("samples.json", {"seconds": None}),
    ],
)
def test_a_record_that_was_edited_is_refused_by_its_key(file, change, plan):
    path = plan.grid[0].folder / file
    whole = path.read_bytes()
    write_json(path, read_json(path) | change)
    try:
        with pytest.raises(ValueError, match=rf"{file} .*{next(iter(change))}"):
            TABLES["time"].make(plan)
    finally:
        path.write_bytes(whole)


def test_people_read_labels_and_measures_in_words_and_programs_their_names(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path)
    make_results(plan, measured=True)
    csv, text = formatting.save(TABLES["cells"].make(plan), tmp_path / "cells", plan)
    frame = pd.read_csv(csv)
    assert frame[["data", "model"]].drop_duplicates().apply(tuple, axis=1).tolist() == list(plan.cells)
    assert "plain_iou_0.8_share" in frame
    head, _, first, *_ = text.read_text(encoding="utf-8").splitlines()
    assert f" {describe('plain_iou_0.8_share').words} " in head
    assert first.split("|")[1].strip() == plan.label(plan.data_names[0])


def test_a_verdict_s_measure_is_told_in_words(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path)
    frame = pd.DataFrame(
        {"measure": ["small_share", "linear-before-cosine", None], "model": ["wave", "linear", "power-2"]}
    )
    told = formatting.name_members(frame, plan)
    assert told.measure.tolist()[:2] == [describe("small_share").words, "linear-before-cosine"]
    assert told.model.tolist() == ["wave", "linear", "power-2"]


def test_equal_values_have_no_spread_but_rounding():
    assert formatting.with_spread(0.3, 5e-17) == "0.3"
    assert formatting.with_spread(0.3, 5e-7) == "0.30000000 ± 0.00000050"
