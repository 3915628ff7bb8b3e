"""python -m benchmarks data | step | sampling | quality | startup: tables on standard output."""

from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def cli():
    """Everything measured side by side, in turns, as ratios with their spread."""


def show(title: str, table) -> None:
    click.echo(f"\n{title}\n{table.to_string(index=False, float_format='{:.3g}'.format)}")


@cli.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--count", default=10_000, show_default=True)
def data(rounds, count):
    """Making the three sets, against a Pillow loop over files."""
    from benchmarks.data import run

    for name, table in run(rounds, count):
        show(f"{name}: {count} + {count // 5} triangles, images a second", table)


@cli.command()
@click.option("--widths", default="1/8", show_default=True, type=click.Choice(["1/8", "1/4", "full"]))
@click.option("--threads", default=1, show_default=True)
@click.option("--batch-size", default=128, show_default=True)
@click.option("--rounds", default=7, show_default=True)
def step(widths, threads, batch_size, rounds):
    """A training step, against the thesis's listing."""
    from benchmarks.training_step import run

    show(f"widths {widths}, {threads} threads, batch {batch_size}: images/s", run(widths, threads, batch_size, rounds))


@cli.command()
@click.argument("run_folder", type=FOLDER)
@click.option("--rounds", default=3, show_default=True)
def sampling(run_folder, rounds):
    """Drawing samples from a trained RUN, against the listing's loop."""
    from benchmarks.sampling import run

    show("images a second", run(run_folder, rounds))


@cli.command()
@click.argument("run_folder", type=FOLDER)
@click.option("--count", default=1000, show_default=True)
def quality(run_folder, count):
    """Whether fewer steps show in the samples of a trained RUN."""
    from benchmarks.sampling import quality as compare

    show(f"{count} samples each", compare(run_folder, count))


@cli.command()
@click.option("--rounds", default=5, show_default=True)
def startup(rounds):
    """How long a command takes to answer."""
    from benchmarks.startup import run

    show("seconds", run(rounds))


if __name__ == "__main__":
    cli()
