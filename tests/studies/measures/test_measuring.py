"""From a run's files to its measures: small runs without warnings, and numbers that follow from what was planted."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from diffusion.schedules import schedule
from diffusion.store.files import read_json, sha256, write_array, write_json
from diffusion.store.locks import locked
from studies.measures.images import measure_each
from studies.measures.measuring import measure_data, measure_resampling, measure_run
from studies.measures.results import COLUMNS, DIGEST, of_samples, read_measures, read_table
from studies.measures.rulers.curve import loss_measures
from studies.measures.rulers.likelihood import LOGSNR_EDGES, bin_errors
from studies.planning.resolving import make_plan
from studies.report.tables import cells, measures
from triangles.datasets import write_dataset

LOSSES = ("epoch", "train_mean", "train_min", "train_max", "test_mean", "seconds", "test_seconds")


def curve(means, seconds=None):
    columns = dict.fromkeys(LOSSES, 1.0) | {"epoch": np.arange(1, len(means) + 1), "train_mean": means}
    return pd.DataFrame(columns | {"seconds": np.ones(len(means)) if seconds is None else seconds})


def left_by_a_run(run, samples):
    """The files of a run with these samples, a flat loss, and an eps error of t / 1000 at every step."""
    run.folder.mkdir(parents=True, exist_ok=True)
    write_array(run.folder / "samples.npy", samples.astype(np.float32))
    curve([0.1, 0.1]).to_csv(run.folder / "losses.csv", index=False)
    t = np.arange(1, 1001)
    write_array(run.folder / "likelihood.npy", np.column_stack([np.zeros(1000), t, t / 1000, np.ones(1000)]))
    terms = {"prior": 0.1, "steps": 1.0, "decoder": 0.5, "total": 1.6, "total_se": None, "images": 64}
    write_json(run.folder / "likelihood.json", terms)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The smoke plan with one small data set a preparation, its real images measured."""
    made = make_plan(scale="smoke", results=tmp_path_factory.mktemp("results"))
    for dataset in made.datasets:
        write_dataset(dataset.folder, replace(dataset.settings, count=40, test_count=24))
        measure_data(dataset)
    return made


@pytest.mark.parametrize("data", ["low", "high", "array"])
def test_real_images_measure_as_real_ones_do(plan, data):
    run = plan.cell(data, "linear")
    real = np.load(run.dataset.folder / "test.npy")
    left_by_a_run(run, real / 255)
    measure_run(plan, run)
    frame = read_measures(run)
    assert list(frame.columns) == [*COLUMNS, DIGEST]
    assert set(frame.data) == {data}
    values = frame.set_index("measure").value
    for name in ("iou_median", "ink", "clearly_gray_share", "background_haze", "nearest_training"):
        assert values[name] == pytest.approx(values[f"real_{name}"], nan_ok=True)
    assert values["excess_iou_median"] == pytest.approx(0)
    assert values["total_bits"] == pytest.approx(1.6)
    assert np.isnan(values["total_bits_se"])
    assert len(read_table(run.folder / "per-image.npz")) == len(real)


def test_other_samples_have_the_measures_of_images_and_leave_the_runs_own_alone(plan):
    one = next(one for one in plan.resampled if one.name == "noised")
    real = np.load(one.run.dataset.folder / "test.npy") / 255
    left_by_a_run(one.run, np.zeros_like(real))
    measure_run(plan, one.run)
    before = one.run.measure_file.read_bytes()
    write_array(one.samples_file, real.astype(np.float32))
    measure_resampling(one)
    values = read_measures(one).set_index("measure").value
    assert values["iou_median"] == values["real_iou_median"]
    assert "total_bits" not in values
    assert one.run.measure_file.read_bytes() == before


@pytest.mark.parametrize("samples", [np.zeros((3, 16, 16)), np.ones((1, 16, 16)), np.eye(16)[None] * 0.7])
def test_samples_of_a_failed_run_are_measured_without_warnings(plan, samples):
    run = plan.cell("array", "wave")
    left_by_a_run(run, samples)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure_run(plan, run)
    values = read_measures(run).set_index("measure")
    assert values.value["blank_share"] == float(not samples.any())
    assert values.n["blank_share"] == len(samples)


def test_measures_of_other_samples_than_stand_there_are_refused(plan):
    """As `diffusion sample` by hand leaves them, over samples that had been measured."""
    run = plan.cell("array", "linear")
    left_by_a_run(run, np.zeros((3, 16, 16)))
    told = run.folder / "samples.json"
    told.write_text(json.dumps({"files": {"samples.npy": sha256(run.samples_file)}}))
    measure_run(plan, run)
    assert of_samples(read_measures, run, run) is not None
    write_array(run.samples_file, np.ones((3, 16, 16), np.float32))
    told.write_text(json.dumps({"files": {"samples.npy": sha256(run.samples_file)}}))
    with pytest.raises(ValueError, match="of other samples"):
        of_samples(read_measures, run, run)


@pytest.mark.faults
def test_the_samples_that_were_read_are_the_ones_that_are_stamped(plan, monkeypatch):
    """Other samples come, by another command, once these are read: all values and the digest are of these."""
    run = plan.cell("low", "power-2")
    left_by_a_run(run, np.zeros((3, 16, 16)))
    measure_run(plan, run)
    alone = read_measures(run)

    def replaced_meanwhile(*given):
        with locked(run.folder):
            write_array(run.samples_file, np.ones((3, 16, 16), np.float32))
        return measure_each(*given)

    monkeypatch.setattr("studies.measures.measuring.measure_each", replaced_meanwhile)
    measure_run(plan, run)
    pd.testing.assert_frame_equal(read_measures(run), alone)
    write_json(run.folder / "samples.json", {"files": {"samples.npy": sha256(run.samples_file)}})
    with pytest.raises(ValueError, match="of other samples"):
        of_samples(read_measures, run, run)


