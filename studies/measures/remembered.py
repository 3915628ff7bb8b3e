"""Claims as they stood when a model was first measured."""

from pydantic import Field

from diffusion.store.records import Record

__all__ = ["CLAIMS", "ClaimsRecord"]

CLAIMS = "claims.json"


class ClaimsRecord(Record):
    """claims.json: by study, the digests of its claims when this training was first measured."""

    losses: str = ""
    studies: dict[str, dict[str, str]] = Field(default_factory=dict)
