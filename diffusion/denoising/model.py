"""A network together with what is needed to use it: its process, its settings, the images' shape."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from diffusion.devices import Device
from diffusion.networks import unet
from diffusion.processes.gaussian import Prediction, Process, interpreted
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings, explain
from diffusion.store.files import replacing

LARGEST_SIDE = 16_384  # of an image, in a file to be believed


def to_network(images: Tensor, value_range: str) -> Tensor:
    """uint8 0 ... 255 -> float [-1, 1] (symmetric) or [0, 1] (unit)."""
    unit = images.float() / 255
    return unit * 2 - 1 if value_range == "symmetric" else unit


def to_unit(x: Tensor, value_range: str) -> Tensor:
    """The network's range -> [0, 1] for values in range; values outside are left outside."""
    return (x + 1) / 2 if value_range == "symmetric" else x


@dataclass
class Model:
    """What sampling and likelihood need: the network on its device, its process and its settings.

    `shape` is one image's (C, H, W).
    """

    settings: TrainSettings
    shape: tuple[int, int, int]
    network: nn.Module
    process: Process
    device: Device

    @classmethod
    def new(cls, settings: TrainSettings, shape: tuple[int, int, int], device: Device) -> "Model":
        """A model with random weights drawn from the settings' seed alone: equal seeds give equal networks.

        Raises:
            ValueError: the network's depth does not divide the image's sides.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            network = unet.build(settings.network, shape[0], settings.widths, settings.time_dims, settings.full_skip)
        if shape[1] % network.divisor or shape[2] % network.divisor:
            raise ValueError(
                f"images of {shape[1]} x {shape[2]} px do not fit {len(settings.widths)} widths: "
                f"both sides must be divisible by {network.divisor}; use fewer widths or another size"
            )
        network = network.to(device.torch, memory_format=torch.channels_last)
        betas = schedule(settings.schedule, settings.timesteps, settings.beta_min, settings.beta_max)
        return cls(settings, tuple(shape), network, Process(betas, device.torch), device)

    def output(self, xt: Tensor, t: Tensor) -> Tensor:
        """The network's raw output for x_t (B, C, H, W) at indices t (B,), in float32."""
        with self.device.autocast():
            return self.network(xt.contiguous(memory_format=torch.channels_last), t).float()

    def predict(self, xt: Tensor, t: Tensor, process: Process | None = None) -> Prediction:
        """The output read as eps and x_0, by this model's process or, respaced, another with the same abar at t."""
        return interpreted(self.settings.target, process or self.process, self.output(xt, t), xt, t)


def save_model(model: Model, path: Path, state: dict[str, Tensor] | None = None) -> None:
    """Write weights and what rebuilds the network as one safetensors file (no pickle)."""
    metadata = {"settings": model.settings.model_dump_json(), "shape": json.dumps(model.shape)}
    tensors = {k: v.detach().cpu().contiguous() for k, v in (state or model.network.state_dict()).items()}
    with replacing(path) as partial:
        partial.write_bytes(as_bytes(tensors, metadata))


def as_bytes(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """A safetensors file that is the same for the same content: the library orders the metadata anew each time."""
    data = save(tensors, metadata)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors that follow stay aligned
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        ValueError: not a whole safetensors file.
        OSError: missing or unreadable.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: train first, or check the path")
    try:
        with safe_open(path, "pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}  # noqa: SIM118
    except (SafetensorError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}): train again") from None


def _described(metadata: dict[str, str], tensors: dict[str, Tensor]) -> tuple[TrainSettings, tuple[int, int, int]]:
    """Settings and image shape from a file, believed only where they call for exactly the tensors beside them.

    The network is built without memory for this: a file may claim any size.
    """
    settings, shape = TrainSettings.model_validate_json(metadata["settings"]), json.loads(metadata["shape"])
    if len(shape) != 3 or not all(type(side) is int and 0 < side <= LARGEST_SIDE for side in shape):
        raise ValueError(f"image shape {str(shape)[:80]}")
    if len(settings.widths) > len(tensors):
        raise ValueError(f"{len(settings.widths)} widths for {len(tensors)} tensors")
    with torch.device("meta"):
        network = unet.build(settings.network, shape[0], settings.widths, settings.time_dims, settings.full_skip)
    if {k: v.shape for k, v in network.state_dict().items()} != {k: v.shape for k, v in tensors.items()}:
        raise ValueError("its tensors are not those of its settings")
    return settings, tuple(shape)


def load_model(path: Path, device: Device) -> Model:
    """The model that `save_model` wrote, on the given device, in eval mode.

    Raises:
        ValueError: a broken file, or weights that do not fit the settings beside them.
        OSError: missing or unreadable.
    """
    tensors, metadata = read_tensors(path)
    try:
        settings, shape = _described(metadata, tensors)
        model = Model.new(settings, shape, device)
        model.network.load_state_dict(tensors)
    except ValidationError as error:
        raise ValueError(f"{path} holds impossible settings ({explain(error)}): train again") from None
    except (KeyError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise ValueError(f"{path} is not a model of this package ({str(error).splitlines()[0]}): train again") from None
    if not all(torch.isfinite(v).all() for v in tensors.values()):
        raise ValueError(f"{path} holds weights that are not finite: train again, with a lower learning rate")
    model.network.eval()
    return model
