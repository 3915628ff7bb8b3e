"""What a plan will take on this machine, from some steps of each kind of run that it has. Torch comes in when asked."""

from collections import Counter
from dataclasses import dataclass

__all__ = ["Cost", "estimate_plan", "tell_estimate"]

FREE = ("seed", "schedule")  # settings that cost nothing: runs that differ in these alone take equally long


@dataclass(frozen=True)
class Cost:
    """What a plan's runs will take, one after another: hours, and what they leave on the disk. words: of each kind."""

    seconds: float
    disk: int
    words: tuple[str, ...]


def estimate_plan(plan) -> Cost:
    """Time twenty steps and a few network calls of each kind of run, on black images, at the scale's threads.

    Making data, measuring and drawing figures is not counted: it takes minutes beside them.
    """
    from diffusion.commands.estimating import duration

    kinds = Counter(_kind(run) for run in plan.runs)
    examples = {_kind(run): run for run in plan.runs}
    seconds, disk, words = 0.0, 0, []
    for kind, count in kinds.items():
        run = examples[kind]
        found, drawing = _timed(plan, run)
        seconds += count * (found.seconds + drawing)
        disk += count * found.disk
        words.append(f"{count} such as {run.name}: training {found}; drawing {duration(drawing)}")
    return Cost(seconds, disk, tuple(words))


def _kind(run) -> tuple:
    training = {name: value for name, value in run.training.model_dump(mode="json").items() if name not in FREE}
    data = run.dataset.settings
    return repr(training), data.size, data.count, data.test_count, repr(run.sampling)


def _timed(plan, run):
    """(what training takes, seconds of drawing and of the bound)."""
    import numpy as np

    from diffusion.commands.estimating import TESTED, estimate, sampling_seconds
    from diffusion.devices import choose
    from diffusion.training import Trainer

    data, sampling = run.dataset.settings, run.sampling
    shape = (1, data.size, data.size)
    images, test = (np.zeros((count, *shape), np.uint8) for count in (data.count, min(data.test_count, TESTED)))
    trainer = Trainer(run.training, images, test if len(test) else None, choose("auto", "auto", plan.scale.threads))
    found = estimate(trainer, data.test_count)
    calls = (sampling.steps or trainer.trained.calls) if "frames" in run.capabilities else 1
    drawing = sampling_seconds(trainer, sampling.count, calls, sampling.batch_size)
    return found, drawing


def tell_estimate(plan, cores: int) -> str:
    """Tell what a plan takes on so many cores of this machine and, with one seed, what three seeds would take."""
    from diffusion.commands.estimating import duration

    took = duration(estimate_plan(plan).seconds / max(1, cores // plan.scale.threads))
    where = f"{cores} core{'s' * (cores > 1)} of this machine, as busy as it is now"
    words = f"training and sampling take about {took} on {where}"
    return words if len(plan.scale.seeds) > 1 or plan.scale.wiring else f"{words}; seeds=0,1,2 about 3 x {took}"
