"""What is trained, sampled, bounded, measured and judged stays what it was recorded to be."""

import json

import numpy as np
import pandas as pd
import pytest
from golden_cells import CELLS
from golden_studies import MANIFESTS, MEASURED, REFERENCE, judge_again, make_measures
from record import ARRAYS, NUMBERS, digest, make_cell, make_data, signature

GOLDEN = json.loads(NUMBERS.read_text())
SAME = GOLDEN["machine"] == signature()  # then to the byte, else to a tolerance

# On other machines, of the largest value of an array, or of 1 where all are smaller. Measured at most with
# ATEN_CPU_CAPABILITY=default and ONEDNN_MAX_CPU_ISA=SSE41, alone and together: weights 1e-5, losses 2e-6, frames 2e-6,
# samples 3e-5, pairs and curves 4e-7, numbers 5e-6, measures 1.2e-5; on an AMD EPYC with AVX512 losses 2.9e-5 and
# frames 4.7e-5, of a longer run by Muon. Samples differ most: frames of models that are barely trained reach far beyond
# 1, and samples are what of their ends lies within 0 to 1. The recorded weights, put into the runs, made samples no
# nearer.
TOLERANCE = {"weights": 1e-4, "losses": 1e-4, "frames": 1e-4, "samples": 2e-4, "pairs": 5e-6, "curve": 5e-6}
NUMBER, MEASURE, VERDICT = 5e-5, 1e-4, 1e-12
# A bias before a group norm has no gradient but rounding, which Adam's steps make as large as any: so up to 0.7% of
# the residual network's weights were farther off, by up to 0.004.
ASTRAY, FARTHEST = 0.03, 0.02


@pytest.fixture(scope="module")
def arrays():
    with np.load(ARRAYS) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("golden")


@pytest.fixture(scope="module")
def data(folder):
    """Make the data sets, in the folder."""
    return make_data(folder)


def under(name, found):
    """Pick what belongs to a cell, or to the data."""
    return {key: value for key, value in found.items() if key.startswith(f"{name}/")}


def differing(made, golden):
    """Say of each array that differs by how much; nothing of those that are as they were."""
    assert sorted(made) == sorted(golden)
    return {key: how for key, value in made.items() if (how := difference(key, value, golden[key]))}


def difference(key, made, golden):
    """Say how an array differs from the recorded one; None where it does not."""
    if digest(made) == GOLDEN["arrays"][key]:
        return None
    if (made.shape, made.dtype) != (golden.shape, golden.dtype):
        return f"{made.shape} {made.dtype}, not {golden.shape} {golden.dtype}"
    apart = distances(made, golden)
    if not SAME and made.dtype.kind == "f" and is_near(key, apart):
        return None
    return f"{np.count_nonzero(apart)} of {apart.size} values, by up to {apart.max():.3g}"


def distances(made, golden):
    """Measure how far values are apart, by the largest of them; infinitely where one is NaN alone."""
    made, golden = made.astype(np.float64), golden.astype(np.float64)
    scale = max(1.0, np.abs(np.nan_to_num(golden)).max())
    both = np.isnan(made) & np.isnan(golden)
    return np.where(both, 0.0, np.nan_to_num(np.abs(made - golden) / scale, nan=np.inf))


def is_near(key, apart):
    """Whether an array made on another machine is as near as can be asked."""
    cell, kind = key.split("/")[0], key.split("/")[-1].split("-")[0]
    near = apart <= TOLERANCE[kind]
    if kind == "weights" and CELLS[cell].network == "residual":
        return 1 - near.mean() <= ASTRAY and apart.max() <= FARTHEST
    return near.all()


def not_close(made, golden, tolerance):
    """Pick the numbers that differ, None among them; by no bit on the same machine."""
    assert sorted(made) == sorted(golden)
    return {key: (value, golden[key]) for key, value in made.items() if not close(value, golden[key], tolerance)}


def close(made, golden, tolerance):
    made, golden = np.array(made, np.float64), np.array(golden, np.float64)
    apart = np.inf if made.shape != golden.shape else distances(made, golden)
    return np.max(apart) <= (0 if SAME else tolerance)


def test_data_sets_are_the_recorded_ones(data, arrays):
    assert differing(data, under("data", arrays)) == {}


@pytest.mark.parametrize("name", CELLS)
def test_cell_comes_out_as_recorded(name, folder, data, arrays):
    made, numbers = make_cell(folder, name)
    assert differing(made, under(name, arrays)) == {}
    assert not_close(numbers, under(name, GOLDEN["numbers"]), NUMBER) == {}


def test_measures_are_the_recorded_ones(folder):
    made, golden = make_measures(folder, MEASURED), GOLDEN["measures"]
    assert sorted(made) == sorted(golden)
    for name, rows in golden.items():
        assert {key: row[1:] for key, row in made[name].items()} == {key: row[1:] for key, row in rows.items()}
        values, wanted = ({key: row[0] for key, row in of.items()} for of in (made[name], rows))
        assert not_close(values, wanted, MEASURE) == {}, name


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: str(path.parent.relative_to(REFERENCE)))
def test_committed_measures_give_the_committed_verdicts(manifest, tmp_path):
    made, committed = judge_again(manifest, tmp_path / "results")
    told = zip(made.evidence, committed.evidence, committed.measure, strict=True)
    for evidence, before, measure in told:  # what people call a measure may change, and nothing after it
        assert evidence.endswith(before.removeprefix(f"{str(measure).replace('_', ' ')}: "))
    made, committed = (table.drop(columns="evidence") for table in (made, committed))
    pd.testing.assert_frame_equal(made, committed, rtol=VERDICT, atol=0, check_exact=False)
