"""What a plan will take on this machine, from some steps of each kind of run that it has. Torch comes in when asked."""

from dataclasses import dataclass

__all__ = ["Cost", "estimate_plan", "find_kind", "tell_estimate"]

FREE = ("seed", "schedule", "epochs")  # runs that differ in these alone need one look


@dataclass(frozen=True)
class Cost:
    """What a plan's runs will take, one after another: hours, and what they leave on the disk. words: of each kind."""

    seconds: float
    disk: int
    words: tuple[str, ...]


def estimate_plan(plan) -> Cost:
    """Time up to twenty steps and a few network calls of each kind of run, on black images, at the scale's threads.

    Making data, measuring and drawing figures is not counted: it takes minutes beside them.
    """
    from diffusion.commands.estimating import duration

    kinds = {}
    for run in plan.runs:
        kinds.setdefault(find_kind(run), []).append(run)
    seconds, disk, words = 0.0, 0, []
    for runs in kinds.values():
        found, call = _timed(plan, runs[0])
        training = sum(found.epoch * _epochs(run) for run in runs)
        drawing = call * sum(_calls(plan, run) for run in runs)
        seconds, disk = seconds + training + drawing, disk + len(runs) * found.disk
        told = f"training {duration(training)} ({found.images_per_second:,.0f} images/s), drawing {duration(drawing)}"
        words.append(f"{len(runs)} such as {runs[0].name}: {told}")
    return Cost(seconds, disk, tuple(words))


def find_kind(run) -> tuple:
    """Return what runs share that cost the same an epoch and a network call."""
    training = {name: value for name, value in run.training.model_dump(mode="json").items() if name not in FREE}
    data = run.dataset.settings
    return repr(training), data.size, data.channel_count, data.count, data.test_count


def _epochs(run) -> int:
    return run.training.epochs - (run.base.training.epochs if run.base else 0)


def _calls(plan, run) -> int:
    """Network calls for an image, of all samplings of a run and its bound."""
    samplings = [run.sampling, *(one.sampling for one in plan.resampled if one.run == run)]
    steps = getattr(run.training, "timesteps", 1) if "frames" in run.capabilities else 1
    bound = plan.scale.likelihood.images * (plan.scale.likelihood.draws + 1) if "likelihood" in run.capabilities else 0
    return bound + sum(one.count * (one.steps or steps) for one in samplings)


def _timed(plan, run):
    """(what training takes, seconds of a network call for an image)."""
    import numpy as np

    from diffusion.commands.estimating import TESTED, call_seconds, estimate
    from diffusion.devices import choose
    from diffusion.training import Trainer

    data = run.dataset.settings
    shape = (data.channel_count, data.size, data.size)
    images, test = (np.zeros((count, *shape), np.uint8) for count in (data.count, min(data.test_count, TESTED)))
    trainer = Trainer(run.training, images, test if len(test) else None, choose("auto", "auto", plan.scale.threads))
    found = estimate(trainer, data.test_count)
    return found, call_seconds(trainer, found, run.sampling.batch_size)


def tell_estimate(plan, cores: int) -> str:
    """Tell what a plan takes on so many cores of this machine and, with one seed, what three seeds would take."""
    from diffusion.commands.estimating import duration

    took = duration(estimate_plan(plan).seconds / max(1, cores // plan.scale.threads))
    where = f"{cores} core{'s' * (cores > 1)} of this machine, as busy as it is now"
    words = f"training and sampling take about {took} on {where}"
    return words if len(plan.scale.seeds) > 1 or plan.scale.wiring else f"{words}; seeds=0,1,2 about 3 x {took}"
