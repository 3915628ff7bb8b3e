"""Run the command `triangles`: generate, import, show and check data sets."""

import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from triangles.kinds import KINDS
from triangles.stops import Stopped, Stops, on_stop

MENDS = {
    "FileExistsError": "give another path",
    "FileNotFoundError": "check the path",
    "IsADirectoryError": "give another path",
    "NotADirectoryError": "give another path",
    "PermissionError": "give a path that you may write to",
}


class _Path(click.Path):
    """A path; an empty one, which a shell makes of a variable without a value, is none and not the folder at hand."""

    def convert(self, value, param, ctx):
        if value == "":
            self.fail("the path is empty: give another", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--plugin", "plugins", multiple=True, metavar="MODULE", help="Import a module that adds kinds; may be repeated."
)
def cli(plugins):
    """Synthetic images of triangles, or of other kinds of pictures, with exact geometry."""
    if plugins:
        from triangles.kinds import load_plugins

        load_plugins(plugins)


@cli.command()
@click.option("--kind", metavar=f"[{'|'.join(KINDS)}]", help="What the pictures show; plugins add more.  [triangle]")
@click.option("--colour", is_flag=True, default=None, help="Pictures in colours, which have any hue.")
@click.option("--background", type=click.Choice(["black", "drawn"]), help="What is behind, with --colour.  [black]")
@click.option(
    "--preparation", type=click.Choice(["low", "high", "array"]), help="Named combination; options below win."
)
@click.option("--format", type=click.Choice(["npy", "png", "jpeg"]), help="File between drawing and resizing.  [npy]")
@click.option("--draw-size", type=int, help="Pixels a side as drawn.  [as --size; high: 720]")
@click.option("--size", type=int, help="Pixels a side in the end.  [32]")
@click.option("--quality", type=int, help="Quality of JPEG, 1 to 100.  [75]")
@click.option(
    "--resample",
    type=click.Choice(["nearest", "box", "bilinear", "bicubic", "lanczos"]),
    help="Filter from the drawn to the final size.  [bicubic]",
)
@click.option("--count", type=int, help="Training images.  [10000]")
@click.option("--test-count", type=int, help="Test images.  [2000]")
@click.option("--seed", type=int, help="Seed: the same pictures in every preparation.  [0]")
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes; no byte depends on them.  [one a core]")
@click.option("--out", type=PATH, help="Folder.  [datasets/ and a name made of the settings]")
@click.option("--files", is_flag=True, help="Leave the image files as well (png and jpeg).")
@click.option("--replace", is_flag=True, help="Start over where the folder holds another data set.")
def generate(preparation, workers, out, files, replace, **given):
    """Make a data set: training and test images, drawn, stored, resized.

    low: drawn at 32 px, JPEG. high: drawn at 720 px, JPEG, resized to 32. array: drawn at 32 px, nothing more.
    """
    from tqdm import tqdm

    from triangles.datasets import resolve, write_dataset

    settings = resolve(preparation, **given)
    folder = out if out is not None else Path("datasets") / settings.name
    total = settings.count + settings.test_count
    bar = tqdm(total=total, unit="image", desc=str(folder), disable=None, leave=False)
    with _left_in(folder, settings.files), bar:
        made = write_dataset(folder, settings, workers or _cores(), files, replace, bar.update)
    done = "data set written to" if made else "this data set is there already:"
    click.echo(f"{done} {folder} ({settings.count} training and {settings.test_count} test images)")
    if settings.format != "npy" and not files:
        click.echo(f"the {settings.format} files themselves were not kept: --files leaves them too")


@cli.command("import")
@click.argument("source", type=PATH)
@click.option("--size", type=int, help="Pixels a side.  [32]")
@click.option("--colour/--gray", default=None, help="Three channels, or one.  [three if any picture has a colour]")
@click.option("--fit", type=click.Choice(["crop", "pad", "stretch"]), help="How pictures become square.  [crop]")
@click.option("--background", metavar="COLOUR", help="Behind what is transparent, beside what is padded.  [black]")
@click.option(
    "--resample", type=click.Choice(["nearest", "box", "bilinear", "bicubic", "lanczos"]), help="Filter.  [bicubic]"
)
@click.option("--test-share", type=float, help="Share of the pictures held out to test by.  [0.15]")
@click.option("--seed", type=int, help="Seed: which pictures are held out.  [0]")
@click.option("--values", type=click.Choice(["0..1", "-1..1"]), help="What floating pixels of an array span.")
@click.option("--channels", type=click.Choice(["first", "last"]), help="Where an array's colours are.  [by its shape]")
@click.option("--skip-broken", is_flag=True, help="Leave out files that cannot be read.  [refused, and listed]")
@click.option("--workers", type=click.IntRange(1, 1024), help="Threads; no byte depends on them.  [one a core]")
@click.option("--out", type=PATH, help="Folder.  [datasets/ and a name made of the source's]")
@click.option("--replace", is_flag=True, help="Start over where the folder holds another data set.")
def import_(source, values, channels, workers, out, replace, **given):
    """Make a data set of your own pictures: SOURCE is a folder, a .zip, or an array in a .npy or .npz file.

    PNG, JPEG, WebP, BMP, TIFF and GIF are read, in subfolders too.
    """
    from tqdm import tqdm

    from triangles.imported import resolve_import
    from triangles.importing.sources import open_source
    from triangles.importing.telling import tell
    from triangles.importing.writing import write_imported

    found = open_source(source, values, channels)
    settings = resolve_import(source, len(found.names), values=values, channels=channels, **given)
    folder = out if out is not None else Path("datasets") / settings.name
    bar = tqdm(total=len(found.names), unit="image", desc=str(folder), disable=None, leave=False)
    with _left_in(folder, settings.files), bar:
        record = write_imported(folder, found, settings, workers or _cores(), replace, bar.update)
    for line in tell(folder, record):
        click.echo(line)


