"""Take batch norm's statistics again, under the weights that training ended with; and measure what the old ones did."""

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from diffusion.accelerator.feeding import fed
from diffusion.denoising.model import Model
from diffusion.images import to_network
from diffusion.processes import TIME_DRAWS
from diffusion.streams import generator

__all__ = ["both_errors", "mean_errors", "renormed"]

RENORM_STREAM, ERROR_STREAM = 12, 13
COMPARED, MOMENTS = 256, 20  # held-out images and time steps that mean errors are taken over


def renormed(model: Model, images: np.ndarray, seed: int = 0) -> Model:
    """Return the model with the means and variances of its batch norms averaged over one pass through training images.

    In training they are running averages, mostly of the last ten batches, each taken under weights that have moved
    since; sampling uses them as they then stand. Means over many batches under the final weights are "precise batch
    norm" (Wu and Johnson 2021, section 3). The model given is left as it is.

    images: uint8 (N, C, H, W), N at least the run's batch size; noised at random steps as in training.

    Raises:
        ValueError: the network has no batch norm, or the images are too few or of another shape.
    """
    batch, name = model.settings.batch_size, getattr(model.settings, "network", model.settings.family)
    if images.shape[1:] != model.shape or len(images) < batch:
        raise ValueError(f"{batch} images of shape {model.shape} or more are needed, not {images.shape}")
    network = copy.deepcopy(model.network)
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        raise ValueError(f"network {name!r} has no batch norm whose statistics could be taken again")
    fresh = replace(model, network=network)
    update_bn(_noised_batches(fresh, images, generator(seed, RENORM_STREAM)), _OfPairs(fresh).eval())
    return fresh


def mean_errors(
    model: Model, images: np.ndarray, steps: list[int], seed: int = 0, batch_size: int = 128
) -> list[float]:
    """Return the mean of eps_theta(x_t, t) - eps over images and pixels at each time step: 0 without bias.

    A path that is sampled adds a bias of one sign up, where the loss hardly tells it from other errors. Equal seeds
    give equal noise, so two models can be compared.

    images: uint8 (N, C, H, W), of which the first 256 are used; steps: of 1 ... T; batch_size: images a network call,
    on which no noise depends.

    Raises:
        ValueError: the process has no eps.
    """
    if "eps" not in model.process.extras:
        raise ValueError(f"process {model.settings.process!r} has no eps whose mean error could be taken")
    source = generator(seed, ERROR_STREAM)
    x0 = to_network(torch.from_numpy(images[:COMPARED]), model.settings.value_range)
    found = []
    for step in steps:
        eps = torch.randn(x0.shape, generator=source)
        batches = zip(x0.split(batch_size), eps.split(batch_size), strict=True)
        found.append(sum(_summed_error(model, *batch, step) for batch in batches) / x0.numel())
    return found


@torch.inference_mode()
def _summed_error(model: Model, x0: Tensor, eps: Tensor, step: int) -> float:
    x0, eps = x0.to(model.device.torch), eps.to(model.device.torch)
    t = torch.full((len(x0),), step - 1, device=x0.device)
    return float((model.predict(model.process.noised(x0, t, eps), t).eps - eps).sum())


def both_errors(running: Model, anew: Model, images: np.ndarray, seed: int = 0, batch_size: int = 128) -> dict:
    """Return mean errors with the running statistics and with the new ones, at 20 time steps from T / 20 to T.

    The keys are those of `diffusion.store.records.MeanErrors`.
    """
    T = running.process.timesteps
    steps = sorted({max(1, round(T * k / MOMENTS)) for k in range(1, MOMENTS + 1)})
    models = {"running": running, "anew": anew}
    found = {name: mean_errors(model, images, steps, seed, batch_size) for name, model in models.items()}
    return {"images": min(len(images), COMPARED), "steps": steps, **found}


def _noised_batches(model: Model, images: np.ndarray, source: torch.Generator) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Whole batches of (x_t, t), each in a list: of a batch `update_bn` passes on the first element."""

    def draws():
        size = model.settings.batch_size
        for chosen in torch.randperm(len(images), generator=source).split(size):
            if len(chosen) == size:
                x0 = to_network(torch.from_numpy(images[chosen.numpy()]), model.settings.value_range)
                t = TIME_DRAWS[model.settings.time_draw](model.process.timesteps, size, source)
                yield x0, t, model.process.noise(x0, source)

    for x0, t, hidden in fed(draws(), model.device.torch):
        yield [(model.process.noised(x0, t, hidden), t)]


class _OfPairs(nn.Module):
    """A model's network as a module of one argument, with the model's precision."""

    def __init__(self, model: Model):
        super().__init__()
        self.model, self.network = model, model.network

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        return self.model.output(*pair)
