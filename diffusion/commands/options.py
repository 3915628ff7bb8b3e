"""Options that several commands share."""

from pathlib import Path

import click

__all__ = ["DEVICE", "FOLDER", "PRECISION", "SEED", "THREADS"]

FOLDER = click.Path(path_type=Path)
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="[auto|cuda|mps|cpu]", help="Where to compute."
)
PRECISION = click.Choice(["auto", "float32", "bfloat16"])
SEED = click.IntRange(0, 2**32 - 1)
THREADS = click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads; default: torch's choice.")
