"""diffusion train."""

import math
import time
from itertools import pairwise
from pathlib import Path

import click

from diffusion.commands.collapse import warn_of_loss, warn_of_training
from diffusion.commands.estimating import estimate
from diffusion.commands.options import DEVICE, FOLDER, THREADS, Above
from diffusion.commands.recipes import RECIPES
from diffusion.family import FAMILIES
from diffusion.store.console import SettingsCommand, settings_from
from diffusion.store.stops import on_stop
from diffusion.store.surroundings.progress import show_training

__all__ = ["train"]


def _settings(words: list[str]) -> type:
    """The settings of the family that the words of a command name."""
    named = "diffusion"
    for word, following in pairwise([*words, ""]):
        if word.partition("=")[0] == "--family":
            named = word.partition("=")[2] or following
    return FAMILIES[named].settings


class _TrainCommand(SettingsCommand):
    """Its options are those of the family that its words name, and it says of others whose they are."""

    def parse_args(self, ctx, args):
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name.removeprefix("--").removeprefix("no-").replace("-", "_")
            _settings(given).refuse_option(name, error.option_name)
            raise


@click.command(cls=_TrainCommand, settings=_settings)
@click.argument("dataset", type=FOLDER)
@click.option("--out", type=FOLDER, help="The run's folder; an interrupted run in it goes on.")
@click.option("--start-from", type=FOLDER, help="A shorter finished run of the same settings, to be extended.")
@click.option("--recipe", type=click.Choice(list(RECIPES)), help="Named settings; options beside it win.  [thesis]")
@click.option("--replace", is_flag=True, help="Start over if the folder holds another run; the same run goes on.")
@click.option("--minutes", type=Above(0), help="Stop after so long, saved; default: never.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Train twenty steps, and say what the run would take.")
@click.option("--compile", "compiles", is_flag=True, help="Compile the training step first: about a minute.")
@DEVICE
@THREADS
def train(
    dataset: Path,
    out: Path | None,
    start_from: Path | None,
    recipe: str | None,
    replace: bool,
    minutes: float | None,
    only_estimate: bool,
    compiles: bool,
    device: str,
    threads: int | None,
    **given,
):
    """Train on the images of DATASET (a folder with train.npy and, for the test loss, test.npy)."""
    from functools import partial

    from diffusion import devices, runs
    from diffusion.store.locks import locked
    from diffusion.training import Trainer

    if out is None and not only_estimate:
        raise click.UsageError("Missing option '--out': the run's folder.")
    until = time.monotonic() + 60 * (minutes or math.inf)
    kind = FAMILIES[given["family"] or "diffusion"].settings
    given = {name: value for name, value in given.items() if value is not None}
    settings = settings_from(kind, _cooked(recipe, kind) | given)
    if only_estimate:
        click.echo(_estimated(dataset, settings, devices.choose(device, settings.precision, threads, compiles)))
        return
    with on_stop(lambda: f"{runs.standing(out)}; the same command goes on"):
        (images, test_images), data = runs.load_data(dataset)
        make = partial(
            Trainer, settings, images, test_images, devices.choose(device, settings.precision, threads, compiles)
        )
        trainer = make()  # refuses what does not fit together before the folder is touched
        identity = runs.identity(trainer.settings, data)  # with what the images have settled
        if fault := trainer.settings.warn_of_averages(len(images)):
            click.echo(f"warning: --{fault}", err=True)
        out.mkdir(parents=True, exist_ok=True)
        with locked(out):
            runs.make_way(out, identity, replace)
            if runs.is_finished(out):
                click.echo(f"{out} already holds this run: nothing to do")
                return
            whole = _go_on(out, runs.resumed(trainer, make, out, identity, start_from, replace), identity, until)
    if whole:
        click.echo(f"trained: {out}")
    else:
        click.echo(f"the {minutes:g} minutes are over: {runs.standing(out)}; the same command goes on")


def _estimated(dataset: Path, settings, device) -> str:
    from diffusion import runs
    from diffusion.training import Trainer

    return f"the whole run on {device.name}: {estimate(Trainer(settings, *runs.read_data(dataset), device))}"


def _cooked(recipe: str | None, kind) -> dict:
    """Return what a recipe says of a family's settings."""
    return {name: value for name, value in RECIPES.get(recipe, {}).items() if name in kind.model_fields}


def _go_on(out: Path, trainer, identity: dict, until: float) -> bool:
    """Whether the run is whole, and the time not over before."""
    from diffusion import runs

    epochs = trainer.settings.epochs
    progress = f"epoch {trainer.epoch + 1}" if trainer.epoch < epochs else f"done already with epoch {epochs}"
    device = trainer.trained.device  # of the model, which may be more precise than what was chosen
    click.echo(
        f"training {trainer.parameters:,} parameters on {device.name} ({device.precision}), {progress} of {epochs}"
    )
    with show_training(trainer) as (on_epoch, on_batch):
        whole = runs.train_in(out, trainer, identity, on_epoch, on_batch, until)
    if whole:
        warn_of_loss(trainer.records[-1])
        warn_of_training(trainer.trained)
    return whole
