"""What a run is: frozen, typed settings; unknown keys and impossible values are refused. Without torch."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator

from diffusion.family import FAMILIES
from diffusion.networks import FACTS, NETWORKS, facts
from diffusion.optimizers import OPTIMIZERS
from diffusion.processes import PROCESSES, TIME_DRAWS
from diffusion.processes.poisson import LOG_SNR_FIRST, LOG_SNR_LAST
from diffusion.samplers import SAMPLERS
from diffusion.schedules import BETA_MAX, BETA_MIN, SCHEDULES, NoiseSchedule, named, schedule
from diffusion.store.records import explain
from diffusion.store.registry import Registry
from diffusion.targets import TARGETS

__all__ = ["FamilySettings", "TrainSettings", "WeightlessSettings", "explain", "one_of", "read_settings", "setting"]

Positive = Annotated[int, Field(ge=1)]
ENOUGH = 5  # times that averaged weights must forget their beginning by a factor of e: to 0.7%
DEFAULT_FAMILY = "diffusion"  # of settings that were written before there were others


def setting(default, description: str, **bounds):
    """Declare a field with what `--help` says of it."""
    return Field(default=default, description=description, **bounds)


def one_of(registry: Registry):
    """Return the type of a name that the registry has when it is asked."""

    def check(name: str) -> str:
        registry.module(name)
        return name

    check.registry = registry
    return Annotated[str, AfterValidator(check)]


class FamilySettings(BaseModel):
    """What the settings of every family share; `diffusion.training` reads these."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    idle: ClassVar[frozenset[str]] = frozenset()  # settings that change nothing of this family: no help names them

    value_range: Literal["symmetric", "unit"] = setting("symmetric", "pixels enter the network in [-1, 1] or [0, 1]")
    epochs: int = setting(100, "passes over the training images", ge=1)
    batch_size: int = setting(128, "images per step", ge=1)
    drop_last: bool = setting(True, "leave out the last, smaller batch of an epoch")
    optimizer: one_of(OPTIMIZERS) = setting("adam", "Adam, or Muon on the convolutions and Adam on the rest")
    learning_rate: float = setting(1e-3, "Adam's learning rate", gt=0, le=1)
    cooldown: float = setting(0.0, "last share of the run over which the rate falls to zero", ge=0, le=1)
    ema: float = setting(0.0, "decay of the averaged weights; 0: no averaging", ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = setting("auto", "auto: bfloat16 where the hardware has it")
    seed: int = setting(0, "one number behind weights, batches, time steps and noise", ge=0, lt=2**32)
    family: one_of(FAMILIES) = setting(
        DEFAULT_FAMILY, "what kind of generative model; it decides which options there are"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_other_familys(cls, given):
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields:
                cls.refuse_option(name, name)
        return given

    @classmethod
    def refuse_option(cls, name: str, words: str) -> None:
        """Raise ValueError if a setting that this family lacks is another's; words: what people call it."""
        owners = [family for family in FAMILIES if name in FAMILIES[family].settings.model_fields]
        if owners and name not in cls.model_fields:
            ours = cls.model_fields["family"].default
            raise ValueError(f"{words} belongs to family {' or '.join(owners)}, not to {ours}: leave it out")

    @model_validator(mode="after")
    def _of_the_family(self):
        if not isinstance(self, FAMILIES[self.family].settings):
            raise ValueError(f"family {self.family} has other settings than {type(self).__name__}: use its own")
        return self

    @classmethod
    def choices(cls, name: str) -> list[str] | None:
        """List what a setting may be, a registry's members as they are when it is asked; None where it is open."""
        field = cls.model_fields[name]
        if get_origin(field.annotation) is Literal:
            return list(get_args(field.annotation))
        registries = [getattr(getattr(one, "func", None), "registry", None) for one in field.metadata]
        return next((list(registry) for registry in registries if registry is not None), None)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the modules that these settings choose."""
        return (OPTIMIZERS.module(self.optimizer),)

    def settle(self, *images: np.ndarray) -> Self:
        """Return the settings with those decided that are left to the images, uint8 arrays of any shape.

        Raises:
            ValueError: a model of these settings cannot be of such images.
        """
        return self

    def count_steps(self, images: int) -> int:
        """Return how many optimization steps an epoch of so many images has."""
        return images // self.batch_size if self.drop_last else -(-images // self.batch_size)

    def warn_of_averages(self, images: int) -> str:
        """Tell of averaged weights that look back further than a run on so many images is long; empty if all is well.

        Such weights stay near the first ones, and samples drawn by them may be blank.
        """
        steps = self.epochs * self.count_steps(images)
        if not self.ema or steps * (1 - self.ema) >= ENOUGH:
            return ""
        most = 1 - ENOUGH / steps if steps else 0
        mend = f"give at most {most:.2g}" if most > 0 else "give 0"
        back = f"averages over {1 / (1 - self.ema):.0f} steps, and the run has {steps}"
        return f"ema {self.ema:g} {back}: the weights that are kept stay near the first ones; {mend}"

    def drawn_by(self, sampler: str | None) -> tuple[str, ...]:
        """Return names of the modules that a sampler adds."""
        return ()

    @property
    def bounded_by(self) -> tuple[str, ...]:
        """Names of the modules that a bound of the likelihood adds."""
        return ()


class WeightlessSettings(FamilySettings):
    """What the settings of families share that learn no weights."""

    idle: ClassVar[frozenset[str]] = frozenset({"optimizer", "learning_rate", "cooldown", "ema", "precision"})

    @field_validator("ema")
    @classmethod
    def _nothing_to_average(cls, decay: float) -> float:
        """Ignore what a recipe says of averaged weights."""
        return 0.0


class _Denoising(BaseModel):
    """What is the diffusion family's own."""

    schedule: str = setting("linear", "noise schedule; `diffusion schedules` lists them")
    timesteps: int = setting(1000, "T, the number of time steps", ge=1, le=100_000)
    beta_min: float = setting(BETA_MIN, "smallest beta", gt=0, lt=1)
    beta_max: float = setting(BETA_MAX, "largest beta", gt=0, lt=1)
    network: one_of(NETWORKS) = setting("thesis", "the thesis's U-Net, or one of ResNet blocks with attention")
    widths: tuple[Positive, ...] = setting((8, 16, 32, 64, 128), "channels per level, comma-separated", min_length=2)
    time_dims: int = setting(128, "dimensions of the time embedding", ge=2, multiple_of=2)
    full_skip: bool = setting(False, "add a full-resolution skip to the thesis's U-Net")
    target: one_of(TARGETS) = setting("eps", "what the network predicts")
    time_draw: one_of(TIME_DRAWS) = setting("uniform", "how time steps are drawn in a batch")


class TrainSettings(FamilySettings, _Denoising):
    """Everything that shapes a trained model besides its data. The defaults are the thesis's recipe at 1/8 width.

    SOURCE of the defaults: thesis table 3.1, listing 4.2 and sections 3.3.1 and 6.2 where they state a value;
    `learning_rate`, `batch_size` and `value_range` are open there, and the values are readings.
    """

    process: one_of(PROCESSES) = setting("gaussian", "what takes the image's signal away")
    log_snr_first: float = setting(LOG_SNR_FIRST, "poisson's log-SNR at the first time step", allow_inf_nan=False)
    log_snr_last: float = setting(LOG_SNR_LAST, "poisson's log-SNR at the last time step", allow_inf_nan=False)

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, name: str) -> str:
        named(name)
        return name

    @model_validator(mode="after")
    def _consistent(self):
        if self.beta_min > self.beta_max:
            raise ValueError(f"beta_min ({self.beta_min}) must not exceed beta_max ({self.beta_max})")
        self.noise_schedule()  # refuses what rounding makes nothing of
        self._check_network()
        self._check_process()
        self._check_target()
        return self

    def _check_target(self) -> None:
        """Refuse a target, a process and a value range that do not go together, naming all that must change.

        Raises:
            ValueError: they do not.
        """
        target, process = TARGETS[self.target], PROCESSES[self.process]
        ranges = getattr(process, "value_ranges", target.value_ranges)
        faults = []
        if self.value_range not in ranges:
            faults.append(f"process {self.process} needs value_range {' or '.join(ranges)}")
        if target.needs - process.extras:
            fit = [name for name in TARGETS if not TARGETS[name].needs - process.extras]
            fit = " or ".join(name for name in fit if set(ranges) & set(TARGETS[name].value_ranges))
            faults.append(f"target {self.target} needs another process than {self.process}: choose {fit}")
        elif self.value_range not in target.value_ranges:
            faults.insert(0, f"target {self.target} needs value_range {' or '.join(target.value_ranges)}")
        if faults:
            raise ValueError("; ".join(faults))

    @classmethod
    def choices(cls, name: str) -> list[str] | None:
        """List what a setting may be, the schedules' families among them."""
        return [*SCHEDULES, "power-P", "wave-K"] if name == "schedule" else super().choices(name)

    def _check_network(self) -> None:
        for option in sorted(frozenset().union(*(known.options for known in FACTS.values()))):
            mine = option in facts(self.network).options
            if not mine and getattr(self, option) != type(self).model_fields[option].default:
                owners = " or ".join(name for name, known in FACTS.items() if option in known.options)
                raise ValueError(f"{option} belongs to the {owners} network, not to {self.network}: leave it out")

    def _check_process(self) -> None:
        ours = self.process_options
        for option in sorted(frozenset().union(*map(process_options, PROCESSES)) - ours.keys()):
            if getattr(self, option) != type(self).model_fields[option].default:
                owners = " or ".join(name for name in PROCESSES if option in process_options(name))
                raise ValueError(f"{option} belongs to the {owners} process, not to {self.process}: leave it out")
        if check := getattr(PROCESSES[self.process], "check", None):
            check(self.noise_schedule(), **ours)

    @property
    def process_options(self) -> dict[str, Any]:
        """The settings that the process is made with besides its schedule."""
        return {name: getattr(self, name) for name in sorted(process_options(self.process))}

    @model_serializer(mode="wrap")
    def _of_the_process(self, write):
        """Leave out options of other processes, so that records of runs say nothing that shaped no model."""
        others = frozenset().union(*map(process_options, PROCESSES)) - process_options(self.process)
        return {name: value for name, value in write(self).items() if name not in others}

    def noise_schedule(self, name: str | None = None) -> NoiseSchedule:
        """Return the noise schedule, or another one by name, with this run's T and bounds."""
        return schedule(name or self.schedule, self.timesteps, self.beta_min, self.beta_max)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the modules that these settings choose."""
        chosen = {NETWORKS: self.network, PROCESSES: self.process, TARGETS: self.target, TIME_DRAWS: self.time_draw}
        if self.schedule in SCHEDULES:
            chosen[SCHEDULES] = self.schedule
        return (*super().sources, *(registry.module(name) for registry, name in chosen.items()))

    def drawn_by(self, sampler: str | None) -> tuple[str, ...]:
        """Return the name of the sampler's module."""
        return (SAMPLERS.module(sampler or "ancestral"),)

    @property
    def bounded_by(self) -> tuple[str, ...]:
        """Names of the modules that hold the process's terms of the bound."""
        bound = PROCESSES[self.process].bound
        return (bound.partition(":")[0],) if bound else ()


def process_options(name: str) -> frozenset[str]:
    """Return the names of the settings that a process is made with besides its schedule."""
    return getattr(PROCESSES[name], "options", frozenset())


def read_settings(content: Any) -> FamilySettings:
    """Return settings from plain content, of the class that their family has; none named is "diffusion".

    Raises:
        ValueError: an unknown family, or what its settings do not allow (a pydantic ValidationError).
    """
    family = content.get("family", DEFAULT_FAMILY) if isinstance(content, Mapping) else DEFAULT_FAMILY
    return FAMILIES[family if isinstance(family, str) else DEFAULT_FAMILY].settings.model_validate(content)
