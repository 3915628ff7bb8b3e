"""Options that several commands share."""

import math
from pathlib import Path

import click

__all__ = ["DEVICE", "FOLDER", "PRECISION", "SEED", "THREADS", "Above"]


class _Folder(click.Path):
    """A path; an empty one, which a shell makes of a variable without a value, is none and not the folder at hand."""

    def convert(self, value, param, ctx):
        if value == "":
            self.fail("the path is empty: give another", param, ctx)
        return super().convert(value, param, ctx)


class Above(click.FloatRange):
    """A number greater than a bound: not infinite, and no NaN, which passes every comparison."""

    def __init__(self, bound: float):
        super().__init__(bound, min_open=True)

    def convert(self, value, param, ctx):
        found = super().convert(value, param, ctx)
        return found if math.isfinite(found) else self.fail(f"{found} is no finite number.", param, ctx)


FOLDER = _Folder(path_type=Path)
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="[auto|cuda|mps|cpu]", help="Where to compute."
)
PRECISION = click.Choice(["auto", "float32", "bfloat16"])
SEED = click.IntRange(0, 2**32 - 1)
THREADS = click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads; default: torch's choice.")
