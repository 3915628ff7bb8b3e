"""studies new | estimate | plan | measure-data | measure | figure | table | verdicts | report | reference.

Heavy imports happen inside the commands.
"""

import functools

import click

from diffusion.commands.options import FOLDER
from diffusion.store.console import run_cleanly

OPTIONS = (
    click.option("--study", default="thesis", show_default=True, help="A study's name, or the path of its YAML file."),
    click.option("--scale", default="laptop", show_default=True, help="smoke, laptop, overnight or thesis."),
    click.option("--results", default="results", show_default=True, help="Folder of all scales."),
    click.option("--seeds", help="Seeds with commas, such as 0,1,2; default: the scale's."),
)
ALLOW_MISSING = click.option("--allow-missing", is_flag=True, help="Show missing results as holes.")


def planned(function):
    """Give a command the options that make a plan, and call it with that plan."""

    @functools.wraps(function)
    def wrapped(study, scale, results, seeds, **given):
        from studies.planning.resolving import make_plan, parse_seeds

        plan = make_plan(study, scale, results, parse_seeds(seeds) if seeds is not None else None)
        return function(plan, **given)

    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def written(function):
    """Give a command the options that make a plan, and call it with that plan, into whose folders it may write."""

    @functools.wraps(function)
    def wrapped(plan, **given):
        plan.check_way()
        return function(plan, **given)

    return planned(wrapped)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli():
    """The questions: what to run, and what came out as figures, tables and a report."""


@cli.command()
@click.argument("names", nargs=-1)
@ALLOW_MISSING
@written
def figure(plan, names, allow_missing):
    """Draw the figures NAMES (default: all of the study's) as PNG and SVG."""
    from diffusion.store.stops import uninterrupted
    from studies.registries import FIGURES
    from studies.report.style import save

    shown = [one.name for one in plan.study.figures]
    for one in _choose(FIGURES, names or shown, plan, allow_missing):
        with uninterrupted():  # a drawing library may lose a stop, and a part of the figure with it
            paths = save(one.make(plan), plan.output / "figures" / one.name)
        for path in paths:
            click.echo(path)


@cli.command()
@click.argument("names", nargs=-1)
@ALLOW_MISSING
@written
def table(plan, names, allow_missing):
    """Make the tables NAMES (default: all of the study's) as CSV and Markdown."""
    from studies.registries import TABLES
    from studies.report.tables.formatting import save

    for one in _choose(TABLES, names or plan.study.tables, plan, allow_missing):
        for path in save(one.make(plan), plan.output / "tables" / one.name, plan):
            click.echo(path)


@cli.command()
@ALLOW_MISSING
@written
def report(plan, allow_missing):
    """Write report.html: one page with figures, tables and the reverse process to play with."""
    from studies.report.html.page import list_inputs, write_report

    if not allow_missing:
        _require(list_inputs(plan))
    click.echo(write_report(plan))


@cli.command()
@click.argument("run")
@click.option("--samples", help="Measure these of its other samples instead, such as noised.")
@written
def measure(plan, run, samples):
    """Measure the samples, likelihood and losses of RUN."""
    from studies.measures.measuring import measure_resampling, measure_run

    chosen = plan.run(run)
    paths = measure_run(plan, chosen) if samples is None else [measure_resampling(plan.resampling(samples, run))]
    for path in paths:
        click.echo(path)


@cli.command("measure-data")
@click.argument("dataset")
@written
def measure_data(plan, dataset):
    """Measure the held-out real images of DATASET, the yardstick of all runs on it."""
    from studies.measures import measuring

    click.echo(measuring.measure_data(plan.dataset(dataset)))


@cli.command()
@click.option(
    "--scales", help="Scales side by side, with commas, by all seeds that are there: thesis,overnight,laptop."
)
@planned
def verdicts(plan, scales):
    """Judge the study's claims by the runs measured so far, on the terminal; `studies table verdicts` writes them."""
    from studies.verdicts.scales import choose_scales, judge_scales
    from studies.verdicts.telling import print_out, print_scales

    if scales is None:
        click.echo(print_out(plan))
    else:
        columns = judge_scales(str(plan.written_in[0]), choose_scales(scales), plan.folder.parent)
        click.echo(print_scales(columns))


@cli.command()
@click.option("--out", type=FOLDER, help="Default: RESULTS/reference/SCALE.")
@planned
def reference(plan, out):
    """Collect what was made, without weights and arrays, into a folder that can be committed."""
    from studies.report.reference import collect

    click.echo(collect(plan, out or plan.folder.parent / "reference" / plan.output.relative_to(plan.folder.parent)))


@cli.command()
@click.argument("name")
@click.option("--images", type=FOLDER, help="Your own pictures: a folder, .zip or array.")
def new(name, images):
    """Begin a study of your own: write NAME.yaml, ten lines that run as they are."""
    from studies.planning.resolving import TAKEN
    from studies.planning.template import begin_study

    path = begin_study(name, TAKEN, images)
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  # ") and line[4:5].isdigit():
            click.echo(line[4:])
    click.echo(f"{path}: edit it, then run `snakemake --cores all --config study={path}`")


@cli.command()
@click.option("--cores", type=click.IntRange(1), help="CPU cores.  [all]")
@planned
def estimate(plan, cores):
    """Estimate how long a study takes on this machine, from twenty steps of training."""
    import os

    from studies.planning.estimating import tell_estimate

    click.echo(tell_estimate(plan, cores or len(os.sched_getaffinity(0))))


@cli.command("plan")
@planned
def show_plan(plan):
    """Print the runs of a study with the commands that make them."""
    from studies.report.commands import describe_plan

    click.echo(describe_plan(plan))


def _choose(registry, names, plan, allow_missing):
    """Return the figures or tables of those names, all checked before any is made."""
    from studies.registries import shown

    chosen = [shown(registry, name, plan) for name in names]
    needed = [path for one in chosen for path in one.inputs(plan)]
    if not allow_missing:
        _require(needed)
    return chosen


def _require(paths):
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: make it first (`snakemake {path}`), or --allow-missing")


def main() -> None:
    run_cleanly(cli, "studies")


if __name__ == "__main__":
    main()
