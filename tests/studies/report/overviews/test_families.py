"""Figure `families`: a row a cell and one for each other way of sampling it, with what each of them has."""

from itertools import pairwise

import numpy as np
import pytest
from axes import measured
from matplotlib.backends.backend_agg import FigureCanvasAgg

from diffusion.store.files import write_json
from studies.planning.resolving import make_plan
from studies.registries import FIGURES, shown
from studies.report.rows import find_rows


@pytest.fixture
def plan(tmp_path):
    """The study `families`, two seeds, in which the other way is ten times as fast and half as clean."""
    plan = make_plan("families", "smoke", tmp_path, (0, 1))
    for one in [*plan.grid, *plan.resampled]:
        run, other = getattr(one, "run", one), one in plan.resampled
        run.folder.mkdir(parents=True, exist_ok=True)
        values = {"clean_of_all": (0.2 + 0.1 * run.seed) / (1 + other), "real_clean_of_all": 0.96}
        measured(run, values).to_csv(one.measure_file, index=False)
        one.samples_file.touch()
        seconds = 0.1 if run.model == "linear" else 0.001
        told = {"count": 4, "seconds": 1.0, "seconds_per_image": seconds / 10**other, "sha256": {}}
        write_json(one.samples_file.with_suffix(".json"), told)
    return plan


def test_each_way_of_sampling_has_a_row_below_its_cell(plan):
    entry = shown(FIGURES, "families", plan)
    quality, _, _, speed, _ = entry.make(plan).axes
    names = [label.get_text() for label in quality.get_yticklabels()]
    assert names[:3] == ["diffusion", "dpm-twenty", "VAE"]
    assert len(names) == len(plan.cells) + len({(one.run.data, one.name) for one in plan.resampled})
    rows = quality.get_yticks()
    assert middles(quality, rows)[:3] == pytest.approx([0.25, 0.125, 0.25])
    assert middles(speed, rows)[:3] == pytest.approx([10, 100, 1000])
    assert {path.name for path in entry.inputs(plan)} >= {"measures.csv", "dpm-twenty-measures.csv", "dpm-twenty.json"}


def test_a_measure_that_some_seeds_lack_says_how_many_have_it(plan):
    for run in plan.grid:
        known = {"coverage": 0.5} if run.seed or run.model == "vae" else {}
        measured(run, {"clean_of_all": 0.2} | known).to_csv(run.measure_file, index=False)
    coverage = shown(FIGURES, "families", plan).make(plan).axes[2]
    cells = [cell for cell in plan.cells if cell[1] != "vae"]
    assert [text.get_text() for text in coverage.texts].count("1 of 2") == len(cells)


def test_other_samples_are_of_the_set_that_is_asked_for_or_of_the_last(plan):
    for name, data in (("other-samples-array", "array"), ("other-samples", "high")):
        files = shown(FIGURES, name, plan).inputs(plan)
        assert {path.parent.name.split("-")[0] for path in files} == {data}
    with pytest.raises(ValueError, match="low"):
        shown(FIGURES, "other-samples-low", plan)


def test_a_bound_far_beyond_all_others_is_an_arrow_at_the_end_of_its_axis(plan):
    for run in plan.grid:
        broken = run.model == "flow" and run.data == "high" and run.seed == 1
        measured(run, {"total_bits": 2e7 if broken else 0.1 * (1 + run.seed)}).to_csv(run.measure_file, index=False)
    figure = shown(FIGURES, "families", plan).make(plan)
    bits = figure.axes[4]
    assert [float(x) for line in bits.lines if line.get_marker() == ">" for x in line.get_xdata()] == [100, 100]
    assert bits.get_xlim()[1] < 300
    assert figure.texts[-1].get_text().endswith("▸: beyond 100")
    FigureCanvasAgg(figure).draw()
    labels = [label.get_window_extent() for label in bits.get_xticklabels() if label.get_text()]
    assert not [one for one, two in pairwise(sorted(labels, key=lambda box: box.x0)) if one.overlaps(two)]


def test_models_that_are_called_alike_share_a_row_where_their_data_differ(plan):
    rows = find_rows(plan)
    assert rows["exact"] == {"array": "exact", "high": "exact-720"}
    assert list(rows) == [name for name in plan.model_names if name != "exact-720"]
    assert {(data, model) for row in rows.values() for data, model in row.items()} == set(plan.cells)


def middles(axes, rows) -> list:
    """Where the diamonds lie, row by row."""
    found = {float(y): float(x) for line in axes.lines if line.get_marker() == "D" for x, y in line.get_xydata()}
    return [found[min(found, key=lambda y, at=at: abs(y - at))] for at in np.asarray(rows)]
