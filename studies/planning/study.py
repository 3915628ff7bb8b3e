"""What a study and a scale may say: frozen, typed; unknown keys and impossible values are refused by their path."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from diffusion.schedules import named
from diffusion.settings import TrainSettings, explain
from studies.planning.claim import Cells, Claim, Name, Settings

SCALES = Path(str(files("studies"))) / "scales.yaml"
PREPARATIONS = ("low", "high", "array")
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _distinct(names: tuple) -> tuple:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{repeated[0]} is there twice")
    return names


Distinct = AfterValidator(_distinct)


class SamplingSettings(Settings):
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

    @model_validator(mode="after")
    def _consistent(self):
        if self.variance is not None and self.sampler != "ancestral":
            raise ValueError(
                f"variance = {self.variance} belongs to the ancestral sampler: with {self.sampler} say null"
            )
        return self

    def whole(self) -> dict:
        """The settings, with the variance that leaving it out means: what is the same has one name."""
        usual = {"variance": "beta"} if self.sampler == "ancestral" and self.variance is None else {}
        return self.model_dump() | usual

    def effective(self) -> dict:
        """The same as `sampling_count` and so on."""
        return {f"sampling_{name}": value for name, value in self.whole().items()}

    def flags(self) -> str:
        given = {name: value for name, value in self.whole().items() if value is not None and name != "clip"}
        words = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
        return " ".join([*words, "--clip" if self.clip else "--no-clip"])


class LikelihoodSettings(Settings):
    """How the likelihood is bounded, in the words of `diffusion likelihood`."""

    images: Positive = 512
    draws: Positive = 16
    batch_size: Positive = 500
    precision: Literal["auto", "float32", "bfloat16"] = "float32"

    @property
    def flags(self) -> str:
        return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in self.model_dump().items())


class Grid(Settings):
    preparation: Annotated[tuple[Literal["low", "high", "array"], ...], Field(min_length=1), Distinct] = PREPARATIONS
    schedule: Annotated[tuple[Name, ...], Field(min_length=1), Distinct]

    @field_validator("schedule")
    @classmethod
    def _known(cls, schedules):
        for schedule in schedules:
            named(schedule)
        return schedules


class Extended(Settings):
    """One cell trained once more, for `epochs_factor` times the epochs."""

    preparation: Literal["low", "high", "array"]
    schedule: str
    epochs_factor: Annotated[float, Field(gt=1, le=100)]


class Resampled(Settings):
    """Cells sampled once more, in another way.

    sampling: what differs from the study's own; noised: from held-out images noised to x_T, not from N(0, I), or, with
    from_abar, noised until that share of signal power is left; renormed: with batch norm's statistics taken anew.
    """

    cells: Cells = Cells()
    sampling: Mapping[str, Any] = {}
    noised: bool = False
    from_abar: Annotated[float, Field(gt=0, lt=1)] | None = None
    renormed: bool = False

    @model_validator(mode="after")
    def _consistent(self):
        if self.from_abar is not None and not self.noised:
            raise ValueError("from_abar needs noised: true, images to start from")
        return self


class Study(Settings):
    title: str
    question: str
    grid: Grid
    extended: Extended | None = None
    data: Mapping[Literal["low", "high", "array"], dict[str, Any]] = {}
    training: Mapping[str, Any] = {}
    sampling: Mapping[str, Any] = {}
    resampled: Mapping[Name, Resampled] = {}
    figures: Annotated[tuple[Name, ...], Distinct] = ()
    tables: Annotated[tuple[Name, ...], Distinct] = ()
    claims: tuple[Claim, ...] = ()

    @model_validator(mode="after")
    def _consistent(self):
        _distinct(tuple(claim.id for claim in self.claims))
        for name, one in self.resampled.items():
            for kind, wanted in one.cells.model_dump().items():
                known = getattr(self.grid, kind)
                if strange := set(wanted or ()) - set(known):
                    words = f"{kind} {min(strange)} is not in the grid: choose from {', '.join(known)}"
                    raise ValueError(f"resampled.{name}.cells: {words}")
        extended = self.extended
        if extended and (
            extended.preparation not in self.grid.preparation or extended.schedule not in self.grid.schedule
        ):
            raise ValueError(f"extended: {extended.schedule} on {extended.preparation} is no cell of the grid")
        return self


class Scale(Settings):
    summary: str
    recipe: str
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Distinct] = (0,)
    data: Mapping[str, Any] = {}
    training: Mapping[str, Any] = {}
    sampling: Mapping[str, Any] = {}
    likelihood: LikelihoodSettings = LikelihoodSettings()
    threads: Positive = 1
    gpus: Annotated[int, Field(ge=0)] = 0


class Recipe(Settings):
    """How networks are trained, apart from their size and for how long; summary: in words, after the recipe's name."""

    summary: str
    training: dict[str, Any]


class Scales(Settings):
    recipes: dict[Name, Recipe]
    scales: dict[Name, Scale]


class _Plain(yaml.SafeLoader):
    """The safe loader without aliases: a few hundred bytes of them can stand for more than any memory holds."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not used here: write the value out")
        return super().compose_node(parent, index)


def read_yaml(path: Path) -> dict:
    """A YAML mapping, read by the safe loader.

    Raises:
        ValueError: not YAML, or not a mapping.
        OSError: missing or unreadable.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), _Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a mapping of settings, not {type(content).__name__}")
    return content


def validated(kind: type[Settings] | type[TrainSettings], content: dict, where: str):
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
    known = sorted(p.stem for p in SCALES.parent.glob("*.yaml") if p.stem != "scales")
    raise ValueError(f"unknown study {name!r}: choose from {', '.join(known)}, or give the path of a YAML file")


def read_study(name: str) -> Study:
    path = find(name)
    return validated(Study, read_yaml(path), path.name)


def read_scales(path: Path | None = None) -> Scales:
    path = path or SCALES
    return validated(Scales, read_yaml(path), path.name)
