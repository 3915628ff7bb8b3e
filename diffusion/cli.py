"""diffusion train | sample | show | likelihood | remake | schedules.

Imports happen inside the commands: --help is quick.
"""

import sys
from pathlib import Path

import click

from diffusion.commands.capable import OF_BOUNDS, OF_PATHS, OF_SOME, check_given, of_use, require
from diffusion.commands.collapse import warn_of_collapse
from diffusion.commands.options import DEVICE, FOLDER, PRECISION, SEED, THREADS
from diffusion.commands.show import show
from diffusion.commands.train import train
from diffusion.family import FAMILIES
from diffusion.samplers import SAMPLERS
from diffusion.store.console import run_cleanly
from diffusion.store.names import LIKELIHOOD, SAMPLES, check_free, check_name
from diffusion.store.registry import load_plugins
from diffusion.store.stops import on_stop
from diffusion.store.surroundings.progress import bar


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--plugin", multiple=True, metavar="MODULE", help="Import a module that adds families or others; may be repeated."
)
def cli(plugin: tuple[str, ...]):
    """Generative models on image arrays: train, sample, compare schedules."""
    load_plugins(plugin)


cli.add_command(train)
cli.add_command(show)


@cli.command()
@click.argument("run", type=FOLDER)
@click.option("--count", type=click.IntRange(1, 10**6), default=64, show_default=True, help="Images to draw.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Image i depends only on the model, this seed and i."
)
@click.option(
    "--sampler", default="ancestral", metavar=f"[{'|'.join(SAMPLERS)}]", show_default=True, help="Plugins add more."
)
@click.option("--steps", type=click.IntRange(1), help="Network calls per image; default: the model's T.")
@click.option("--variance", metavar="[beta|beta-tilde]", help="Of the ancestral sampler.  [beta]")
@click.option("--corrections", type=click.IntRange(1, 1000), help="Langevin steps at each level, of its samplers.  [1]")
@click.option("--snr", type=float, help="Of theirs: a step along the score over its noise.  [0.16]")
@click.option(
    "--clip/--no-clip",
    default=False,
    show_default=True,
    help="Hold the estimate of x_0 within the data's range.",
)
@click.option(
    "--pixel-noise/--no-pixel-noise", default=None, help="Of a VAE: draw pixels from p(x|z), or take their medians."
)
@click.option(
    "--frames", type=click.IntRange(2, 10**5), default=26, show_default=True, help="Moments kept of the paths."
)
@click.option(
    "--framed", type=click.IntRange(0, 10**6), default=8, show_default=True, help="Images whose path is kept."
)
@click.option(
    "--batch-size", type=click.IntRange(1, 10**5), help="Images a network call; default: 128, on CUDA what fits."
)
@click.option("--precision", type=PRECISION, default="auto", show_default=True)
@click.option("--noised", type=FOLDER, help="Start from this data set's test images, noised to x_T, not from N(0, I).")
@click.option("--from-abar", type=float, help="With --noised: noise until this share of signal power is left, no more.")
@click.option("--matched", type=FOLDER, help="Start from a Gaussian with x_T's mean and covariance of this data set.")
@click.option("--renormed", type=FOLDER, help="First take batch norm's statistics again, from this data set's images.")
@click.option("--name", default=SAMPLES, show_default=True, help="Name of the files, for several samplings of a run.")
@DEVICE
@THREADS
def sample(
    run: Path, name: str, noised: Path | None, from_abar: float | None, matched: Path | None, renormed: Path | None,
    device: str, threads: int | None, precision: str, **options,
):  # fmt: skip
    """Draw images with the model in RUN; writes samples.npy and samples.json there.

    Paths go to samples-frames.npy. A contact sheet of the first images, samples.png, is for looking at. Options of
    steps and of where to start are for families that draw in steps, as diffusion does; a VAE, GAN or flow refuses them.
    """
    from diffusion import devices, results, runs
    from diffusion.store.ledger import check_ours
    from diffusion.store.locks import locked

    if from_abar is not None and not noised:
        raise ValueError("--from-abar belongs to --noised: say which data set's images to start from")
    if matched and noised:
        raise ValueError("--matched and --noised are two ways to start: leave one out")
    options = {name: value for name, value in options.items() if value is not None or name not in OF_SOME}
    check_name(name, LIKELIHOOD)
    (_, start), data = runs.load_data(noised) if noised else ((None, None), {})
    if noised and start is None:
        raise ValueError(f"{noised} has no test.npy to start from: give a data set with test images")
    (to_match, _), matching = runs.load_data(matched) if matched else ((None, None), {})
    images, others = runs.load_data(renormed) if renormed else (None, {})
    data |= {f"matched/{file}": one for file, one in matching.items()}
    data |= {f"renormed/{file}": one for file, one in others.items()}
    chosen = devices.choose(device, precision, threads)
    with on_stop(lambda: "no samples are written; the same command draws them"), locked(run):
        check_free(run / f"{name}.csv", "a bound")
        check_ours(run, [f"{name}.json", f"{name}.npy", f"{name}.png", f"{name}-frames.npy"])
        trained, digest = runs.read_model(run, chosen)
        check_given(trained, OF_PATHS)
        told = {"model": digest}
        told |= {"noised": str(noised), "from_abar": from_abar} if noised else {}
        told |= {name: str(folder) for name, folder in (("matched", matched), ("renormed", renormed)) if folder}
        told |= {"data": data} if data else {}
        model, biases = _changed(trained, images, from_abar, options)
        start = start if to_match is None else _match(model, to_match, options)
        seconds, samples = _drawn(model, start, options)
        told |= of_use(model, options, OF_PATHS)
        results.write_samples(run, name, samples, model, told | biases, seconds)
    warn_of_collapse(model, samples.images)
    click.echo(f"{options['count']} images in {seconds:.1f} s on {model.device.name}: {run / name}.npy; see {name}.png")


