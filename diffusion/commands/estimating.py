"""What a run will take on this machine, from some of its steps. Imports happen inside: --help is quick."""

import time
from dataclasses import dataclass

__all__ = ["Estimate", "call_seconds", "duration", "estimate"]

STEPS, SECONDS = 20, 20.0  # timed at most, whichever is reached first
WARM_UP = 5  # steps before: libraries choose and allocate, and a graph is captured
TESTED = 500  # test images that one measurement of the test loss takes
SLOW = 1.0  # seconds a step from which on a network call is not timed, but taken for a third of a step


@dataclass(frozen=True)
class Estimate:
    """A whole training run on this machine: seconds of training and testing, bytes of memory and of disk.

    steps: how many were timed; images_per_second: of training; epoch: seconds of one, the test loss included.
    """

    steps: int
    images_per_second: float
    epoch: float
    seconds: float
    memory: int
    disk: int

    def __str__(self) -> str:
        steps = f"{self.steps} step{'s' * (self.steps > 1)}"
        return (
            f"about {duration(self.seconds)} ({self.images_per_second:,.0f} images/s over {steps}), "
            f"{self.memory / 2**30:.1f} GiB of memory, {self.disk / 2**20:,.0f} MiB of disk"
        )


def duration(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def estimate(trainer, test_count: int | None = None) -> Estimate:
    """Time some steps of a new trainer, which is of no other use afterwards, and say what its whole run will take.

    test_count: of the run's test images, where it is not the trainer's.
    """
    from diffusion.checkpoints import tensors_of

    settings = trainer.settings
    if test_count is None:
        test_count = 0 if trainer.test_images is None else len(trainer.test_images)
    stepping = trainer.steps(trainer.order(), trainer.source())
    quick = trainer.device.torch.type == "cuda"
    for _ in range(min(WARM_UP if quick else 1, trainer.steps_per_epoch - 1)):
        next(stepping)
    _finish(trainer)
    start, steps = time.perf_counter(), 0
    for _ in stepping:
        steps += 1
        if steps == STEPS or time.perf_counter() - start > SECONDS:
            break
    stepping.close()
    _finish(trainer)
    each = (time.perf_counter() - start) / steps
    tested = test_count * (each / settings.batch_size / 3 if each > SLOW else _test_seconds(trainer))
    state = sum(value.nbytes for value in tensors_of(trainer).values())
    model = sum(value.nbytes for value in trainer.network.state_dict().values())
    epoch = trainer.steps_per_epoch * each + tested
    speed, disk = settings.batch_size / each, state + model
    return Estimate(steps, speed, epoch, settings.epochs * epoch, _memory(trainer), disk)


def _test_seconds(trainer) -> float:
    """Seconds that a test image takes."""
    if trainer.test_images is None:
        return 0.0
    trainer.test_images = trainer.test_images[:TESTED]
    start = time.perf_counter()
    trainer.test_loss()
    _finish(trainer)
    return (time.perf_counter() - start) / len(trainer.test_images)


def _finish(trainer) -> None:
    if trainer.device.torch.type == "cuda":
        import torch

        torch.cuda.synchronize()


def _memory(trainer) -> int:
    if trainer.device.torch.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def call_seconds(trainer, found: Estimate, batch_size: int | None = None) -> float:
    """Return about how many seconds a network call takes for an image, among others in a batch.

    batch_size: None for what `diffusion sample` takes by itself.
    """
    from diffusion.family import FAMILIES

    settings = trainer.settings
    if settings.batch_size / found.images_per_second > SLOW:
        return 1 / found.images_per_second / 3
    family, size = FAMILIES[settings.family], batch_size or 128
    model, taken = trainer.trained, []
    more = {1: {}} if "frames" not in family.capabilities else {n: {"steps": n, "frames": 2} for n in (2, 6)}
    for how in more.values():
        start = time.perf_counter()
        family.draw(model, size, batch_size=size, **how)
        taken.append(time.perf_counter() - start)
    calls = max(more) - min(more) or model.calls
    return max(taken[-1] - (taken[0] if len(taken) > 1 else 0), 0) / calls / size
