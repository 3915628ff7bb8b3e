"""The share of this machine's convolution peak that a training step reaches.

The peak is measured: the network's own convolutions alone, forward and backward, each at its own shapes, in the
precision and memory format of training, without casts. Both sides count the same floating-point operations.
"""

import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.timing import alternate
from benchmarks.training_step import FULL_BATCH, WIDTHS, epoch_of
from diffusion.devices import choose
from diffusion.settings import TrainSettings
from diffusion.training import Trainer
from studies.planning.reading import read_scales

KINDS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Layer:
    """A convolution at the shapes (B, C, H, W) it has in training; `inner`: it passes a gradient on to its input."""

    module: nn.Module
    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]
    inner: bool


def flops(layer: Layer) -> int:
    """Floating-point operations forward and backward, two a multiply-add, bias left out.

    The gradients of the kernel and of the input cost as much as the forward pass each. Taps that fall on the padding
    count, though a library may skip them.
    """
    transposed = isinstance(layer.module, nn.ConvTranspose2d)
    places = layer.shape_in if transposed else layer.shape_out
    channels, *kernel = layer.module.weight.shape[1:]
    return 2 * int(np.prod(places)) * channels * int(np.prod(kernel)) * (3 if layer.inner else 2)


def layers_of(network: nn.Module, forward) -> list[Layer]:
    """The convolutions of a network, in the order and at the shapes in which `forward()` uses them."""
    found = []

    def note(module, inputs, output):
        found.append(Layer(module, tuple(inputs[0].shape), tuple(output.shape), inputs[0].requires_grad))

    handles = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, KINDS)]
    forward()
    for handle in handles:
        handle.remove()
    return found


def alone(layer: Layer, dtype: torch.dtype):
    """A call that runs the layer forward and backward on ready tensors."""
    like = {"dtype": dtype, "memory_format": torch.channels_last}
    module = copy.deepcopy(layer.module).to(**like)
    x, gradient = (torch.randn(shape).to(**like) for shape in (layer.shape_in, layer.shape_out))
    x.requires_grad_(layer.inner)

    def call():
        module.zero_grad(set_to_none=True)
        x.grad = None
        module(x).backward(gradient)

    return call


def recipe(name: str) -> dict:
    """The training settings of a recipe in studies/scales.yaml."""
    return read_scales().recipes[name].training


def share(widths: str, threads: int, batch_size: int, name: str = "thesis", rounds: int = 5, steps: int = 4) -> dict:
    """One row: GFLOP/s of the layers alone and of the training step, medians over rounds, by CPU time (which other work
    disturbs less) and by wall time; the share within a round by CPU time, its median, least and most; and by wall time.
    """
    device = choose("cpu", "auto", threads)
    settings = TrainSettings(widths=WIDTHS[widths], **recipe(name) | {"batch_size": batch_size})
    images = np.random.default_rng(0).integers(0, 256, (steps * batch_size, 1, 32, 32), dtype=np.uint8)
    trainer = Trainer(settings, images, None, device)
    epoch = epoch_of(trainer)
    layers = _layers_in_training(trainer, batch_size)
    calls = [alone(layer, getattr(torch, device.precision)) for layer in layers]
    work = sum(map(flops, layers)) / 1e9

    def by_layers():
        for call in calls:
            for _ in range(steps):
                call()
        return steps * work

    contenders = {"layers": by_layers, "step": lambda: epoch() / batch_size * work}
    for contender in contenders.values():
        contender()  # warm-up, left out
    row = {"recipe": name, "widths": widths, "batch": batch_size, "threads": threads, "precision": device.precision}
    return row | {"GFLOP a step": work} | _summary(alternate(contenders, rounds))


def _layers_in_training(trainer: Trainer, batch_size: int) -> list[Layer]:
    x, t = torch.zeros(batch_size, *trainer.shape), torch.zeros(batch_size, dtype=torch.long)
    return layers_of(trainer.network.train(), lambda: trainer.learner.model.output(x, t))


def _summary(table: pd.DataFrame) -> dict:
    def rates(clock):
        rate = table.assign(rate=table["units"] / table[clock])
        return rate.pivot(index="round", columns="contender", values="rate")

    cpu, wall = (rates(clock) for clock in ("cpu_seconds", "seconds"))
    found = {f"{name} by CPU": cpu[name].median() for name in ("layers", "step")}
    found |= {f"{name} by wall": wall[name].median() for name in ("layers", "step")}
    shares = cpu["step"] / cpu["layers"]
    found |= {"share": shares.median(), "least": shares.min(), "most": shares.max()}
    return found | {"share by wall": (wall["step"] / wall["layers"]).median()}


def run(widths=tuple(WIDTHS), threads=(1, 2), rounds: int = 5):
    """Yield a row for each of widths x threads x (batch 32, the `fast` recipe's; 128, the thesis's)."""
    for name in widths:
        batches = ((FULL_BATCH, "thesis"),) if name == "full" else ((32, "fast"), (32, "thesis"), (128, "thesis"))
        for count in threads:
            for batch_size, recipe_name in batches:
                yield share(name, count, batch_size, recipe_name, rounds)
