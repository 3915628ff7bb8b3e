"""What a study and a scale may say: frozen, typed; unknown keys and impossible values are refused by their path."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from diffusion.schedules import named
from diffusion.settings import TrainSettings, explain

SCALES = Path(str(files("studies"))) / "scales.yaml"
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


class LikelihoodSettings(_Settings):
    """How the likelihood is bounded, in the words of `diffusion likelihood`."""

    images: Positive = 512
    draws: Positive = 16
    batch_size: Positive = 500
    precision: Literal["auto", "float32", "bfloat16"] = "float32"

    @property
    def flags(self) -> str:
        return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in self.model_dump().items())


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


class Cells(_Settings):
    """Cells of the grid by set and schedule; what is left out means all of them."""

    preparation: tuple[Literal["low", "high", "array"], ...] | None = None
    schedule: tuple[str, ...] | None = None


class Side(Cells):
    """Cells, and which of their samples: the study's own, or those of an entry of `resampled`."""

    samples: Name | None = None


class Resampled(_Settings):
    """Cells sampled once more, in another way.

    sampling: what differs from the study's own; noised: from held-out images noised to x_T, not from N(0, I), or, with
    from_abar, noised until that share of signal power is left.
    """

    cells: Cells = Cells()
    sampling: dict = {}
    noised: bool = False
    from_abar: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _consistent(self):
        if self.from_abar is not None and not self.noised:
            raise ValueError("from_abar needs noised: true, images to start from")
        return self


class Contrast(_Settings):
    """What minus what, seed by seed: the means over the cells of each entry, added up on either side.

    level: a number to compare with instead of cells; each: every entry of `plus` is compared with every one of `minus`
    on its own, and the claim holds if all do.
    """

    plus: Annotated[tuple[Side, ...], Field(min_length=1)]
    minus: tuple[Side, ...] = ()
    level: float | None = None
    each: bool = False


Kind = Literal["difference", "equivalence", "never", "analytic", "underspecified", "unjudged"]
NEEDED = {
    "difference": ("measure", "contrast", "smallest", "why"),
    "equivalence": ("measure", "contrast", "smallest", "why"),
    "never": ("measure", "contrast", "smallest", "why"),
    "analytic": ("check", "why"),
    "underspecified": ("why",),
    "unjudged": (),
}


class Claim(_Settings):
    """One thing that somebody says, and how it is judged; written down before the runs.

    origin: who says it; source: where. kind: of judgement, see `studies.statistics`; analytic claims follow from
    formulas (`check` is a function of `studies.analytic`), unjudged ones stay inconclusive. direction: plus above
    minus, or below. smallest: the effect from which on it matters, in the measure's unit; of an equivalence the
    ratio, of a `never` the rate. why: the reason for measure and size. test: sign-flip needs 6 seeds for one claim,
    more for several.
    """

    id: Name
    claim: str
    source: str
    origin: Literal["thesis", "slides", "ours"] = "thesis"
    figure: Name | None = None
    kind: Kind = "unjudged"
    measure: str | None = None
    contrast: Contrast | None = None
    direction: Literal["above", "below"] = "above"
    smallest: float | None = None
    test: Literal["sign-flip", "t"] = "t"
    check: str | None = None
    why: str | None = None

    @model_validator(mode="after")
    def _complete(self):
        if missing := [name for name in NEEDED[self.kind] if getattr(self, name) is None]:
            raise ValueError(f"claim {self.id} of kind {self.kind} needs {missing[0]}")
        return self


class Study(_Settings):
    title: str
    question: str
    grid: Grid
    extended: Extended | None = None
    data: dict[Literal["low", "high", "array"], dict] = {}
    training: dict = {}
    sampling: dict = {}
    resampled: dict[Name, Resampled] = {}
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
    likelihood: LikelihoodSettings = LikelihoodSettings()
    threads: Positive = 1
    gpus: Annotated[int, Field(ge=0)] = 0


class Scales(_Settings):
    recipes: dict[Name, dict]
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
    path = path or SCALES
    return validated(Scales, read_yaml(path), path.name)
