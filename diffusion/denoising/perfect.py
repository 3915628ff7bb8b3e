"""Say what perfect denoisers are, without torch: their settings, and the family that remembers its training images."""

from typing import ClassVar, Self

import numpy as np
from pydantic import field_validator, model_validator

from diffusion.family import Family
from diffusion.images import are_black_and_white
from diffusion.processes import PROCESSES
from diffusion.samplers import SAMPLERS
from diffusion.schedules import BETA_MAX, BETA_MIN, NoiseSchedule, named, schedule
from diffusion.settings import WeightlessSettings, setting

__all__ = ["EMPIRICAL", "PARTS", "EmpiricalSettings", "FiniteSettings"]


class FiniteSettings(WeightlessSettings):
    """Settings of a perfect denoiser: its noise. There is nothing to learn, so one pass over the images is enough."""

    process: ClassVar[str] = "gaussian"
    target: ClassVar[str] = "x0"
    time_draw: ClassVar[str] = "uniform"
    process_options: ClassVar[dict] = {}

    epochs: int = setting(1, "passes over the training images", ge=1)
    drop_last: bool = setting(False, "leave out the last, smaller batch of an epoch")
    schedule: str = setting("linear", "noise schedule; `diffusion schedules` lists them")
    timesteps: int = setting(1000, "T, the number of time steps", ge=1, le=100_000)
    beta_min: float = setting(BETA_MIN, "smallest beta", gt=0, lt=1)
    beta_max: float = setting(BETA_MAX, "largest beta", gt=0, lt=1)

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, name: str) -> str:
        named(name)
        return name

    @model_validator(mode="after")
    def _consistent(self):
        if self.value_range != "symmetric":
            raise ValueError("value_range must be symmetric: black and white are -1 and 1 to a perfect denoiser")
        self.noise_schedule()
        return self

    def settle(self, *images: np.ndarray) -> Self:
        """Return these settings; ValueError where uint8 images have gray levels."""
        if not are_black_and_white(*images):
            raise ValueError("a perfect denoiser is of black and white images, and these are not: give others")
        return self

    def noise_schedule(self, name: str | None = None) -> NoiseSchedule:
        """Return the noise schedule, or another one by name, with this run's T and bounds."""
        return schedule(name or self.schedule, self.timesteps, self.beta_min, self.beta_max)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the modules that these settings choose."""
        return (*super().sources, PROCESSES.module(self.process))

    def drawn_by(self, sampler: str | None) -> tuple[str, ...]:
        """Return the name of the sampler's module."""
        return (SAMPLERS.module(sampler or "ancestral"),)

    @property
    def bounded_by(self) -> tuple[str, ...]:
        """Names of the modules that hold the process's terms of the bound."""
        return (PROCESSES[self.process].bound.partition(":")[0],)


class EmpiricalSettings(FiniteSettings):
    """Settings of the perfect denoiser of a data set's training images."""

    family: str = setting("empirical", "what kind of generative model; it decides which options there are")


PARTS = {
    "model": "diffusion.denoising.finite:FiniteModel",
    "draw": "diffusion.denoising.sampling:sample",
    "bound": "diffusion.denoising.likelihood:bound",
    "capabilities": frozenset({"frames", "likelihood", "score"}),
}
EMPIRICAL = Family(
    settings="diffusion.denoising.perfect:EmpiricalSettings",
    learner="diffusion.denoising.finite:EmpiricalLearner",
    **PARTS,
)
