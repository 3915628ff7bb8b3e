"""diffusion show."""

import os
import stat
from pathlib import Path

import click

from diffusion.commands.options import FOLDER
from diffusion.store.names import SAMPLES, TAKEN, check_name

__all__ = ["show"]

PNG = b"\x89PNG\r\n\x1a\n"  # its first bytes


@click.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--name", default=SAMPLES, show_default=True, help="Which samples of RUN, as named by `diffusion sample`."
)
@click.option("--out", type=FOLDER, help="PNG file.  [RUN/NAME-sheet.png]")
@click.option("--count", type=click.IntRange(1, 2500), default=64, show_default=True, help="The first so many images.")
@click.option("--columns", type=click.IntRange(1, 2500), help="Images a row.  [nearly square]")
def show(run: Path, name: str, out: Path | None, count: int, columns: int | None):
    """Write a contact sheet of samples in RUN as a PNG, to look at."""
    from diffusion.images import write_sheet
    from diffusion.store.files import check_digest, load_array
    from diffusion.store.ledger import announce
    from diffusion.store.locks import locked

    if name in TAKEN:
        check_name(name)
    array, path = run / f"{name}.npy", out or run / f"{name}-sheet.png"
    if not array.exists():
        raise FileNotFoundError(_tell_missing(run, name, array))
    found = load_array(array)
    check_digest(array, found.sha256, f"{name}.json")
    images = found.values[:count]
    _check_sheet(path)
    if out is None:
        with locked(run):
            announce(run, [path.name])
            write_sheet(path, images, columns)
    else:
        write_sheet(path, images, columns)
    click.echo(f"{len(images)} images: {path}")


def _check_sheet(path: Path) -> None:
    """Refuse a place for a sheet where something else is, or that names no PNG file."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: a sheet is a PNG file: give --out a name that ends in .png")
    if os.path.lexists(path) and not (stat.S_ISREG(os.lstat(path).st_mode) and path.read_bytes()[:8] == PNG):
        raise ValueError(f"{path} is there and is no PNG file, so it is not replaced: give another --out")


def _tell_missing(run: Path, name: str, array: Path) -> str:
    if (run / "dataset.json").exists():
        return f"{run} is a data set: `triangles show {run}` shows its images"
    there = sorted(path.name.removesuffix("-frames.npy") for path in run.glob("*-frames.npy"))
    hint = f"--name {' or '.join(there)}" if there else f"draw some by `diffusion sample {run}`"
    return f"{array} does not exist: {hint}"
