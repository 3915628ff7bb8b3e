"""The epoch loop: any family's learner, one small record an epoch, resumable after any epoch.

Every random draw of epoch e comes from generators seeded by (seed, e) alone, on the CPU: equal seeds give equal
batches, time steps and noise in every cell of a study and on every device, and resuming needs no generator state.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from diffusion.devices import Device, choose
from diffusion.family import FAMILIES
from diffusion.images import to_network
from diffusion.settings import FamilySettings
from diffusion.streams import generator

__all__ = ["DivergedError", "EpochRecord", "Progress", "Trainer"]

ORDER_STREAM, NOISE_STREAM, TEST_STREAM = 1, 2, 3
TEST_BATCH = 500

Progress = Callable[[int, float], None]  # images in the batch just done, its loss


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    train_mean, train_min, train_max, test_mean: the loss that the family reports, over batches and over the test images
    (nan without any). For the diffusion family it is L_simple, the mean squared error of the predicted noise [Ho et al.
    2020, eq. 14]; whatever the network predicts, its output is read as noise, so recipes can be compared. means: of the
    family's other losses, such as the objective that was minimised. seconds, test_seconds: training and testing;
    loading_seconds: of the training, for fetching images and drawing time steps and noise (on a GPU, the CPU's part).
    """

    epoch: int
    train_mean: float
    train_min: float
    train_max: float
    test_mean: float
    means: dict[str, float]
    seconds: float
    test_seconds: float
    loading_seconds: float

    @property
    def row(self) -> dict[str, float]:
        """The record as a row of losses.csv: `means` as columns NAME_mean in their place."""
        row = {}
        for one in fields(self):
            value = getattr(self, one.name)
            row |= {f"{name}_mean": mean for name, mean in value.items()} if one.name == "means" else {one.name: value}
        return row

    @classmethod
    def of(cls, row: dict[str, float]) -> "EpochRecord":
        """Read such a row.

        Raises:
            KeyError, TypeError: a column is missing or is none of a record's.
        """
        own = {one.name for one in fields(cls)} - {"means"}
        more = {name: value for name, value in row.items() if name not in own}
        if any(not name.endswith("_mean") for name in more):
            raise KeyError(f"records hold {', '.join(more)}")
        means = {name.removesuffix("_mean"): value for name, value in more.items()}
        return cls(**{name: row[name] for name in own}, means=means)


class DivergedError(ArithmeticError):
    """A loss or a weight stopped being finite."""


class Trainer:
    """A learner in training on images (N, C, H, W) uint8, held in memory and indexed.

    `epochs()` yields an EpochRecord after each epoch; `diffusion.checkpoints` carries the whole state between
    processes, and a restored trainer goes on exactly as the undisturbed one would have.

    Raises:
        ValueError: the images do not fill one batch, or do not fit the network.
    """

    def __init__(
        self,
        settings: FamilySettings,
        images: np.ndarray,
        test_images: np.ndarray | None = None,
        device: Device | None = None,
    ):
        count, size = len(images), settings.batch_size
        self.settings, self.test_images, self.records = settings, test_images, []
        self.device = device or choose(precision=settings.precision)
        if settings.drop_last and count < size:
            raise ValueError(f"{count} training images do not fill one batch of {size}: lower batch_size")
        self.steps_per_epoch = count // size if settings.drop_last else -(-count // size)
        self.shape = tuple(images.shape[1:])
        self.learner = FAMILIES[settings.family].learner(settings, self.shape, self.device)
        self.averaged = copy.deepcopy(self.network) if settings.ema else None
        self.images = torch.from_numpy(images).to(self.device.torch)
        self._loading = 0.0  # seconds, in the epoch at hand

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

    def epochs(self, progress: Progress | None = None) -> Iterator[EpochRecord]:
        """Train until `settings.epochs` epochs are done, yielding a record after each.

        Raises:
            DivergedError: a loss or a weight is no longer finite; the trainer's last saved state is unharmed.
        """
        while self.epoch < self.settings.epochs:
            start = time.perf_counter()
            losses = self._train_epoch(progress)
            middle = time.perf_counter()
            test_mean = self.test_loss()
            seconds = middle - start, time.perf_counter() - middle, self._loading
            train = losses.pop("train")
            summary = [float(value) for value in (train.mean(), train.min(), train.max(), test_mean)]
            means = {name: float(values.mean()) for name, values in losses.items()}
            self.records.append(EpochRecord(self.epoch + 1, *summary, means, *seconds))
            yield self.records[-1]

    def order(self) -> Tensor:
        """Return the images' order in the epoch at hand, (N,)."""
        return torch.randperm(len(self.images), generator=generator(self.settings.seed, ORDER_STREAM, self.epoch))

    def source(self) -> torch.Generator:
        """Return the generator of the learner's draws in the epoch at hand."""
        return generator(self.settings.seed, NOISE_STREAM, self.epoch)

    def steps(self, order: Tensor, source: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Train on batch after batch in this order, yielding each one's losses.

        order: indices of images (N,); an epoch ends after `steps_per_epoch` batches.
        """
        size = self.settings.batch_size
        self.network.train()
        for step in range(min(self.steps_per_epoch, -(-len(order) // size))):
            start = time.perf_counter()
            chosen = order[step * size : (step + 1) * size].to(self.device.torch)
            batch = self.learner.prepare(to_network(self.images[chosen], self.settings.value_range), source)
            self._loading += time.perf_counter() - start
            self._set_rates(step)
            losses = self.learner.step(batch)
            self._average(first=self.epoch == step == 0)
            yield losses

    def _train_epoch(self, progress: Progress | None) -> dict[str, np.ndarray]:
        self._loading, found = 0.0, []
        for losses in self.steps(self.order(), self.source()):
            found.append(losses)
            if progress:
                progress(self.settings.batch_size, float(losses["train"]))
        self._take_statistics()
        return self._finite({name: torch.stack([one[name] for one in found]) for name in found[0]})

    @torch.no_grad()
    def _average(self, first: bool) -> None:
        """The exponential moving average of the weights, which begins at the weights after the first step."""
        if self.averaged:
            ours, theirs = list(self.averaged.parameters()), list(self.network.parameters())
            torch._foreach_lerp_(ours, theirs, 1.0 if first else 1 - self.settings.ema)

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
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * min(left, 1.0)

    def _finite(self, stacked: dict[str, Tensor]) -> dict[str, np.ndarray]:
        losses = {name: values.double().cpu().numpy() for name, values in stacked.items()}
        table = np.stack(list(losses.values()), axis=1)  # (steps, losses)
        broken = np.argwhere(~np.isfinite(table))
        if len(broken):
            step, which = broken[0]
            raise DivergedError(f"the loss was {table[step, which]} at epoch {self.epoch + 1}, step {step + 1}")
        if not all(torch.isfinite(p).all() for p in self.network.parameters()):
            raise DivergedError(f"a weight was not finite after epoch {self.epoch + 1}, step {len(table)}")
        return losses

    def test_loss(self) -> float:
        """Return the mean reported loss of `trained` on the test images; its draws are the same every time."""
        if self.test_images is None:
            return math.nan
        source, model, total = generator(self.settings.seed, TEST_STREAM), self.trained, 0.0
        with torch.no_grad():
            for images in np.split(self.test_images, range(TEST_BATCH, len(self.test_images), TEST_BATCH)):
                x0 = to_network(torch.from_numpy(images).to(self.device.torch), self.settings.value_range)
                total += float(self.learner.test(model, self.learner.prepare(x0, source, testing=True)).sum())
        return total / len(self.test_images)
