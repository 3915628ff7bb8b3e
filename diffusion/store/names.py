"""Names of files in a run's folder, and which of them samples and bounds may take. Without torch."""

import re
from pathlib import Path

RUN, LOSSES, MODEL, CHECKPOINT = "run.json", "losses.csv", "model.safetensors", "checkpoint.safetensors"
STARTED = "started.json"  # identity of a run that is not finished
DIVERGED = "diverged.json"  # why the last attempt at it came to nothing
SAMPLES, LIKELIHOOD = "samples", "likelihood"  # what the two commands call their files by default
TAKEN = ("run", "started", "diverged", "losses", "measures", "claims")  # of files of the run itself
ENDINGS = ("-frames", "-measures", "-sheet")  # of files that stand beside samples


def check_name(name: str, *others: str) -> None:
    """Refuse a name that would leave the run's folder, or whose files would replace what has its own name there.

    others: names of which another command makes files.

    Raises:
        ValueError: the name is none of those allowed.
    """
    taken = (*TAKEN, *others)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name in taken or name.endswith(ENDINGS):
        raise ValueError(
            f"name {name!r}: give letters, digits, dots and dashes, none of {', '.join(taken)}, "
            f"and no {' or '.join(ENDINGS)} at the end"
        )


def check_free(file: Path, owner: str) -> None:
    """Refuse a name under which this file stands: the other command's, of which both would make NAME.npy and NAME.json.

    Raises:
        ValueError: the file is there.
    """
    if file.exists():
        raise ValueError(f"{file} is there, {owner} of that name: choose another --name")