def _changed(model, images, from_abar: float | None, options: dict):
    """The model with fresh statistics of batch norm and ended on the way, where asked; mean errors where taken."""
    biases = {}
    if images is not None:
        from diffusion.denoising import renorming

        require(model, "score", "leave out --renormed")
        trained, (train, held_out) = model, images
        model = renorming.renormed(trained, train, options["seed"])
        if held_out is not None:
            how = options["seed"], options["batch_size"] or 128
            biases = {"mean_errors": renorming.both_errors(trained, model, held_out, *how)}
    if from_abar is not None:
        from diffusion.denoising import partial

        require(model, "frames", "leave out --from-abar")
        model = partial.from_abar(model, from_abar)
    return model, biases


def _match(model, images, options: dict):
    """Images to start from that share the mean and the covariance of these."""
    from diffusion.denoising import matched

    require(model, "frames", "leave out --matched")
    return matched.draw_matched(model, images, options["count"], options["seed"])


def _drawn(model, start, options: dict):
    """(seconds, samples), with a bar on a terminal."""
    from diffusion import results
    from diffusion.accelerator import memory

    if start is not None:
        require(model, "frames", "leave out --noised")
    calls = options["count"] * (options["steps"] or model.calls)
    draw = FAMILIES[model.settings.family].draw
    once = options | {"steps": 1, "frames": 2}

    def fitting() -> int:
        return memory.fitting(
            lambda n: draw(model, **once | {"count": n, "batch_size": n}), options["count"], model.device
        )

    options["batch_size"] = options["batch_size"] or fitting()
    with memory.told_what_fits(options["batch_size"], fitting, model.device), bar("calls", calls) as count:
        return results.timed(lambda: draw(model, noised=start, progress=count, **options))


