"""What came out, in sentences: the best and the worst cell are named, with the means that were planted."""

import pandas as pd

from studies.measures.measuring import COLUMNS
from studies.planning.resolving import make_plan
from studies.report.answer import answer


def test_the_best_and_the_worst_cell_are_named_with_their_means(tmp_path):
    plan = make_plan("thesis", "smoke", tmp_path, (0, 1))
    assert answer(plan) == []
    for run in plan.grid:
        run.folder.mkdir(parents=True)
        run.samples_file.touch()
        share = 0.5 + 0.1 * run.seed
        share += {("wave", "high"): 0.2, ("power-10", "low"): -0.4}.get((run.schedule, run.preparation), 0)
        values = {"plain_iou_0.8_share": share, "plain_iou_0.9_share": share / 2, "small_share": share / 10}
        values |= {f"real_{name}": value for name, value in zip(values, (0.99, 0.9, 0.17), strict=True)}
        rows = [[run.preparation, run.schedule, run.seed, name, value, "share", 50] for name, value in values.items()]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(run.measure_file, index=False)
    first, second = answer(plan)
    assert "0.75 overlap" in first
    assert "best cell, wave on the 720 px set, and 0.15 in the worst, power-10 on the low resolution set" in first
    assert "are 0.38 at most, wave on the 720 px set; of real images 0.90" in first
    assert second == "Of all samples of a cell 0.01 to 0.07 have less than 30 px of ink, of real images 0.17."
