"""What a study and a scale may say: frozen and typed; unknown keys and impossible values are refused by their path."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from diffusion.commands.recipes import RECIPES
from diffusion.samplers import SAMPLERS
from diffusion.settings import one_of
from diffusion.store.console import flag
from studies.planning.claim import Cells, Claim, Name, Settings

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _distinct(names: tuple) -> tuple:
    seen = set()
    if repeated := [name for name in names if name in seen or seen.add(name)]:
        raise ValueError(f"{repeated[0]} is there twice")
    return names


Distinct = AfterValidator(_distinct)

OF_SAMPLERS = ("variance", "corrections", "snr")  # each of some
OF_PATHS = ("sampler", *OF_SAMPLERS, "clip", "steps", "framed", "frames")  # nothing to families that draw at once


class SamplingSettings(Settings):
    """How samples are drawn, in the words of `diffusion sample`."""

    sampler: one_of(SAMPLERS) = "ancestral"
    variance: str | None = None
    corrections: Annotated[int, Field(ge=1, le=1000)] | None = None
    snr: Annotated[float, Field(gt=0)] | None = None
    clip: bool = False
    pixel_noise: bool | None = None
    steps: Positive | None = None
    count: Annotated[int, Field(ge=1, le=10**6)] = 64
    framed: Positive = 8
    frames: Annotated[int, Field(ge=2, le=10**5)] = 26
    batch_size: Annotated[int, Field(ge=1, le=10**5)] | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def complete(self, variances: tuple[str, ...]) -> dict:
        """Return the settings with the variance that leaving it out means: what is the same has one name.

        variances: those of the process, its usual one first; none for a family without a process.
        """
        takes_one = variances and "variance" in SAMPLERS[self.sampler].options and self.variance is None
        return self.model_dump() | ({"variance": variances[0]} if takes_one else {})

    def flags(self, variances: tuple[str, ...], has_path: bool) -> str:
        """Return the options of `diffusion sample`; of those that shape a path only where there is one."""
        given = {name: value for name, value in self.complete(variances).items() if value is not None}
        if not has_path:
            given = {name: value for name, value in given.items() if name not in OF_PATHS}
        return " ".join(flag(*one) for one in sorted(given.items(), key=lambda one: isinstance(one[1], bool)))


class LikelihoodSettings(Settings):
    """How the likelihood is bounded, in the words of `diffusion likelihood`."""

    images: Positive = 512
    draws: Positive = 16
    batch_size: Positive = 500
    precision: Literal["auto", "float32", "bfloat16"] = "float32"

    @property
    def flags(self) -> str:
        return " ".join(flag(*one) for one in self.model_dump().items())


class Variant(Settings):
    """What the entries of `data` and `models` share: words for people, and settings that override the scale's.

    label: what people read, the entry's own name if it has none. settings: every other key of the entry.
    """

    label: str | None = None
    settings: Mapping[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_settings(cls, content):
        """Take each key that is no field of the entry's for a setting."""
        if not isinstance(content, Mapping) or "settings" in content:
            return content
        known = {key: value for key, value in content.items() if key in cls.model_fields}
        return known | {"settings": {key: value for key, value in content.items() if key not in known}}


class DataVariant(Variant):
    """Images by settings of `triangles generate`, or with `images`, a path, of `triangles import`; judged_as: the kind
    by whose rulers these and samples are measured, in place of their own."""

    judged_as: Name | None = None


class ModelVariant(Variant):
    """A model, by settings of `diffusion train`; recipe: one of scales.yaml, in place of the scale's; sampling: by
    settings of `diffusion sample`; colour: of its lines and bars, as #rrggbb, chosen if it has none."""

    recipe: Name | None = None
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")] | None = None
    sampling: Mapping[str, Any] = {}


Cell = tuple[Name, Name]


class Extended(Settings):
    """One cell trained once more, for `epochs_factor` times the epochs."""

    data: Name
    model: Name
    epochs_factor: Annotated[float, Field(gt=1, le=100)]


class Resampled(Settings):
    """Cells sampled once more, in another way.

    sampling: what differs from the study's own; noised: from held-out images noised to x_T, not from N(0, I), or, with
    from_abar, noised until that share of signal power is left; matched: from a Gaussian with the mean and covariance of
    x_T; renormed: with batch norm's statistics taken again.
    """

    cells: Cells = Cells()
    sampling: Mapping[str, Any] = {}
    noised: bool = False
    from_abar: Annotated[float, Field(gt=0, lt=1)] | None = None
    matched: bool = False
    renormed: bool = False

    @model_validator(mode="after")
    def _consistent(self):
        if self.matched and self.noised:
            raise ValueError("noised and matched are two ways to start: leave one out")
        if self.from_abar is not None and not self.noised:
            raise ValueError("from_abar needs noised: true, images to start from")
        return self


class Shown(Settings):
    """A figure that a study shows, with what is said of it besides the figure's own caption."""

    name: Name
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, content):
        """Take `NAME`, or `NAME: what is said of it`."""
        if isinstance(content, str):
            return {"name": content}
        if isinstance(content, Mapping) and len(content) == 1 and "name" not in content:
            ((name, note),) = content.items()
            return {"name": name, "note": note}
        return content


