"""What the records beside runs and data sets must hold for figures, tables and verdicts to be made of them."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diffusion.settings import explain
from diffusion.store.files import read_json

__all__ = [
    "ClaimsRecord",
    "DatasetRecord",
    "LikelihoodRecord",
    "MeanErrors",
    "Record",
    "RunRecord",
    "SamplesRecord",
    "read_record",
]

Seconds = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class Record(BaseModel):
    """What else stands there is kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class RunSeconds(Record):
    training: Seconds
    test: Seconds = 0.0


class RunRecord(Record):
    """run.json."""

    settings: dict[str, Any]
    device: str
    seconds: RunSeconds
    images_per_second: float
    machine: dict[str, Any] = {}
    versions: dict[str, Any] = {}


class MeanErrors(Record):
    """Of the predicted noise by time step, see `diffusion.denoising.renorming.mean_errors`."""

    images: int
    steps: list[int]
    running: list[float]
    anew: list[float]


class SamplesRecord(Record):
    """samples.json, or that of other samples."""

    seconds: Seconds
    seconds_per_image: Positive
    mean_errors: MeanErrors | None = None


class LikelihoodRecord(Record):
    """likelihood.json, in bits per dimension."""

    prior: float
    steps: float
    decoder: float
    total: float
    total_se: float | None
    images: int


class ClaimsRecord(Record):
    """claims.json: by study, the digests of its claims when this training was first measured."""

    losses: str = ""
    studies: dict[str, dict[str, str]] = {}


class DatasetRecord(Record):
    """dataset.json."""

    seconds: dict[str, Seconds]


Kind = TypeVar("Kind", bound=Record)


def read_record(path: Path, kind: type[Kind]) -> Kind:
    """A JSON record of its kind.

    Raises:
        ValueError: not JSON, or not what such a record holds.
        OSError: missing or unreadable.
    """
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is not what it was written as ({explain(error)}): make it again") from None
