"""Training as in the thesis's listing 4.2, one small record an epoch, resumable after any epoch.

Every random draw of epoch e comes from generators seeded by (seed, e) alone, on the CPU: equal seeds give equal
batches, time steps and noise in every cell of a study and on every device, and resuming needs no generator state.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from diffusion import optimizers
from diffusion.denoising.model import Model, as_bytes, read_tensors, to_network
from diffusion.devices import Device, choose
from diffusion.networks.unet import parameter_count
from diffusion.processes.gaussian import interpreted, target
from diffusion.settings import TrainSettings
from diffusion.store.files import replacing

ORDER_STREAM, NOISE_STREAM, TEST_STREAM = 1, 2, 3
TEST_BATCH = 500

Progress = Callable[[int, float], None]  # images in the batch just done, its loss


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    train_mean, train_min, train_max, test_mean: L_simple, the mean squared error of the predicted noise [Ho et al.
    2020, eq. 14], over batches and over the test images (nan without any); whatever the network predicts, its
    output is read as noise, so recipes can be compared. objective_mean: the loss that was minimised, which is
    L_simple itself for an eps target. seconds, test_seconds: training and testing;
    loading_seconds: what fetching the images and drawing time steps and noise took of the training (on a GPU, of the
    CPU's part in it).
    """

    epoch: int
    train_mean: float
    train_min: float
    train_max: float
    test_mean: float
    objective_mean: float
    seconds: float
    test_seconds: float
    loading_seconds: float


class DivergedError(ArithmeticError):
    """A loss or a weight stopped being finite."""


