"""The records beside runs: one class writes and reads each. A field that is absent in a file is absent again."""

import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diffusion.store.files import read_json, write_json
from diffusion.store.registry import UnknownNameError

__all__ = [
    "LikelihoodRecord",
    "MeanErrors",
    "Record",
    "RunRecord",
    "RunSeconds",
    "SamplesRecord",
    "explain",
    "mend",
    "read_record",
]

Seconds = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class Record(BaseModel):
    """A JSON object; what else stands there is kept."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    def write(self, path: Path) -> None:
        """Write what is set, in the fields' order."""
        write_json(path, self.model_dump(mode="json", by_alias=True, exclude_unset=True))


class RunSeconds(Record):
    """Where a run's time went, in seconds; last_process: of the command that ended it, start to end."""

    training: Seconds
    loading: Seconds = Field(0.0, alias="of that loading")
    test: Seconds = 0.0
    last_process: Seconds = Field(0.0, alias="last process")


class RunRecord(Record):
    """run.json: what it takes to make a run again, and where its time went."""

    settings: dict[str, Any]
    data: dict[str, str] = {}
    sources: str = ""
    family: str = "diffusion"
    capabilities: list[str] = ["frames", "likelihood", "score"]
    image_shape: list[int] = []
    training_images: int | None = None
    parameters: int | None = None
    device: str
    precision: str = ""
    threads: int | None = None
    compiled: bool | None = None
    machine: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    revision: str | None = None
    seconds: RunSeconds
    images_per_second: float | None
    files: dict[str, str] = {}


class MeanErrors(Record):
    """Of the predicted noise by time step, see `diffusion.denoising.renorming.mean_errors`."""

    images: int
    steps: list[int]
    running: list[float]
    anew: list[float]


class SamplesRecord(Record):
    """samples.json, or that of other samples: how they were drawn, by what, and how long it took."""

    sampler: str | None = None
    variance: str | None = None
    corrections: int | None = None
    snr: float | None = None
    steps: int | None = None
    count: int | None = None
    framed: int | None = None
    frames: int | None = None
    batch_size: int | None = None
    clip: bool | None = None
    pixel_noise: bool | None = None
    seed: int | None = None
    noised: str | None = None
    from_abar: float | None = None
    matched: str | None = None
    renormed: str | None = None
    mean_errors: MeanErrors | None = None
    frame_steps: list[int] | None = None
    device: str = ""
    precision: str = ""
    threads: int | None = None
    seconds: Seconds
    seconds_per_image: Positive
    model: str = ""
    data: dict[str, str] = {}
    files: dict[str, str] = {}


class LikelihoodRecord(Record):
    """likelihood.json: terms and their standard errors in bits per dimension, and how they were estimated."""

    prior: float
    steps: float
    decoder: float
    prior_se: float | None = None
    steps_se: float | None = None
    decoder_se: float | None = None
    total_se: float | None
    images: int
    draws: int | None = None
    groups: int | None = None
    total: float
    unit: str = "bits/dim"
    batch_size: int | None = None
    seed: int | None = None
    variance: str | None = None
    device: str = ""
    precision: str = ""
    threads: int | None = None
    seconds: Seconds = 0.0
    model: str = ""
    data: dict[str, str] = {}
    files: dict[str, str] = {}


Kind = TypeVar("Kind", bound=Record)


def read_record(path: Path, kind: type[Kind]) -> Kind:
    """Read a JSON record of its kind.

    Raises:
        ValueError: not JSON, or not what such a record holds.
        OSError: missing or unreadable.
    """
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is not what it was written as ({explain(error)}): make it again") from None


def explain(error: ValidationError, name: Callable[[str], str] = str) -> str:
    """Say in one line what a ValidationError found: each offending key, its value, and what is allowed.

    name: what people call a key, given as `widths.0`.
    """
    found = error.errors()
    inside = {e["loc"][:-1] for e in found if len(e["loc"]) > 1}
    told = []
    for e in found:
        if e["type"] == "too_short" and e["loc"] in inside:  # its bad items were not counted
            continue
        key = name(".".join(map(str, e["loc"])))
        if e["type"] == "missing":
            told.append(f"{key} is missing")
            continue
        where = f"{key} = {reprlib.repr(e['input'])}: " if e["loc"] else ""
        told.append(where + e["msg"].removeprefix("Value error, "))
    return "; ".join(told)


def mend(error: Exception) -> str:
    """Say what to do about a model that cannot be read: a name that nobody here has may be a plugin's."""
    causes = [e.get("ctx", {}).get("error") for e in error.errors()] if isinstance(error, ValidationError) else [error]
    unknown = any(isinstance(one, UnknownNameError) for one in causes)
    return "name the plugin that has it, diffusion --plugin MODULE" if unknown else "train again"
