"""What a study and a scale may say: frozen, typed; unknown keys and impossible values are refused by their path."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from diffusion.schedules import named
from diffusion.settings import TrainSettings, explain

PREPARATIONS = ("low", "high", "array")
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SamplingSettings(_Settings):
    """How samples are drawn, in the words of `diffusion sample`."""

    sampler: Literal["ancestral", "ddim", "dpm-solver"] = "ancestral"
    variance: Literal["beta", "beta-tilde"] | None = None
    clip: bool = False
    steps: Positive | None = None
    count: Positive = 64
    framed: Positive = 8
    frames: Annotated[int, Field(ge=2)] = 26
    batch_size: Positive = 128
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def flags(self) -> str:
        given = {name: value for name, value in self.model_dump().items() if value is not None and name != "clip"}
        words = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
        return " ".join([*words, "--clip" if self.clip else "--no-clip"])


class Grid(_Settings):
    preparation: Annotated[tuple[Literal["low", "high", "array"], ...], Field(min_length=1)] = PREPARATIONS
    schedule: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("schedule")
    @classmethod
    def _known(cls, schedules):
        for schedule in schedules:
            named(schedule)
        return schedules


class Extended(_Settings):
    """One cell trained once more, for `epochs_factor` times the epochs."""

    preparation: Literal["low", "high", "array"]
    schedule: str
    epochs_factor: Annotated[float, Field(gt=1, le=100)]


class Claim(_Settings):
    id: Name
    claim: str
    source: str
    figure: Name | None = None


class Study(_Settings):
    title: str
    question: str
    grid: Grid
    extended: Extended | None = None
    data: dict[Literal["low", "high", "array"], dict] = {}
    training: dict = {}
    sampling: dict = {}
    figures: tuple[Name, ...] = ()
    tables: tuple[Name, ...] = ()
    claims: tuple[Claim, ...] = ()


class Scale(_Settings):
    summary: str
    recipe: str
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    data: dict = {}
    training: dict = {}
    sampling: dict = {}
    threads: Positive = 1
    gpus: Annotated[int, Field(ge=0)] = 0


class Scales(_Settings):
    recipes: dict[Name, dict]
    scales: dict[Name, Scale]


def read_yaml(path: Path) -> dict:
    """A YAML mapping, read by the safe loader.

    Raises:
        ValueError: not YAML, or not a mapping.
        OSError: missing or unreadable.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a mapping of settings, not {type(content).__name__}")
    return content


def validated(kind: type[_Settings] | type[TrainSettings], content: dict, where: str):
    """`content` as settings of the given kind; ValueError with file, key, value and what is allowed."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{where}: {explain(error)}") from None


def find(name: str) -> Path:
    """The file of a study: a name from this package, or a path to a YAML file.

    Raises:
        ValueError: neither.
    """
    inside = Path(str(files("studies"))) / f"{name}.yaml"
    if "/" not in name and inside.is_file() and name != "scales":
        return inside
    if name.endswith((".yaml", ".yml")) and Path(name).is_file():
        return Path(name)
    known = sorted(p.stem for p in inside.parent.glob("*.yaml") if p.stem != "scales")
    raise ValueError(f"unknown study {name!r}: choose from {', '.join(known)}, or give the path of a YAML file")


def read_study(name: str) -> Study:
    path = find(name)
    return validated(Study, read_yaml(path), path.name)


def read_scales(path: Path | None = None) -> Scales:
    path = path or Path(str(files("studies"))) / "scales.yaml"
    return validated(Scales, read_yaml(path), path.name)
