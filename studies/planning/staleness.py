"""What is made again: decided by contents, and never by times. Helpers of the Snakefile.

Each rule has two parameters, which Snakemake records and compares: the digest of all that it reads, and whether its
outputs are what the records beside them say. Results that came without Snakemake's records are taken as they are.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from diffusion.store.files import is_whole
from diffusion.store.opening import contents

__all__ = ["digest_of_inputs", "forget_times", "wholeness_of"]


def forget_times() -> None:
    """Make Snakemake look at no file's time: neither for an input that is newer, nor for an output that is older.

    A clock that was ahead, a release that was unpacked with its old times and a file edited under its old time are then
    like any other. Snakemake has no option for it.
    """
    from snakemake.dag import DAG
    from snakemake.io import _IOFile

    async def is_newer(self, time) -> bool:
        return False

    async def check_output_mtime(self, job, expanded_output) -> None:
        pass

    for owner, method in ((_IOFile, is_newer), (DAG, check_output_mtime)):
        if hasattr(owner, method.__name__):
            setattr(owner, method.__name__, method)
        else:
            print(
                f"warning: this version of Snakemake may let times decide ({owner.__name__}.{method.__name__} is gone)"
            )


def digest_of_inputs(*parts) -> Callable[..., str]:
    """Return what takes a job's wildcards to the digest of its inputs; parts: such functions of files, or lists."""

    def digest(wildcards):
        return contents(file for part in parts for file in (part(wildcards) if callable(part) else part))

    return digest


class Wholeness(str):
    """Outputs, a line each, of which Snakemake records whether they are what their records say, whenever it asks.

    So the job of a torn or edited output runs again, and what is recorded once it has run is that all is whole.
    """

    def __repr__(self) -> str:
        return "whole" if all(is_whole(Path(line)) for line in self.split("\n")) else "torn"


def wholeness_of(workflow, *outputs) -> Callable[..., Wholeness]:
    """Return what takes a job's wildcards to the wholeness of its outputs, patterns of paths."""

    def look(wildcards):
        with suppress(AttributeError):  # Snakemake remembers what it planned with; without this, a job would run twice
            type(workflow.persistence)._params.cache_clear()
        return Wholeness("\n".join(str(one).format(**wildcards) for one in outputs))

    return look