@cli.command()
@click.argument("run", type=FOLDER)
@click.argument("dataset", type=FOLDER)
@click.option("--images", default=512, show_default=True, help="Test images to use, the first ones; 0: all.")
@click.option(
    "--draws",
    type=click.IntRange(1, 10**6),
    default=16,
    show_default=True,
    help="Time steps an image, spread evenly over the images; of a VAE draws of z, of a flow of its noise.",
)
@click.option("--every-step", is_flag=True, help="Take every time step for every image instead (diffusion).")
@click.option(
    "--variance",
    default="beta",
    metavar="[beta|beta-tilde]",
    show_default=True,
    help="Of the reverse steps (diffusion).",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of noise and time steps.")
@click.option("--batch-size", default=500, show_default=True, help="Images per network call.")
@click.option("--precision", type=PRECISION, default="float32", show_default=True)
@click.option("--name", default=LIKELIHOOD, show_default=True, help="Name of the files.")
@DEVICE
@THREADS
def likelihood(
    run: Path, dataset: Path, images: int, every_step: bool, name: str, device: str, threads: int | None,
    precision: str, **options,
):  # fmt: skip
    """Bound the likelihood of DATASET's test images under the model in RUN, in bits per dimension."""
    from diffusion import devices, results, runs
    from diffusion.store.files import load_images
    from diffusion.store.ledger import check_ours
    from diffusion.store.locks import locked

    if images < 0 or options["batch_size"] < 1:
        raise ValueError("--images must not be negative, and --batch-size at least 1")
    check_name(name, SAMPLES)
    test, data = load_images(dataset / "test.npy")
    test, told = test[: images or None], {"data": {"test.npy": data}}
    chosen = devices.choose(device, precision, threads)
    options["draws"] = None if every_step else options["draws"]
    with locked(run):
        for ending in ("-frames.npy", ".png"):
            check_free(run / f"{name}{ending}", "samples")
        check_ours(run, [f"{name}.json", f"{name}.npy", f"{name}.csv"])
        model, digest = runs.read_model(run, chosen)
        require(model, "likelihood", "only its samples can be measured")
        check_given(model, OF_BOUNDS)
        bound = FAMILIES[model.settings.family].bound
        with bar("calls") as count:
            seconds, found = results.timed(lambda: bound(model, test, progress=count, **options))
        told |= of_use(model, options, OF_BOUNDS) | {"model": digest}
        results.write_bound(run, name, found, model, told, seconds)
    click.echo(f"{found.summary}; {found.images} images in {seconds:.1f} s: {run / name}.json")


@cli.command()
@click.argument("run", type=FOLDER)
@click.argument("dataset", type=FOLDER)
def remake(run: Path, dataset: Path):
    """Make RUN again from its run.json and DATASET's images, elsewhere, and compare; exit code 1 if bytes differ."""
    from diffusion import remaking

    for reason in remaking.surroundings(run):
        click.echo(f"warning: {reason}", err=True)
    with on_stop(lambda: f"nothing is left of it, and {run} is as it was"):
        found = remaking.remake(run, dataset, lambda record: click.echo(f"epoch {record.epoch}"))
    for one in found:
        click.echo(f"{one.file}: {'same bytes' if one.same else f'differs by up to {one.largest:.3g}'}")
    sys.exit(0 if all(one.same for one in found) else 1)


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--timesteps", type=click.IntRange(1, 10**5), default=1000, show_default=True, help="T.")
@click.option("--beta-min", default=1e-4, show_default=True)
@click.option("--beta-max", default=0.02, show_default=True)
@click.option("--csv", is_flag=True, help="Print comma-separated values.")
def schedules(names: tuple[str, ...], timesteps: int, beta_min: float, beta_max: float, csv: bool):
    """Facts about the noise schedules NAMES (default: all), for binary images."""
    import pandas as pd

    from diffusion.schedules import SCHEDULES, schedule

    chosen = [schedule(name, timesteps, beta_min, beta_max) for name in names or SCHEDULES]
    facts = pd.DataFrame([s.facts() for s in chosen])
    click.echo(facts.to_csv(index=False) if csv else facts.to_string(index=False, float_format="{:.3g}".format))
    for s in chosen:
        if s.far_from_noise:
            click.echo(
                f"warning: {s.name} ends far from noise (terminal SNR {s.snr[-1]:.3g}): samples that start from "
                "N(0, I) start off the distribution the model was trained on",
                err=True,
            )


def main() -> None:
    run_cleanly(cli, "diffusion")


if __name__ == "__main__":
    main()
