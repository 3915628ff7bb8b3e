"""What of a study's grid is not there, the command that makes it, and what it costs by the runs of its kind."""

import shlex
from statistics import median

from diffusion.store.records import LikelihoodRecord, RunRecord, SamplesRecord, read_record
from studies.measures.results import absence, or_hole
from studies.planning.estimating import find_kind
from studies.report.commands import format_config

__all__ = ["list_missing"]

SAMPLING, BOUND = "samples.json", "likelihood.json"  # last of a run's samples, and of its bound, to be written
UNMEASURED = "not measured"  # which takes seconds


def list_missing(plan) -> list[dict]:
    """List the runs and other samplings that are not there: what, why, made by which command, in how many seconds.

    seconds: by the medians of the runs of its kind that are there, or else of all, on their device; None where none is.
    What hangs on a model that is not kept costs its training too.
    """
    paces = _find_paces(plan)
    told = []
    for run in plan.runs:
        if reason := absence(run, SAMPLING):
            seconds = _cost(paces, run, _train(run), *_draw(run, run.sampling), ("bound", 1))
            told.append(_tell(plan, run.name, reason, run.measure_file, seconds))
        elif not run.measure_file.exists():
            told.append(_tell(plan, run.name, UNMEASURED, run.measure_file, None))
    for one in plan.resampled:
        if not one.files[-1].exists():
            again = [] if _is_kept(one.run) else [_train(one.run)]
            reason = "its model is not kept, or not trained" if again else "not sampled"
            seconds = _cost(paces, one.run, *again, *_draw(one.run, one.sampling))
            told.append(_tell(plan, f"{one.run.name}, samples {one.name}", reason, one.measure_file, seconds))
        elif not one.measure_file.exists():
            told.append(_tell(plan, f"{one.run.name}, samples {one.name}", UNMEASURED, one.measure_file, None))
    return told


def _tell(plan, name, reason, target, seconds) -> dict:
    command = f"snakemake --cores all --config {format_config(plan.flags)} -- {shlex.quote(str(target))}"
    return {"name": name, "why": reason, "made by": command, "seconds": None if seconds is None else round(seconds)}


def _train(run) -> tuple[str, float]:
    """Return what training takes: all epochs but those of the model that it goes on from, where that is kept."""
    shared = run.start_from.training.epochs if run.start_from and _is_kept(run.start_from) else 0
    return "epoch", run.training.epochs - shared


def _is_kept(run) -> bool:
    return all(path.exists() for path in run.files)


def _draw(run, sampling) -> list[tuple[str, float]]:
    """Return what sampling takes: network calls, an image a step."""
    steps = sampling.steps or getattr(run.training, "timesteps", 1)
    return [("call", sampling.count * (steps if "frames" in run.capabilities else 1))]


def _find_paces(plan) -> dict[tuple, float]:
    """Find the median seconds of an epoch, a network call and a bound, over all runs that are there and each kind's."""
    taken = {}
    for run in plan.runs:
        for name, value in _paces_of(run).items():
            for kind in (find_kind(run), None):
                taken.setdefault((kind, name), []).append(value)
    return {name: median(values) for name, values in taken.items()}


def _paces_of(run) -> dict[str, float]:
    """Return what is known of a run: seconds of an epoch, a network call for an image, and its bound."""
    paces = {}
    trained = or_hole(read_record, run.folder / "run.json", RunRecord)
    drawn = or_hole(read_record, run.folder / SAMPLING, SamplesRecord)
    bound = or_hole(read_record, run.folder / BOUND, LikelihoodRecord)
    if trained is not None:
        paces["epoch"] = (trained.seconds.training + (trained.seconds.test or 0)) / run.training.epochs
    if drawn is not None:
        ((_, calls),) = _draw(run, run.sampling)
        paces["call"] = drawn.seconds_per_image * run.sampling.count / calls
    if bound is not None:
        paces["bound"] = bound.seconds
    return paces


def _cost(paces, run, *parts) -> float | None:
    """Add up parts, (what, how many); None where nothing is known of one that always is."""
    kind, total = find_kind(run), 0.0
    for name, count in parts:
        pace = paces.get((kind, name), paces.get((None, name), 0.0 if name == "bound" else None))
        if pace is None:
            return None
        total += pace * count
    return total