def _cores():
    """Count the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _left_in(folder, names):
    """Say, when the block is stopped, what is left in a data set's folder; names: of its files, the record last."""
    record = folder / names[-1]
    before = _stamp(record)

    def standing():
        if _stamp(record) not in (before, None):
            return f"the data set is written to {folder}"
        if _stamp(record):
            return f"{folder} is as it was; the same command starts over"
        if any((folder / name).exists() for name in names):
            return f"{folder} holds no whole data set; the same command with --replace starts over"
        return "nothing is written; the same command starts over"

    with on_stop(standing):
        yield


def _stamp(path):
    """Return what changes when a file is replaced, or None where there is no file."""
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None


@cli.command()
@click.argument("dataset", type=PATH)
@click.option("--out", type=PATH, help="PNG file.  [DATASET/contact-sheet.png]")
@click.option("--count", type=click.IntRange(1, 2500), default=40, show_default=True, help="First training images.")
@click.option("--columns", type=click.IntRange(1, 2500), help="Images a row.  [nearly square]")
@click.option("--highlight", is_flag=True, help="Paint gray pixels orange.")
def show(dataset, out, count, columns, highlight):
    """Write a contact sheet of a data set, enlarged so that gray pixels can be seen."""
    from triangles.datasets import read_dataset
    from triangles.sheets import check_place, contact_sheet, save_sheet

    if (dataset / "run.json").exists():
        raise ValueError(f"{dataset} is a run, not a data set: `diffusion show {dataset}` shows its samples")
    path = out if out is not None else dataset / "contact-sheet.png"
    check_place(path)
    with on_stop(lambda: "the same command draws the sheet"):
        images = read_dataset(dataset).train[:count]
        save_sheet(path, contact_sheet(images, columns, highlight))
    click.echo(f"{len(images)} images written to {path}")


@cli.command()
@click.argument("dataset", type=PATH)
def check(dataset):
    """Verify a data set: files, images against parameters, parameters against the exact geometry."""
    from triangles.checking import verify

    with on_stop(lambda: "not everything is checked; the same command starts over"):
        findings = verify(dataset)
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        expected = f"   exact {finding.expected}" if finding.expected else ""
        click.echo(f"{finding.what:<{width}}   {finding.found}{expected}")
    click.echo(f"{dataset} is whole and right")


def _open_streams():
    """Give closed standard streams /dev/null: else the next file that is opened takes a stream's number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def main(arguments=None):
    """Run the command; every foreseeable failure is one line on stderr and exit code 2."""
    _open_streams()
    try:
        with Stops() as stops:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stops)
            cli.main(arguments, prog_name="triangles", standalone_mode=False)
        for number in (signal.SIGINT, signal.SIGTERM):  # nothing is left that a stop could interrupt
            signal.signal(number, signal.SIG_DFL)
    except Stopped as stop:
        _leave(stop, stop.number)
    except click.Abort:
        _leave("interrupted", signal.SIGINT)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message())
    except MemoryError:
        _fail("out of memory; lower --count, --draw-size or --workers")
    except OSError as error:
        _fail(_plain(error))
    except ValueError as error:
        _fail(error)


def _leave(words, number):
    """Say that the command was stopped, in one line, and exit with 128 and the signal's number."""
    click.echo(f"triangles: {words}", err=True)
    sys.exit(128 + number)


def _plain(error):
    """Return what an OSError says, with the file and a mend; our own messages have both already."""
    if error.strerror is None:
        return str(error)
    mend = MENDS.get(type(error).__name__, "make room or give another path")
    return f"{error.filename or 'a file'}: {error.strerror}; {mend}"


def _fail(message):
    """Print an error as one line and exit with code 2."""
    line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in " ".join(str(message).split()))
    try:
        click.echo(f"triangles: error: {line}", err=True)
    except OSError:  # where it goes is full, too: tell the terminal, if the workflow said which open file it is
        with suppress(KeyError, ValueError, OSError):
            os.write(int(os.environ["SAY_ON"]), f"triangles: error: {line}\n".encode())
        os._exit(2)  # Python would try once more to write, and end with a code of its own
    sys.exit(2)


if __name__ == "__main__":
    main()
