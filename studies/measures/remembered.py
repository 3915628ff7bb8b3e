"""Claims as they stood when a model was first measured: what marks those that were written or changed after it."""

import contextlib
import hashlib
import json
import os
import re

from pydantic import Field

from diffusion.store.files import beside, listed, read_json, sha256, write_json
from diffusion.store.records import Record, read_record

__all__ = ["CLAIMS", "ClaimsRecord", "remember"]

CLAIMS = "claims.json"
LOST = "lost"  # in the place of a digest that was there and can no longer be read


class ClaimsRecord(Record):
    """claims.json: by study, the digests of its claims when this training was first measured.

    lost: an earlier record could not be read any more, so no claim counts as written down before this training was
    measured. digest: of all else, so that a record which was emptied or cut is not taken for a new one.
    """

    losses: str = ""
    studies: dict[str, dict[str, str]] = Field(default_factory=dict)
    lost: bool = False
    digest: str | None = None

    def signed(self) -> "ClaimsRecord":
        """Return the record with its digest."""
        return self.model_copy(update={"digest": self._own_digest()})

    @property
    def is_whole(self) -> bool:
        """Whether it is what was written; of an older one without a digest, whether it tells of any training."""
        if self.digest is None:
            return bool(re.fullmatch(r"[0-9a-f]{64}", self.losses))
        return self.digest == self._own_digest()

    def _own_digest(self) -> str:
        content = json.dumps([self.losses, self.studies, self.lost], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def remember(plan, run) -> None:
    """Record the claims' digests the first time a model is measured and never overwrite them.

    Resampling must not make a claim that was edited later look pre-registered; nor must a record that was torn.

    Raises:
        ValueError: a file of that name is not ours.
    """
    losses, record = sha256(run.folder / "losses.csv"), _read(run)
    known = record.studies if record.losses in (losses, LOST) else {}
    lost = record.lost and record.losses in (losses, LOST)
    ours = {claim.id: LOST if lost else claim.digest for claim in plan.study.claims}
    told = ClaimsRecord(losses=losses, studies={plan.study_name: ours} | known, lost=lost).signed()
    write_json(run.folder / CLAIMS, told.model_dump(mode="json"))


def _read(run) -> ClaimsRecord:
    """Return what is remembered of a run; one that was there and is not whole any more is lost."""
    path, record = run.folder / CLAIMS, None
    with contextlib.suppress(FileNotFoundError, ValueError):
        record = read_record(path, ClaimsRecord)
    if record is not None and record.is_whole:
        return record
    if not _was_there(run) and os.path.lexists(path):
        raise ValueError(f"{path} is in no record of ours, so it is not ours to replace: move it away")
    return _nothing_left() if _was_there(run) else ClaimsRecord()


def _nothing_left() -> ClaimsRecord:
    return ClaimsRecord(losses=LOST, lost=True)


def _was_there(run) -> bool:
    """Return whether the record beside the run's measures lists a record of claims; a broken one may have done so."""
    try:
        return listed(read_json(run.folder / beside(run.measure_file)), CLAIMS) is not None
    except FileNotFoundError:
        return False
    except (ValueError, OSError):
        return True
