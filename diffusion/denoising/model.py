"""A network together with what is needed to use it: its process, its settings, the images' shape."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from diffusion.accelerator.graphs import captured
from diffusion.devices import Device
from diffusion.networks import NETWORKS
from diffusion.processes import PROCESSES
from diffusion.processes.states import Prediction
from diffusion.settings import TrainSettings
from diffusion.streams import seeded
from diffusion.targets import TARGETS

__all__ = ["Model"]


@dataclass
class Model:
    """What sampling and likelihood need: the network on its device, its process and its settings.

    `shape` is one image's (C, H, W).
    """

    settings: TrainSettings
    shape: tuple[int, int, int]
    network: nn.Module
    process: Any
    device: Device

    def __post_init__(self):
        self.target = TARGETS[self.settings.target]()
        self._compiled = torch.compile(self.network, dynamic=False) if self.device.compiles else None

    @property
    def calls(self) -> int:
        """Network calls for an image, unless a sampler is told to take fewer."""
        return self.process.timesteps

    @staticmethod
    def build(settings: TrainSettings, shape: tuple[int, int, int]) -> nn.Module:
        """Make the network that the settings ask for, with weights from torch's global generator.

        Raises:
            ValueError: the network's depth does not divide the image's sides.
        """
        network = NETWORKS[settings.network](shape[0], settings)
        if shape[1] % network.divisor or shape[2] % network.divisor:
            raise ValueError(
                f"images of {shape[1]} x {shape[2]} px do not fit {len(settings.widths)} widths: "
                f"both sides must be divisible by {network.divisor}; use fewer widths or another size"
            )
        return network

    @classmethod
    def new(cls, settings: TrainSettings, shape: tuple[int, int, int], device: Device) -> "Model":
        """Make a model with random weights drawn from the settings' seed: equal seeds give equal networks.

        Raises:
            ValueError: the network's depth does not divide the image's sides.
        """
        with seeded(settings.seed):
            network = cls.build(settings, shape)
        network = network.to(device.torch, memory_format=torch.channels_last)
        process = PROCESSES[settings.process](settings.noise_schedule(), device.torch, **settings.process_options)
        return cls(settings, tuple(shape), network, process, device)

    def output(self, xt: Tensor, t: Tensor) -> Tensor:
        """Return the network's raw output for x_t (B, C, H, W) at indices t (B,), in float32."""
        xt = self.process.seen(xt, t)
        compiled = self.network.training and self._compiled is not None
        network = self._compiled if compiled else self.network
        with self.device.autocast():
            return network(xt.contiguous(memory_format=torch.channels_last), t).float()

    def captured(self) -> "Model":
        """Return the model for many calls with the weights as they are, each a CUDA graph where the device has them."""
        model = copy.copy(self)
        call = captured(lambda pair: self.output(*pair), self.device, "the network")
        model.output = lambda xt, t: call((xt, t))
        return model

    def score(self, xt: Tensor, t: Tensor) -> Tensor:
        """Return the gradient of log p_t at x_t (B, C, H, W), -eps_hat / sqrt(1 - abar_t), whatever the target.

        Raises:
            ValueError: a process that is no Gaussian.
        """
        if not {"eps", "abar"} <= self.process.extras:
            raise ValueError(f"process {self.settings.process!r} has no score: choose gaussian")
        return -self.predict(xt, t).eps / self.process.at("sqrt_1m_abar", t, xt)

    def predict(self, xt: Tensor, t: Tensor) -> Prediction:
        """Read the output for x_t (B, C, H, W) at indices t (B,), or one index for all, as the target says."""
        return self.target.read(self.output(xt, t), xt, t, self.process)
