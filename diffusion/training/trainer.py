"""The epoch loop: any family's learner, one small record an epoch, resumable after any step.

Every random draw of epoch e comes from generators seeded by (seed, e) alone, on the CPU: equal seeds give equal
batches, time steps and noise in every cell of a study and on every device, and resuming needs no generator state.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from diffusion.accelerator.feeding import fed
from diffusion.accelerator.graphs import captured
from diffusion.devices import Device, choose
from diffusion.family import FAMILIES
from diffusion.images import check_images, to_network
from diffusion.settings import FamilySettings
from diffusion.streams import generator
from diffusion.training.fitting import check_training_fits
from diffusion.training.records import DivergedError, EpochRecord

__all__ = ["Progress", "Trainer"]

ORDER_STREAM, NOISE_STREAM, TEST_STREAM = 1, 2, 3
TEST_BATCH = 500

Losses = dict[str, Tensor]
Progress = Callable[[int, Tensor], None]  # images in the batch just done, its loss


class Trainer:
    """A learner in training on images (N, C, H, W) uint8, held in memory and indexed.

    `epochs()` yields an EpochRecord after each epoch; `diffusion.checkpoints` carries the whole state between
    processes, and a restored trainer goes on exactly as the undisturbed one would have.

    Attributes:
        records: of the epochs that are done.
        losses: of the steps that are done in the epoch at hand; seconds: what these took, making the batches included,
            and of that the wait for the batches.

    Raises:
        ValueError: the images do not fill one batch, or do not fit the network or the family.
        TooLargeError: the network is larger than the memory that is free.
    """

    def __init__(
        self,
        settings: FamilySettings,
        images: np.ndarray,
        test_images: np.ndarray | None = None,
        device: Device | None = None,
    ):
        check_images(images, test_images)
        settings = settings.settle(*(some for some in (images, test_images) if some is not None))
        count, size = len(images), settings.batch_size
        self.settings, self.test_images, self.records = settings, test_images, []
        self.device = device or choose(precision=settings.precision)
        if settings.drop_last and count < size:
            raise ValueError(f"{count} training images do not fill one batch of {size}: lower batch_size")
        self.steps_per_epoch = settings.count_steps(count)
        self.shape = tuple(images.shape[1:])
        check_training_fits(settings, self.shape, self.device)
        self.learner = FAMILIES[settings.family].learner(settings, self.shape, self.device)
        self.averaged = copy.deepcopy(self.network) if settings.ema else None
        self.images = torch.from_numpy(images if images.flags.writeable else images.copy())
        self.losses: list[Losses] = []
        self.seconds = [0.0, 0.0]
        self._learn = captured(self._update, self.device, "training")
        self._test = captured(self._tested, self.device, "the test loss")
        self._try_smallest_batch(count % size or size)

    def _try_smallest_batch(self, rest: int) -> None:
        """Try the smallest batch of an epoch on a learner of its own: some networks need more than one image."""
        smallest = self.settings.batch_size if self.settings.drop_last else rest
        if smallest == self.settings.batch_size > 1:
            return
        cpu = choose("cpu", "float32")
        learner = FAMILIES[self.settings.family].learner(self.settings, self.shape, cpu)
        images = to_network(self.images[:smallest].cpu(), self.settings.value_range)
        try:
            learner.network.train()
            learner.step(learner.prepare(images, self.source()))
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"a batch of {smallest} image{'s' * (smallest > 1)}, the last of an epoch, does not work ({reason}): "
                "give another --batch-size, or leave the last batch out with --drop-last"
            ) from None

    @property
    def epoch(self) -> int:
        return len(self.records)

    @property
    def network(self) -> nn.Module:
        return self.learner.network

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    @property
    def trained(self):
        """The family's model to draw from: averaged weights where there are some, in eval mode."""
        return self.learner.trained(self.averaged or self.network)

    def epochs(
        self, progress: Progress | None = None, between: Callable[[], None] = lambda: None
    ) -> Iterator[EpochRecord]:
        """Train until `settings.epochs` epochs are done, yielding a record after each.

        between: called after each step, in training and testing, when the state is whole and may be saved; what it
            raises ends the training there.

        Raises:
            DivergedError: a loss or a weight is no longer finite; the trainer's last saved state is unharmed.
        """
        while self.epoch < self.settings.epochs:
            losses = self._train_epoch(progress, between)
            start = time.perf_counter()
            test_mean = self.test_loss(between)
            seconds = self.seconds[0], time.perf_counter() - start, self.seconds[1]
            train = losses.pop("train")
            summary = [float(value) for value in (train.mean(), train.min(), train.max(), test_mean)]
            means = {name: float(values.mean()) for name, values in losses.items()}
            self.records.append(EpochRecord(self.epoch + 1, *summary, means, *seconds))
            self.losses, self.seconds = [], [0.0, 0.0]
            yield self.records[-1]

    def order(self) -> Tensor:
        """Return the images' order in the epoch at hand, (N,)."""
        return torch.randperm(len(self.images), generator=generator(self.settings.seed, ORDER_STREAM, self.epoch))

    def source(self) -> torch.Generator:
        """Return the generator of the learner's draws in the epoch at hand."""
        return generator(self.settings.seed, NOISE_STREAM, self.epoch)

    def steps(self, order: Tensor, source: torch.Generator, done: int = 0) -> Iterator[Losses]:
        """Train on batch after batch in this order, yielding each one's losses.

        order: indices of images (N,); an epoch ends after `steps_per_epoch` batches. Of the first `done` only the draws
        are made.
        """
        self.network.train()
        start = time.perf_counter()
        for step, batch in enumerate(fed(self._batches(order, source, done), self.device.torch), done):
            self.seconds[1] += time.perf_counter() - start
            self._set_rates(step)
            losses = self._learn(batch)
            if self.epoch == step == 0:
                self._average(1.0)  # it begins at the weights after the first step
            yield losses
            start = time.perf_counter()

    def _batches(self, order: Tensor, source: torch.Generator, done: int) -> Iterator[Any]:
        size, value_range = self.settings.batch_size, self.settings.value_range
        for step in range(min(self.steps_per_epoch, -(-len(order) // size))):
            chosen = order[step * size : (step + 1) * size]
            batch = self.learner.prepare(to_network(self.images[chosen], value_range), source)
            if step >= done:
                yield batch

    def _update(self, batch: Any) -> Losses:
        losses = self.learner.step(batch)
        self._average(1 - self.settings.ema)
        return losses

    def _train_epoch(self, progress: Progress | None, between: Callable[[], None]) -> dict[str, np.ndarray]:
        """The losses of all steps of the epoch at hand, those done before among them, float64 (steps,) each."""
        start = time.perf_counter()
        for losses in self.steps(self.order(), self.source(), len(self.losses)):
            self.losses.append(losses)
            if progress:
                progress(self.settings.batch_size, losses["train"])
            self.seconds[0] += time.perf_counter() - start
            between()
            start = time.perf_counter()
        self._take_statistics()
        found = self._finite()
        self.seconds[0] += time.perf_counter() - start
        return found

    @torch.no_grad()
    def _average(self, share: float) -> None:
        """Move the exponential moving average of the weights this share of the way to them."""
        if self.averaged:
            ours, theirs = list(self.averaged.parameters()), list(self.network.parameters())
            torch._foreach_lerp_(ours, theirs, share)

    @torch.no_grad()
    def _take_statistics(self) -> None:
        """The averaged network normalises by the trained one's running statistics."""
        if self.averaged:
            for ours, theirs in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
                ours.copy_(theirs)

    def _set_rates(self, step: int) -> None:
        """A constant rate, falling linearly to zero over the last `cooldown` share of the run."""
        done = (self.epoch * self.steps_per_epoch + step) / (self.settings.epochs * self.steps_per_epoch)
        left = (1 - done) / self.settings.cooldown if self.settings.cooldown else 1.0
        for optimizer in self.learner.optimizers:
            for group in optimizer.param_groups:
                rate = group.setdefault("initial_lr", float(group["lr"])) * min(left, 1.0)
                if isinstance(group["lr"], Tensor):  # a graph reads it where it lies
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def _finite(self) -> dict[str, np.ndarray]:
        stacked = {name: torch.stack([one[name] for one in self.losses]) for name in self.losses[0]}
        losses = {name: values.double().cpu().numpy() for name, values in stacked.items()}
        table = np.stack(list(losses.values()), axis=1)  # (steps, losses)
        broken = np.argwhere(~np.isfinite(table))
        if len(broken):
            step, which = broken[0]
            raise DivergedError(f"the loss was {table[step, which]} at epoch {self.epoch + 1}, step {step + 1}")
        if not all(torch.isfinite(p).all() for p in self.network.parameters()):
            raise DivergedError(f"a weight was not finite after epoch {self.epoch + 1}, step {len(table)}")
        return losses

    def test_loss(self, between: Callable[[], None] = lambda: None) -> float:
        """Return the mean reported loss of `trained` on the test images; its draws are the same every time."""
        if self.test_images is None:
            return math.nan
        sums = []
        with torch.no_grad():
            for batch in fed(self._test_batches(), self.device.torch):
                sums.append(self._test(batch))
                between()
        return sum(map(float, sums)) / len(self.test_images)

    def _test_batches(self) -> Iterable[Any]:
        source = generator(self.settings.seed, TEST_STREAM)
        for images in np.split(self.test_images, range(TEST_BATCH, len(self.test_images), TEST_BATCH)):
            x0 = to_network(torch.from_numpy(images), self.settings.value_range)
            yield self.learner.prepare(x0, source, testing=True)

    def _tested(self, batch: Any) -> Tensor:
        return self.learner.test(self.trained, batch).sum()