def generator(seed: int, stream: int, index: int = 0) -> torch.Generator:
    """A CPU generator for one purpose: different (seed, stream, index) give independent streams."""
    entropy = np.random.SeedSequence([seed, stream, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(entropy >> np.uint64(1)))


def time_steps(draw: str, timesteps: int, count: int, source: torch.Generator) -> Tensor:
    """Time indices (count,): `uniform`, or `stratified`: one shared offset, so a batch covers 0 ... T - 1 evenly.

    Kingma et al. 2021, appendix I.1 (low-discrepancy sampler): each index alone is still uniform.
    """
    if draw == "uniform":
        return torch.randint(0, timesteps, (count,), generator=source)
    u = (torch.rand(1, generator=source) + torch.arange(count) / count) % 1
    return (u * timesteps).long().clamp_(max=timesteps - 1)


def losses_of(model: Model, x0: Tensor, t: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
    """Per-image losses, each (B,): the objective, and L_simple without gradient.

    The objective is the mean squared error against the settings' target, or for `bernoulli` the cross-entropy,
    whose optimum is the posterior mean E[x_0 | x_t] as well.
    """
    kind, process = model.settings.target, model.process
    xt = process.noised(x0, t, eps)
    output = model.output(xt, t)
    wanted = target(kind, process, x0, t, eps)
    if kind == "bernoulli":
        pixelwise = functional.binary_cross_entropy_with_logits(output, wanted, reduction="none")
    else:
        pixelwise = (output - wanted).square()
    objective = pixelwise.flatten(1).mean(1)
    if kind == "eps":
        return objective, objective.detach()
    predicted = interpreted(kind, process, output.detach(), xt, t).eps
    return objective, (predicted - eps).square().flatten(1).mean(1)


@dataclass
class Trainer:
    """A model in training on images (N, C, H, W) uint8, held in memory and indexed.

    `epochs()` yields an EpochRecord after each epoch; `save` and `restore` carry the whole state between processes,
    and a restored trainer goes on exactly as the undisturbed one would have.
    """

    settings: TrainSettings
    images: np.ndarray
    test_images: np.ndarray | None = None
    device: Device | None = None
    records: list[EpochRecord] = field(default_factory=list)

    def __post_init__(self):
        settings, count = self.settings, len(self.images)
        self.device = self.device or choose(precision=settings.precision)
        if settings.drop_last and count < settings.batch_size:
            raise ValueError(
                f"{count} training images do not fill one batch of {settings.batch_size}: lower batch_size"
            )
        self.steps_per_epoch = (
            (count // settings.batch_size) if settings.drop_last else -(-count // settings.batch_size)
        )
        self.model = Model.new(settings, self.images.shape[1:], self.device)
        self.optimizers = optimizers.build(settings.optimizer, self.model.network, settings.learning_rate)
        self.averaged = copy.deepcopy(self.model.network) if settings.ema else None
        self.images = torch.from_numpy(self.images).to(self.device.torch)
        self._loading = 0.0  # seconds, in the epoch at hand

    @property
    def epoch(self) -> int:
        return len(self.records)

    @property
    def parameters(self) -> int:
        return parameter_count(self.model.network)

    @property
    def trained(self) -> Model:
        """The model to sample from: averaged weights where there are some, in eval mode."""
        network = self.averaged or self.model.network
        return Model(self.settings, self.model.shape, network.eval(), self.model.process, self.device)

    def epochs(self, progress: Progress | None = None) -> Iterator[EpochRecord]:
        """Train until `settings.epochs` epochs are done, yielding a record after each.

        Raises:
            DivergedError: a loss or a weight is no longer finite; the trainer's last saved state is unharmed.
        """
        while self.epoch < self.settings.epochs:
            start = time.perf_counter()
            objective, simple = self._train_epoch(progress)
            middle = time.perf_counter()
            test_mean = self.test_loss()
            seconds = middle - start, time.perf_counter() - middle, self._loading
            summary = [
                float(value) for value in (simple.mean(), simple.min(), simple.max(), test_mean, objective.mean())
            ]
            self.records.append(EpochRecord(self.epoch + 1, *summary, *seconds))
            yield self.records[-1]

    def _train_epoch(self, progress: Progress | None) -> tuple[np.ndarray, np.ndarray]:
        size, source = self.settings.batch_size, generator(self.settings.seed, NOISE_STREAM, self.epoch)
        order = torch.randperm(len(self.images), generator=generator(self.settings.seed, ORDER_STREAM, self.epoch))
        self.model.network.train()
        self._loading, losses = 0.0, []
        for step in range(self.steps_per_epoch):
            losses.append(self._step(order[step * size : (step + 1) * size], step, source))
            if progress:
                progress(size, float(losses[-1][1]))
        self._take_statistics()
        return tuple(self._finite(torch.stack(kind).double().cpu().numpy()) for kind in zip(*losses, strict=True))

    def _step(self, chosen: Tensor, step: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        start = time.perf_counter()
        x0 = to_network(self.images[chosen.to(self.device.torch)], self.settings.value_range)
        t, eps = self._draws(self.settings.time_draw, x0.shape, source)
        self._loading += time.perf_counter() - start
        objective, simple = (loss.mean() for loss in losses_of(self.model, x0, t, eps))
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        objective.backward()
        self._set_rates(step)
        for optimizer in self.optimizers:
            optimizer.step()
        self._average(first=self.epoch == step == 0)
        return objective.detach(), simple

    def _draws(self, draw: str, shape: torch.Size, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Time steps and noise for a batch of this shape."""
        t = time_steps(draw, self.settings.timesteps, shape[0], source)
        return t.to(self.device.torch), torch.randn(shape, generator=source).to(self.device.torch)

    @torch.no_grad()
    def _average(self, first: bool) -> None:
        """The exponential moving average of the weights, which begins at the weights after the first step."""
        if self.averaged:
            ours, theirs = list(self.averaged.parameters()), list(self.model.network.parameters())
            torch._foreach_lerp_(ours, theirs, 1.0 if first else 1 - self.settings.ema)

    @torch.no_grad()
    def _take_statistics(self) -> None:
        """The averaged network normalises by the trained one's running statistics."""
        if self.averaged:
            for ours, theirs in zip(self.averaged.buffers(), self.model.network.buffers(), strict=True):
                ours.copy_(theirs)

    def _set_rates(self, step: int) -> None:
        """A constant rate, falling linearly to zero over the last `cooldown` share of the run."""
        done = (self.epoch * self.steps_per_epoch + step) / (self.settings.epochs * self.steps_per_epoch)
        left = (1 - done) / self.settings.cooldown if self.settings.cooldown else 1.0
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * min(left, 1.0)

    def _finite(self, losses: np.ndarray) -> np.ndarray:
        if not np.isfinite(losses).all():
            step = int(np.argmin(np.isfinite(losses))) + 1
            raise DivergedError(f"the loss was {losses[step - 1]} at epoch {self.epoch + 1}, step {step}")
        if not all(torch.isfinite(p).all() for p in self.model.network.parameters()):
            raise DivergedError(f"a weight was not finite after epoch {self.epoch + 1}, step {len(losses)}")
        return losses

    def test_loss(self) -> float:
        """Mean L_simple of the model to sample from on the test images, at the same time steps and noise every time."""
        if self.test_images is None:
            return math.nan
        source, model, total = generator(self.settings.seed, TEST_STREAM), self.trained, 0.0
        with torch.no_grad():
            for batch in np.split(self.test_images, range(TEST_BATCH, len(self.test_images), TEST_BATCH)):
                x0 = to_network(torch.from_numpy(batch).to(self.device.torch), self.settings.value_range)
                t, eps = self._draws("stratified", x0.shape, source)
                total += float(losses_of(model, x0, t, eps)[1].sum())
        return total / len(self.test_images)

    def save(self, path: Path) -> None:
        """Write the whole state as one safetensors file (no pickle), by temporary name and rename."""
        metadata = {
            "settings": self.settings.model_dump_json(),
            "records": json.dumps([asdict(r) for r in self.records]),
        }
        tensors = {name: value.detach().cpu().contiguous() for name, value in self._state().items()}
        with replacing(path) as partial:
            partial.write_bytes(as_bytes(tensors, metadata))

    def restore(self, path: Path) -> None:
        """Take up the state that `save` wrote.

        Raises:
            ValueError: a broken file, other settings, or tensors that do not fit this network.
            OSError: missing or unreadable.
        """
        tensors, metadata = read_tensors(path)
        if not same_course(metadata.get("settings", "{}"), self.settings):
            raise ValueError(f"{path} belongs to a run with other settings: choose another folder, or --replace it")
        try:
            records = [EpochRecord(**record) for record in json.loads(metadata["records"])]
            self._check(tensors, stepped=bool(records))
            self._load(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path} does not fit this run ({str(error).splitlines()[0]}): --replace it") from None
        self.records[:] = records

    def _state(self) -> dict[str, Tensor]:
        state = {f"network.{k}": v for k, v in self.model.network.state_dict().items()}
        if self.averaged:
            state |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for i, optimizer in enumerate(self.optimizers):
            for j, slots in optimizer.state_dict()["state"].items():
                state |= {f"optimizer.{i}.{j}.{name}": value for name, value in slots.items()}
        return state

    def _check(self, tensors: dict[str, Tensor], stepped: bool) -> None:
        """That these are the state's tensors by name and shape, for the optimizers would take others and go on."""
        wanted = {k: v.shape for k, v in self._state().items() if not k.startswith("optimizer.")}
        for i, optimizer in enumerate(self.optimizers if stepped else []):
            wanted |= {f"optimizer.{i}.{k}": shape for k, shape in optimizers.slots(optimizer).items()}
        for name in sorted(wanted.keys() | tensors.keys()):
            if name not in tensors or name not in wanted or tensors[name].shape != wanted[name]:
                raise ValueError(f"{name} is missing, superfluous or of another shape")

    def _load(self, tensors: dict[str, Tensor]) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        self.model.network.load_state_dict(part("network."))
        if self.averaged:
            self.averaged.load_state_dict(part("averaged."))
        for i, optimizer in enumerate(self.optimizers):
            content = copy.deepcopy(optimizer.state_dict())
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            for name, value in part(f"optimizer.{i}.").items():
                j, _, slot = name.partition(".")
                content["state"].setdefault(int(j), {})[slot] = _laid_out_like(value, parameters[int(j)])
            optimizer.load_state_dict(content)


def _laid_out_like(value: Tensor, parameter: Tensor) -> Tensor:
    """A saved slot in its parameter's memory format: the fused Adam walks both in storage order."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def same_course(saved: str, settings: TrainSettings) -> bool:
    """Whether a run saved with these settings passes through the same states: equal but for the number of epochs,
    and that too where the learning rate's course depends on it."""
    try:
        before = TrainSettings.model_validate_json(saved)
    except ValueError:
        return False
    loose = {"epochs"} if not settings.cooldown else set()
    return before.model_dump(exclude=loose) == settings.model_dump(exclude=loose)
