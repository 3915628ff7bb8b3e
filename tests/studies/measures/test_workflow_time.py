"""What the jobs cost: sums of the benchmark files that are there, and how many are not."""

import re

import numpy as np
import pytest
from project import ROOT

from studies.measures.jobs import benchmarks, duration, workflow_time
from studies.planning.resolving import make_plan
from studies.registries import FIGURES

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def plan(tmp_path):
    """Training job i took i minutes of wall time and i seconds of CPU; that of the fourth run was made elsewhere."""
    plan = make_plan("thesis", "smoke", tmp_path)
    for i, path in enumerate(benchmarks(plan)["train"]):
        path.parent.mkdir(parents=True, exist_ok=True)
        if i != 3:
            path.write_text(f"{HEAD}{60 * i}.0\t0:0{i}:00\t{100 + i}\t0\t0\t0\t0\t0\t50\t{i}\n")
    benchmarks(plan)["generate"][0].write_text(f"{HEAD}0.04\t0:00:00\tNA\tNA\tNA\tNA\t-\t-\t0.00\tNA\n")
    return plan


def words(figure):
    return " ".join(text.get_text() for text in (*figure.texts, *figure.axes[0].texts))


def test_time_is_added_up_over_the_jobs_that_were_timed(plan):
    table = workflow_time(plan).set_index("rule")
    train = table.loc["train"]
    assert (train.timed, train.jobs) == (15, 16)
    assert (train.wall_s, train.cpu_s, train.longest_s) == (60 * (120 - 3), 120 - 3, 900)
    assert train.memory_mb == 115
    assert table.loc["generate", "wall_s"] == 0.04
    assert np.isnan(table.loc["generate", "memory_mb"])
    assert np.isnan(table.loc["sample", "wall_s"])


def test_the_figure_says_how_many_jobs_it_knows(plan):
    figure = FIGURES["workflow-time"].make(plan)
    assert "15 of 16 jobs: 117 min, CPU 117 s" in words(figure)
    assert "16 of 100 jobs timed" in words(figure)
    assert max(bar.get_width() for bar in figure.axes[0].patches) == pytest.approx(117)  # minutes
    assert "0 of 100 jobs timed" in words(FIGURES["workflow-time"].make(make_plan(results=plan.folder / "none")))


def test_a_file_that_is_no_benchmark_is_named(plan):
    path = benchmarks(plan)["train"][0]
    path.write_text("nothing of the sort")
    with pytest.raises(ValueError, match=path.name):
        workflow_time(plan)


def test_benchmark_files_are_those_that_the_workflow_writes():
    """A file named otherwise in the Snakefile would leave the figure empty."""
    plan = make_plan()
    jobs = [{"dataset": one.name} for one in plan.datasets] + [{"run": one.name} for one in plan.runs]
    jobs += [{"run": one.run.name, "other": one.name} for one in plan.resampled]
    written = re.findall(r'TIMES / "(.+)"', (ROOT / "Snakefile").read_text())
    names = {one.format(**job) for one in written for job in jobs if set(re.findall(r"{(\w+)}", one)) == set(job)}
    assert {path.name for paths in benchmarks(plan).values() for path in paths} == names


def test_durations_read_as_people_say_them():
    assert [duration(s) for s in (8, 119, 120, 7199, 7200)] == ["8 s", "119 s", "2 min", "120 min", "2.0 h"]
