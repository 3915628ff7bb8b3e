"""python -m benchmarks COMMAND: tables on standard output, and what is kept in benchmarks/reference."""

from dataclasses import replace
from pathlib import Path

import click

REFERENCE = Path(__file__).parent / "reference"
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


ALL_WIDTHS = ("1/8", "1/4", "full")
several = click.option("--widths", multiple=True, default=ALL_WIDTHS, type=click.Choice(ALL_WIDTHS), help="Repeatable.")
threaded = click.option("--threads", multiple=True, default=(1, 2), show_default=True, help="Repeatable.")
kept = click.option("--out", type=click.Path(path_type=Path), help="Folder for a CSV as well.")


def keep(table, out: Path | None, name: str) -> None:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.4g")


@cli.command()
@several
@threaded
@click.option("--batch-size", default=128, show_default=True, help="At full widths 8.")
@click.option("--rounds", default=7, show_default=True)
@kept
def step(widths, threads, batch_size, rounds, out):
    """A training step, against the thesis's listing, at each of widths x threads."""
    import pandas as pd

    from benchmarks.training_step import run

    tables = []
    for name, count, batch, table in run(widths, threads, batch_size, rounds):
        show(f"widths {name}, {count} threads, batch {batch}: images/s", table)
        tables.append(table.assign(widths=name, threads=count, batch=batch))
        keep(pd.concat(tables), out, "step")


@cli.command()
@several
@threaded
@click.option("--rounds", default=5, show_default=True)
@kept
def peak(widths, threads, rounds, out):
    """The share of the machine's convolution peak that a training step reaches."""
    import pandas as pd

    from benchmarks.convolutions import run

    rows = []
    for row in run(widths, threads, rounds):
        rows.append(row)
        show("so far: GFLOP/s, shares by CPU time", pd.DataFrame(rows))
        keep(pd.DataFrame(rows), out, "peak")


@cli.command()
@click.argument("name", type=click.Choice(["data", "training", "size", "timesteps", "cells"]))
@click.option("--most", type=int, help="Leave out what is larger.")
@click.option("--out", default=REFERENCE, show_default=True, type=click.Path(path_type=Path))
@click.option("--redraw", is_flag=True, help="Only the figure, from the CSV that is there.")
@click.option("--machine", default="one thread a process", show_default=True, help="For the figure, beside the date.")
@click.option("--cpu", is_flag=True, help="Fit CPU time even where wall time is the question, as on a busy machine.")
def growth(name, most, out, redraw, machine, cpu):
    """Time and peak memory against what can be made larger: growth-NAME.csv and .png in a folder."""
    import pandas as pd

    from benchmarks.growing.growth import GROWTHS, fits, run
    from benchmarks.growing.growth_figure import draw
    from studies.report.style import save

    if not redraw:
        keep(run(name, most, progress=lambda row: click.echo(row)), out, f"growth-{name}")
    table = pd.read_csv(out / f"growth-{name}.csv")
    grown = replace(GROWTHS[name], clock="cpu_seconds") if cpu else GROWTHS[name]
    show(grown.title, table)
    show("exponents", fits(table, grown.clock))
    save(draw(grown, table, f"{table['date'][0]} · {machine}"), out / f"growth-{name}", forms=["png"])


@cli.command()
@click.option("--compiled/--not-compiled", default=True, show_default=True, help="With a step through torch.compile.")
@click.option("--seconds", default=90.0, show_default=True, help="Stop after so long; the telling rows come first.")
@click.option("--out", default=REFERENCE, show_default=True, type=click.Path(path_type=Path))
def gpu(compiled, seconds, out):
    """A CUDA card at the studies' work: gpu.json and gpu.md in a folder."""
    import torch

    from benchmarks import gpu

    if not torch.cuda.is_available():
        raise click.ClickException("torch finds no CUDA device here: run this on a machine with one")
    gpu.write(out, *gpu.measure(compiled, seconds))


@cli.command()
@click.argument("results", type=FOLDER)
@click.option("--cores", default=2, show_default=True)
@click.option("--wall", type=float, help="Seconds of the whole workflow; without it from the first job to the last.")
def overhead(results, cores, wall):
    """What Snakemake itself took of a finished run, by RESULTS/benchmarks: as in `overhead results/laptop`."""
    import pandas as pd

    from benchmarks.growing.workflow import jobs
    from benchmarks.growing.workflow import overhead as share

    show(f"{results}, {cores} cores", pd.DataFrame([share(jobs(results), cores, wall)]))


@cli.command()
@click.argument("run_folder", type=FOLDER)
@click.option("--rounds", default=3, show_default=True)
@click.option("--by-batch", is_flag=True, help="Against itself, by how many images are drawn at once.")
def sampling(run_folder, rounds, by_batch):
    """Drawing samples from a trained RUN, against the listing's loop."""
    from benchmarks import sampling as of

    show("images a second", of.by_batch(run_folder, rounds) if by_batch else of.run(run_folder, rounds))


@cli.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--count", default=50, show_default=True, help="images a round")
@click.option("--threads", default=1, show_default=True)
def calls(rounds, count, threads):
    """What a network call costs an image when sampling: ours and the other packages, each with its own network."""
    import torch

    from benchmarks.calls import run

    torch.set_num_threads(threads)
    show("images x network calls a second", run(rounds, count))


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


def racing(command):
    """What a race and its laps share."""
    for option in (
        click.option("--count", default=200, show_default=True, help="samples at each moment"),
        click.option("--threads", default=1, show_default=True),
        click.option("--seed", default=0, show_default=True),
    ):
        command = option(command)
    return command


@cli.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("contenders", nargs=-1, required=True)
@click.option("--moments", default="1,2,3,5,8,12,20,30", show_default=True, help="minutes of CPU time in training")
@racing
def race(folder, contenders, moments, **options):
    """Time to quality: train CONTENDERS in turns and draw samples at each moment, all in FOLDER; the same command goes
    on where it stopped. A contender is NAME:option=value,..., for example ours:epochs=8 diffusers:width=32
    denoising-diffusion-pytorch:width=16,learning_rate=1e-3 smalldiffusion:precision=bfloat16 listing."""
    from benchmarks.racing.race import Race, images_in, run
    from benchmarks.racing.race_table import write

    run(Race(folder, images_in(folder), **options), contenders, [float(moment) for moment in moments.split(",")])
    click.echo(write(folder))


@cli.command()
@click.argument("folder", type=FOLDER)
@click.argument("contender")
@click.argument("minutes", type=float)
@click.option("--data", type=FOLDER, required=True)
@racing
def race_lap(folder, contender, minutes, data, **options):
    """One CONTENDER of a race up to a moment, in MINUTES, in this process."""
    from benchmarks.racing.race import Race, lap

    lap(Race(folder, data, **options), contender, minutes)


@cli.command()
@click.argument("folder", type=FOLDER)
def race_table(folder):
    """Measure the samples of a race; also written to race.md and points.csv in FOLDER."""
    from benchmarks.racing.race_table import write

    click.echo(write(folder))


if __name__ == "__main__":
    cli()