@pytest.mark.parametrize("file", ["samples.json", "likelihood.json"])
def test_what_was_made_with_another_model_is_refused(plan, file):
    run = plan.cell("array", "linear")
    left_by_a_run(run, np.zeros((3, 16, 16)))
    (run.folder / "samples.json").write_text("{}")
    (run.folder / "run.json").write_text(json.dumps({"files": {"model.safetensors": "of this one"}}))
    record = read_json(run.folder / file)
    for model in ("of this one", "of another"):
        (run.folder / file).write_text(json.dumps(record | {"model": model}))
        if model == "of this one":
            measure_run(plan, run)
    with pytest.raises(ValueError, match=rf"{file} tells of another model"):
        measure_run(plan, run)


def test_samples_of_another_size_are_refused(plan):
    run = plan.cell("array", "wave")
    left_by_a_run(run, np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match="8"):
        measure_run(plan, run)


def test_real_images_measured_by_an_older_version_are_refused(plan):
    run = plan.cell("array", "wave")
    left_by_a_run(run, np.zeros((2, 16, 16)))
    whole = run.dataset.real_file.read_bytes()
    run.dataset.real_file.with_name(".real.json").unlink(missing_ok=True)  # older versions wrote none
    with np.load(run.dataset.real_file) as columns:
        np.savez(run.dataset.real_file, **{name: columns[name] for name in columns.files if name != "plain_iou"})
    try:
        with pytest.raises(ValueError, match=r"real\.npz has no column 'plain_iou'.*measure-data array-seed0"):
            measure_run(plan, run)
    finally:
        run.dataset.real_file.write_bytes(whole)


def test_errors_go_into_the_bins_of_their_log_snr(plan):
    run = plan.cell("array", "power-2")
    left_by_a_run(run, np.zeros((2, 16, 16)))
    _, mean, _, count = bin_errors(run)
    snr = schedule("power-2", 1000, 1e-4, 0.02).snr
    inside = (np.log(snr) >= LOGSNR_EDGES[8]) & (np.log(snr) < LOGSNR_EDGES[9])
    assert inside.sum() == count[8] > 10
    assert mean[8] == pytest.approx((np.flatnonzero(inside) + 1).mean() / 1000)
    assert count.sum() == 1000


def test_claims_are_remembered_as_of_the_first_measuring_of_this_training(plan):
    run = plan.cell("array", "linear")
    left_by_a_run(run, np.load(run.dataset.folder / "test.npy") / 255)
    measure_run(plan, run)
    path = run.folder / "claims.json"
    first = json.loads(path.read_text())
    assert first["studies"]["thesis"].keys() == {claim.id for claim in plan.study.claims}
    claims = [one.model_copy(update={"smallest": 9.0}) for one in plan.study.claims]
    changed = replace(plan, study=plan.study.model_copy(update={"claims": tuple(claims)}))
    left_by_a_run(run, np.zeros((2, 16, 16)))  # other samples of a model that has been judged
    measure_run(changed, run)
    assert json.loads(path.read_text()) == first
    curve([0.2, 0.1]).to_csv(run.folder / "losses.csv", index=False)
    measure_run(changed, run)
    assert json.loads(path.read_text()) != first


def test_loss_measures_of_known_curves():
    """Falling by half of its decades in the first quarter, then evenly or still; and a zigzag of 0.1 in log10."""
    means = [5.0, 0.1, 0.05, 0.02, 0.01, 0.01, 0.01, 0.01]
    values = {m.name: m.value for m in loss_measures(curve(means, [9, 1, 2, 3, 2, 1, 2, 2]), 100)}
    assert values["loss_fall_share"] == pytest.approx(0.5)
    assert values["loss_instability"] == pytest.approx(0, abs=1e-12)
    falling = {m.name: m.value for m in loss_measures(curve(10.0 ** -np.arange(8)), 100)}
    assert falling["loss_instability"] == pytest.approx(0, abs=1e-12)  # an even fall is no unrest
    assert values["seconds_per_epoch"] == 2
    assert (values["train_loss"], values["test_loss"]) == (0.01, 1.0)
    assert values["training_images_per_second"] == 50
    zigzag = {m.name: m.value for m in loss_measures(curve(10 ** (0.1 * (np.arange(200) % 2) - 1)), 100)}
    assert zigzag["loss_instability"] == pytest.approx(0.05, rel=0.02)
    for count in (1, 3, 6):
        short = {m.name: m.value for m in loss_measures(curve([0.1] * count), 100)}
        assert np.isnan(short["loss_fall_share"]) == (count < 4)
        assert np.isnan(short["loss_instability"])


def test_broken_tables_are_refused_in_a_line(tmp_path):
    (tmp_path / "per-image.npz").write_bytes(b"PK\x03\x04 not one")
    with pytest.raises(ValueError, match=r"per-image\.npz is not a whole table"):
        read_table(tmp_path / "per-image.npz")
    with pytest.raises(FileNotFoundError, match="measure first"):
        read_table(tmp_path / "none.npz")
    np.savez(tmp_path / "per-image.npz", ink=np.arange(3))
    assert list(read_table(tmp_path / "per-image.npz", "ink").ink) == [0, 1, 2]
    with pytest.raises(ValueError, match=r"per-image\.npz has no column 'iou'.*measure again"):
        read_table(tmp_path / "per-image.npz", "ink", "iou")


def test_the_tables_ask_for_measures_that_there_are(plan):
    run = plan.cell("array", "linear")
    left_by_a_run(run, np.load(run.dataset.folder / "test.npy") / 255)
    measure_run(plan, run)
    assert {*measures.SHOWN, *cells.SHOWN} <= set(read_measures(run).measure)
