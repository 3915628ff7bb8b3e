"""What a claim may say: frozen, typed; impossible contrasts, sizes and checks are refused before any run."""

import hashlib
import json
from math import inf
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cells(Settings):
    """Cells of the grid by data and model; what is left out means all of them."""

    data: tuple[Name, ...] | None = None
    model: tuple[Name, ...] | None = None


class Side(Cells):
    """Cells, and which of their samples: the study's own, or those of an entry of `resampled`."""

    samples: Name | None = None


class Contrast(Settings):
    """What minus what, seed by seed: the means over the cells of each entry, added up on either side.

    level: a number to compare with instead of cells; each: every entry of `plus` is compared with every one of `minus`
    on its own, and the claim holds if all do; each_data: every data set is compared by itself, and all must hold.
    """

    plus: Annotated[tuple[Side, ...], Field(min_length=1)]
    minus: tuple[Side, ...] = ()
    level: Annotated[float, Field(allow_inf_nan=False)] | None = None
    each: bool = False
    each_data: bool = False


Kind = Literal["difference", "equivalence", "never", "analytic", "underspecified", "unjudged"]
NEEDED = {
    "difference": ("measure", "contrast", "smallest", "why"),
    "equivalence": ("measure", "contrast", "smallest", "why"),
    "never": ("measure", "contrast", "smallest", "why"),
    "analytic": ("check", "why"),
    "underspecified": ("why",),
    "unjudged": (),
}
SIZES = {"difference": (0, inf), "equivalence": (1, inf), "never": (0, 1)}  # of the smallest effect that matters


class Claim(Settings):
    """One thing that somebody says, and how it is judged; written down before the runs, or see `changed`.

    origin: who says it; source: where. kind: of judgement, see `studies.verdicts.statistics`; analytic claims follow
    from formulas (`check`: a function of `studies.verdicts.analytic`), unjudged ones stay inconclusive. direction:
    plus above minus, or below. smallest: the effect from which on it matters, in the measure's unit; of an
    equivalence the ratio, of a `never` the rate. changed: what did so after runs had been judged, in words or measure.
    why: the reason for measure and size. note: what else helps to read them. reading: what reading of the thesis the
    verdict hangs on. recipe: the only one that the claim is asked of, as one about loss curves is of the recipe's own.
    test: sign-flip needs 6 seeds for one claim, more for several. ranked_by: a second measure, of the cells' runs: then
    Spearman's rank correlation of the two over the cells of `plus` is compared with the level.
    """

    id: Name
    claim: str
    source: str
    changed: str | None = None
    origin: Literal["thesis", "slides", "ours"] = "thesis"
    figure: Name | None = None
    kind: Kind = "unjudged"
    measure: str | None = None
    ranked_by: str | None = None
    contrast: Contrast | None = None
    direction: Literal["above", "below"] = "above"
    smallest: float | None = None
    test: Literal["sign-flip", "t"] = "t"
    check: str | None = None
    why: str | None = None
    note: str | None = None
    reading: str | None = None
    recipe: Name | None = None

    @model_validator(mode="after")
    def _complete(self):
        if missing := [name for name in NEEDED[self.kind] if getattr(self, name) is None]:
            raise ValueError(f"claim {self.id} of kind {self.kind} needs {missing[0]}")
        if wrong := self._compared_wrongly() if self.contrast else None:
            raise ValueError(f"claim {self.id} of kind {self.kind} needs {wrong}")
        low, high = SIZES.get(self.kind, (-inf, inf))
        if self.smallest is not None and not low < self.smallest < high:
            raise ValueError(f"claim {self.id} of kind {self.kind}: smallest = {self.smallest}, not in {low} to {high}")
        return self

    @property
    def digest(self) -> str:
        """A 12-digit hash of the fields that decide the verdict, and 6 digits of the words and the measure's version.

        How a test works is code: its course is in the project's history.
        """
        content = _as_first_hashed(self.model_dump(mode="json", exclude=set(SHOWN_ONLY)))
        return f"{_hash(content, 12)}-{_hash([self.claim, self._measure_version], 6)}"

    def is_digest(self, stored: str) -> bool:
        """Tell whether a stored digest is this claim's; an older one, which knew no words, by what decides."""
        return stored == self.digest or ("-" not in stored and stored == self.digest.partition("-")[0])

    @property
    def _measure_version(self) -> int:
        from studies.registries import describe

        return sum(describe(name).version for name in (self.measure, self.ranked_by) if name)

    def _compared_wrongly(self) -> str | None:
        """Say what the contrast lacks, or has too much of, for a claim of this kind."""
        compared, level = bool(self.contrast.minus), self.contrast.level is not None
        if self.ranked_by and (self.kind != "difference" or not level or len(self.contrast.plus) > 1):
            return "kind difference, one entry of plus and a level to rank by another measure"
        if self.kind == "never" and (compared or level):
            return "a contrast of plus only"
        if self.contrast.each_data and self.kind == "never":
            return "all data together: leave each_data out"
        if self.kind == "difference" and compared == level:
            return "a contrast with either minus or level"
        if self.kind == "equivalence" and (not compared or level):
            return "a contrast with minus, and no level"
        return "minus for a contrast of each with each" if self.contrast.each and not compared else None


# of a claim: how it is told, not how it is judged
SHOWN_ONLY = ("claim", "changed", "source", "origin", "figure", "note", "reading")
FIRST_NAMES = {"data": "preparation", "model": "schedule"}  # of the axes, when the first claims were hashed
ADDED = {"each_data": False, "recipe": None, "ranked_by": None}  # since then, with what a claim that lacks them means


def _as_first_hashed(content: Any) -> Any:
    """Name fields as they were called when the first claims were hashed, so that their digests stay comparable."""
    if isinstance(content, dict):
        kept = {key: value for key, value in content.items() if key not in ADDED or value != ADDED[key]}
        return {FIRST_NAMES.get(key, key): _as_first_hashed(value) for key, value in kept.items()}
    return [_as_first_hashed(one) for one in content] if isinstance(content, list) else content


def _hash(content: Any, digits: int) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:digits]
