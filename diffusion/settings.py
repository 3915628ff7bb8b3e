"""What a run is: frozen, typed settings; unknown keys and impossible values are refused."""

import reprlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from diffusion.schedules import BETA_MAX, BETA_MIN, named, schedule

Positive = Annotated[int, Field(ge=1)]


def setting(default, description: str, **bounds):
    return Field(default=default, description=description, **bounds)


class TrainSettings(BaseModel):
    """Everything that shapes a trained model besides its data. The defaults are the thesis's recipe at 1/8 width.

    SOURCE of the defaults: thesis table 3.1, listing 4.2 and sections 3.3.1 and 6.2 where they state a value;
    `learning_rate`, `batch_size` and `value_range` are open there, and the values are readings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schedule: str = setting("linear", "noise schedule; `diffusion schedules` lists them")
    timesteps: int = setting(1000, "T, the number of time steps", ge=1, le=100_000)
    beta_min: float = setting(BETA_MIN, "smallest beta", gt=0, lt=1)
    beta_max: float = setting(BETA_MAX, "largest beta", gt=0, lt=1)
    network: Literal["thesis", "residual"] = setting(
        "thesis", "the thesis's U-Net, or one of ResNet blocks with attention"
    )
    widths: tuple[Positive, ...] = setting((8, 16, 32, 64, 128), "channels per level, comma-separated", min_length=2)
    time_dims: int = setting(128, "dimensions of the time embedding", ge=2, multiple_of=2)
    full_skip: bool = setting(False, "add a full-resolution skip to the thesis's U-Net")
    target: Literal["eps", "x0", "v", "bernoulli"] = setting("eps", "what the network predicts")
    time_draw: Literal["uniform", "stratified"] = setting("uniform", "how time steps are drawn in a batch")
    value_range: Literal["symmetric", "unit"] = setting("symmetric", "pixels enter the network in [-1, 1] or [0, 1]")
    epochs: int = setting(100, "passes over the training images", ge=1)
    batch_size: int = setting(128, "images per step", ge=1)
    drop_last: bool = setting(True, "leave out the last, smaller batch of an epoch")
    optimizer: Literal["adam", "muon"] = setting("adam", "Adam, or Muon on the convolutions and Adam on the rest")
    learning_rate: float = setting(1e-3, "Adam's learning rate", gt=0, le=1)
    cooldown: float = setting(0.0, "last share of the run over which the rate falls to zero", ge=0, le=1)
    ema: float = setting(0.0, "decay of the averaged weights; 0: no averaging", ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = setting("auto", "auto: bfloat16 where the hardware has it")
    seed: int = setting(0, "one number behind weights, batches, time steps and noise", ge=0, lt=2**32)

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, name: str) -> str:
        named(name)
        return name

    @model_validator(mode="after")
    def _consistent(self):
        if self.beta_min > self.beta_max:
            raise ValueError(f"beta_min ({self.beta_min}) must not exceed beta_max ({self.beta_max})")
        schedule(self.schedule, self.timesteps, self.beta_min, self.beta_max)  # refuses what rounding makes nothing of
        if self.network == "residual" and self.full_skip:
            raise ValueError("full_skip belongs to the thesis network: the residual one always has that path")
        if self.target == "bernoulli" and self.value_range != "symmetric":
            raise ValueError("target bernoulli needs value_range symmetric: its mean is that of +-1 pixels")
        return self


def explain(error) -> str:
    """One line for a pydantic ValidationError: each offending key, its value, and what is allowed."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'settings'} = {reprlib.repr(e['input'])}: "
        f"{e['msg'].removeprefix('Value error, ')}"
        if e["loc"]
        else e["msg"].removeprefix("Value error, ")
        for e in error.errors()
    )
