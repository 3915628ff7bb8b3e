"""Know whether a network can be trained in the memory that is free: a system may kill who only tries."""

import torch
from torch import nn

from diffusion.devices import Device
from diffusion.family import FAMILIES
from diffusion.settings import FamilySettings
from diffusion.store.surroundings.memory import TooLargeError, free_memory

__all__ = ["check_training_fits"]

STATES = {"adam": 2}  # what an optimizer keeps of each weight, at least; 1 of others


def check_training_fits(settings: FamilySettings, shape: tuple[int, int, int], device: Device) -> None:
    """Refuse a network too large to be trained in the free memory, by its weights and what training keeps of each.

    What the images take beside them is not known before they are seen.

    shape: one image's (C, H, W).

    Raises:
        TooLargeError: it is.
        ValueError: the images do not fit the network.
    """
    weights = _count_bytes(settings, shape)
    # themselves, their gradients, what the optimizer keeps, their averages, and what autocast makes of them
    copies = 2 + STATES.get(settings.optimizer, 1) + bool(settings.ema) + 0.5 * (device.precision == "bfloat16")
    needed = copies * weights
    free = torch.cuda.mem_get_info(device.torch)[0] if device.torch.type == "cuda" else free_memory()
    if free is not None and needed > free:
        raise TooLargeError(
            f"to train this network of {weights / 2**30:.1f} GiB takes {needed / 2**30:.1f} GiB and more, and "
            f"{free / 2**30:.1f} GiB are free: {_advise(settings)}, or use a machine with more memory"
        )


def _advise(settings: FamilySettings) -> str:
    own = [name for name in ("widths", "width") if name in type(settings).model_fields]
    return f"lower --{own[0]}" if own else "choose a smaller one"


def _count_bytes(settings: FamilySettings, shape: tuple[int, int, int]) -> int:
    """Return the bytes of the weights, without making them; none where a network cannot be made so."""
    try:
        with torch.device("meta"):
            network: nn.Module = FAMILIES[settings.family].model.build(settings, shape)
    except NotImplementedError:
        return 0
    return sum(weight.numel() * weight.element_size() for weight in network.parameters())
