"""What the records of claims and data sets must hold for figures, tables and verdicts to be made of them."""

from pydantic import Field

from diffusion.store.records import Record, Seconds

__all__ = ["ClaimsRecord", "DatasetRecord"]


class ClaimsRecord(Record):
    """claims.json: by study, the digests of its claims when this training was first measured."""

    losses: str = ""
    studies: dict[str, dict[str, str]] = Field(default_factory=dict)


class DatasetRecord(Record):
    """dataset.json."""

    seconds: dict[str, Seconds]
