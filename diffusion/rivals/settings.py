"""The settings of each family. Without torch."""

from typing import Literal, Self

import numpy as np
from pydantic import field_validator

from diffusion.images import are_black_and_white, find_levels
from diffusion.settings import FamilySettings, WeightlessSettings, setting

__all__ = ["CopierSettings", "FlowSettings", "GanSettings", "VaeSettings"]


class VaeSettings(FamilySettings):
    """What shapes a variational autoencoder."""

    family: str = setting("vae", "kind of generative model")
    latent: int = setting(32, "dimensions of z", ge=1, le=4096)
    width: int = setting(16, "channels at the first level; each next one has twice as many", ge=1, le=1024)
    pixels: Literal["auto", "bernoulli", "logistic"] = setting(
        "auto", "p(x|z): bernoulli for black and white, logistic for 256 gray levels; auto: by the images"
    )
    pixel_noise: bool = setting(False, "draw each pixel from p(x|z), and not its likeliest level")

    def settle(self, *images: np.ndarray) -> Self:
        """Return the settings with p(x|z) chosen; ValueError where Bernoulli pixels are asked of gray images."""
        binary = are_black_and_white(*images)
        if self.pixels == "bernoulli" and not binary:
            raise ValueError("Bernoulli pixels give gray images no likelihood: give --pixels logistic")
        chosen = "bernoulli" if binary else "logistic"
        return self.model_copy(update={"pixels": chosen}) if self.pixels == "auto" else self


class GanSettings(FamilySettings):
    """What shapes a generative adversarial network. Its draws are the averaged generator's."""

    family: str = setting("gan", "kind of generative model")
    learning_rate: float = setting(5e-4, "Adam's learning rate", gt=0, le=1)
    ema: float = setting(0.995, "decay of the averaged weights; 0: no averaging", ge=0, lt=1)
    latent: int = setting(64, "dimensions of z", ge=1, le=4096)
    width: int = setting(20, "channels at the first level; each next one has twice as many", ge=1, le=1024)
    penalty: float = setting(0.2, "of the discriminator's slope at real images (R1), by half its square", ge=0, le=1e6)


class FlowSettings(FamilySettings):
    """What shapes a normalizing flow."""

    family: str = setting("flow", "kind of generative model")
    precision: Literal["auto", "float32"] = setting("auto", "a flow computes in float32")
    width: int = setting(96, "channels inside each coupling's network", ge=1, le=1024)
    couplings: int = setting(6, "at each level", ge=2, le=64)
    levels: int = setting(0, "gray levels that a pixel has; 0: 2 for black and white images, else 256", ge=0, le=256)
    dequantisation: Literal["uniform", "variational"] = setting(
        "uniform", "noise within a gray level; variational: learnt with the flow, which tightens the bound"
    )

    @field_validator("levels")
    @classmethod
    def _not_one(cls, levels: int) -> int:
        if levels == 1:
            raise ValueError("a pixel has at least 2 gray levels, or 0 for as many as the images show")
        return levels

    def check_size(self, *sides: int) -> None:
        """Refuse images of these sides, in px, which a flow could not halve: ValueError."""
        if any(side % 2 for side in sides):
            size = " x ".join(map(str, sides if len(sides) > 1 else 2 * sides))
            raise ValueError(f"images of {size} px do not fit a flow: both sides must be even")

    def settle(self, *images: np.ndarray) -> Self:
        """Return the settings with the gray levels counted.

        Raises:
            ValueError: uint8 images have others than the flow's; training would round them without a word.
        """
        if not self.levels:
            return self.model_copy(update={"levels": 2 if are_black_and_white(*images) else 256})
        share = np.arange(256) / 255 * (self.levels - 1)
        if any((np.abs(share - share.round()) > 1e-6)[find_levels(some)].any() for some in images):
            raise ValueError(f"the images have more than the flow's {self.levels} gray levels: give --levels 256")
        return self


class CopierSettings(WeightlessSettings):
    """What shapes a copier."""

    family: str = setting("copier", "kind of generative model")
    epochs: int = setting(
        1, "passes over the training images; one shows it all of them but a last, smaller batch", ge=1
    )
    kept: int = setting(4096, "images that it keeps, the last ones that it saw", ge=1, le=100_000)