class Looked(Settings):
    """Seeds of a scale that were added bit by bit, and how many times results were looked at meanwhile."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Distinct]
    times: Positive


class Study(Settings):
    """A question, and what is run to answer it.

    data, models: named variants; grid: the cells (data, model), all pairs of the two if it is left out; plugins:
    modules to import first, which register members of their own. seeds: by scale, those that its claims are judged by,
    fixed before their runs, in place of the scale's own; confirming: by scale, fresh seeds that claims written or
    changed after other seeds were judged are confirmed by; looked: by scale, which seeds were looked at several times.
    """

    title: str
    question: str
    plugins: tuple[str, ...] = ()
    data: Annotated[Mapping[Name, DataVariant], Field(min_length=1)]
    models: Annotated[Mapping[Name, ModelVariant], Field(min_length=1)]
    grid: Annotated[tuple[Cell, ...], Field(min_length=1), Distinct] | None = None
    extended: Extended | None = None
    training: Mapping[str, Any] = {}
    sampling: Mapping[str, Any] = {}
    resampled: Mapping[Name, Resampled] = {}
    figures: tuple[Shown, ...] = ()
    tables: Annotated[tuple[Name, ...], Distinct] = ()
    claims: tuple[Claim, ...] = ()
    seeds: Mapping[Name, Annotated[tuple[Seed, ...], Field(min_length=1), Distinct]] = {}
    confirming: Mapping[Name, Annotated[tuple[Seed, ...], Field(min_length=1), Distinct]] = {}
    looked: Mapping[Name, tuple[Looked, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _refuse_first_form(cls, content):
        """Say what became of a grid of preparations and schedules, as studies had it at first."""
        if isinstance(content, Mapping) and isinstance(content.get("grid"), Mapping):
            raise ValueError(
                "grid: preparation and schedule are no axes any more: name sets under data and models under models, "
                "as studies/thesis.yaml does, and leave grid out or give pairs [DATA, MODEL]"
            )
        return content

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.grid or tuple((data, model) for data in self.data for model in self.models)

    def count_looks(self, scale: str, seeds) -> int:
        """Count how many times results of any of these seeds were looked at while others were added: 1 if never."""
        looked = self.looked.get(scale, ())
        return max((one.times for one in looked if set(one.seeds) & set(seeds)), default=1)

    def name_stage(self, scale: str, seeds) -> str:
        """Return `confirmatory` or `exploratory`; empty where the study names no seeds to confirm by at this scale."""
        kind = "confirmatory" if set(seeds) <= set(self.confirming.get(scale, ())) else "exploratory"
        return kind if self.confirming.get(scale) else ""

    def tell_stage(self, scale: str, seeds) -> list[str]:
        """Tell whether these seeds explore or confirm, and what of the fixed ones is missing; nothing if none are."""
        told = [stage] if (stage := self.name_stage(scale, seeds)) else []
        fixed = self.seeds.get(scale) or (self.confirming[scale] if stage == "confirmatory" else None)
        if fixed and set(seeds) != set(fixed):
            told.append(f"the study fixes {len(fixed)} seeds, {', '.join(map(str, fixed))}")
        if (looks := self.count_looks(scale, seeds)) > 1:
            told.append(f"looked at {looks} times while seeds were added")
        return told

    @model_validator(mode="after")
    def _check_names(self):
        _distinct(tuple(claim.id for claim in self.claims))
        _distinct(tuple(figure.name for figure in self.figures))
        for i, cell in enumerate(self.grid or ()):
            self._check_known(f"grid.{i}", data=cell[:1], model=cell[1:])
        for name, one in self.resampled.items():
            self._check_known(f"resampled.{name}.cells", **one.cells.model_dump())
        if self.extended:
            cell = (self.extended.data, self.extended.model)
            self._check_known("extended", data=cell[:1], model=cell[1:])
        return self

    def _check_known(self, where: str, **axes) -> None:
        for axis, known in (("data", self.data), ("model", self.models)):
            if strange := set(axes[axis] or ()) - set(known):
                raise ValueError(f"{where}: {axis} {min(strange)} is not in the study: choose from {', '.join(known)}")


class Scale(Settings):
    """How much of a study is run. wiring: to show that every part works, with no more images or epochs than it has."""

    summary: str
    recipe: str
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Distinct] = (0,)
    data: Mapping[str, Any] = {}
    training: Mapping[str, Any] = {}
    sampling: Mapping[str, Any] = {}
    likelihood: LikelihoodSettings = LikelihoodSettings()
    wiring: bool = False
    threads: Positive = 1
    gpus: Annotated[int, Field(ge=0)] = 0


class Recipe(Settings):
    """How networks are trained, apart from their size and for how long; summary: in words, after the recipe's name."""

    summary: str
    training: dict[str, Any]


class Scales(Settings):
    """All recipes and scales; nearest: the scales that judge claims, nearest to the thesis first.

    A recipe that gives no `training` is the one of `diffusion train --recipe`.
    """

    recipes: dict[Name, Recipe]
    scales: dict[Name, Scale]
    nearest: Annotated[tuple[Name, ...], Distinct] = ()

    @model_validator(mode="after")
    def _check_nearest(self):
        if strange := [name for name in self.nearest if name not in self.scales]:
            raise ValueError(f"nearest: {strange[0]} is no scale: choose from {', '.join(self.scales)}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, content):
        if isinstance(content, Mapping) and isinstance(content.get("recipes"), Mapping):
            filled = {
                name: {"training": dict(RECIPES[name])} | recipe
                if name in RECIPES and isinstance(recipe, Mapping)
                else recipe
                for name, recipe in content["recipes"].items()
            }
            return {**content, "recipes": filled}
        return content
