"""Every way in which a study's models were sampled, as rows: how they started, by which sampler, in how many steps."""

import numpy as np

from studies.measures.results import of_samples, read_measures
from studies.report.needs import measure_files

__all__ = ["STARTS", "Way", "find_needs", "read_ways"]

STARTS = {"normal": "from N(0, I)", "matched": "from a matched Gaussian", "noised": "from the true x_T"}
MEASURES = ("member_share", "member_ink_share", "iou_median", "ink", "real_ink")


class Way:
    """A sampling of a model over its seeds. values: measure -> mean over the seeds; n: samples in all."""

    def __init__(self, first, frames: list):
        sampling = first.sampling
        self.data, self.model = _run_of(first).data, _run_of(first).model
        self.start = "noised" if getattr(first, "noised", False) else "matched" if _is(first, "matched") else "normal"
        self.steps = sampling.steps or _run_of(first).training.timesteps
        usual = sampling.variance in (None, "beta")
        self.sampler = sampling.sampler if usual else f"{sampling.sampler}, {sampling.variance}"
        self.seeds, self.n, self.values = len(frames), 0, {}
        for name in MEASURES:
            rows = [one[one.measure == name] for one in frames]
            found = [float(row.value.iloc[0]) for row in rows if len(row)]
            self.values[name] = float(np.mean(found)) if found else np.nan
            self.n = int(sum(row.n.iloc[0] for row in rows if len(row))) if name == "member_share" else self.n


def _is(one, how: str) -> bool:
    return bool(getattr(one, how, False))


def _run_of(one):
    return getattr(one, "run", one)


def read_ways(plan) -> list[Way]:
    """Read what was measured of each way of sampling, in the study's order; ways without a measure are left out."""
    found = {}
    for one in (*plan.grid, *plan.resampled):
        frame = of_samples(read_measures, one, one)
        if frame is not None:
            run = _run_of(one)
            name = "" if one is run else one.name
            found.setdefault((run.data, run.model, name), []).append((one, frame))
    return [Way(pairs[0][0], [frame for _, frame in pairs]) for pairs in found.values()]


def find_needs(plan) -> list:
    """Return the measures of the study's runs and of all their other samples."""
    return measure_files([*plan.grid, *plan.resampled])
