"""One step of learning to undo a process: listing 4.2 of the thesis, for any network, process and target."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from diffusion.denoising.model import Model
from diffusion.devices import Device
from diffusion.optimizers import OPTIMIZERS
from diffusion.processes import TIME_DRAWS
from diffusion.settings import TrainSettings

__all__ = ["Batch", "Learner", "losses"]


@dataclass(frozen=True)
class Batch:
    """Images x_0 (B, C, H, W) in the network's range, indices t (B,) and the random part of a draw of x_t."""

    x0: Tensor
    t: Tensor
    hidden: Tensor


def losses(model: Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the losses of each image, each (B,): the objective, and without gradient what is reported.

    The objective is the target's; reported is the process's `error`, for a Gaussian L_simple.
    """
    target, process = model.target, model.process
    xt = process.noised(batch.x0, batch.t, batch.hidden)
    output = model.output(xt, batch.t)
    wanted = target.wanted(batch.x0, batch.hidden, batch.t, process)
    objective = target.loss(output, wanted).flatten(1).mean(1)
    if target.is_reported:
        return objective, objective.detach()
    found = target.read(output.detach(), xt, batch.t, process)
    return objective, process.error(found, batch.x0, batch.hidden)


class Learner:
    """A model in training; see `diffusion.family` for what each method owes the epoch loop."""

    def __init__(self, settings: TrainSettings, shape: tuple[int, int, int], device: Device):
        self.model = Model.new(settings, shape, device)
        self.network = self.model.network
        self.optimizers = OPTIMIZERS[settings.optimizer](self.network, settings.learning_rate)

    def prepare(self, x0: Tensor, source: torch.Generator, testing: bool = False) -> Batch:
        """Draw time steps and noise for images (B, C, H, W); in testing the steps are spread evenly."""
        model = self.model
        draw = TIME_DRAWS["stratified" if testing else model.settings.time_draw]
        t = draw(model.process.timesteps, len(x0), source)
        hidden = model.process.noise(x0, source)
        return Batch(x0, t, hidden)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Update the weights by one batch; the mean losses before the update."""
        objective, reported = (loss.mean() for loss in losses(self.model, batch))
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        objective.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return {"train": reported, "objective": objective.detach()}

    def test(self, model: Model, batch: Batch) -> Tensor:
        """Return what is reported of each image, (B,), by the model to draw from."""
        return losses(model, batch)[1]

    def trained(self, network: nn.Module) -> Model:
        """Return the model to draw from, with these weights, in eval mode."""
        return replace(self.model, network=network.eval())
