"""What a measured child process does: each function imports and sets up, and returns the call to be measured.

A call may return measurements of its own, which then stand for the process's. Networks have 1/8 of the thesis's widths.
"""

import tempfile
from pathlib import Path

WIDTHS = (8, 16, 32, 64, 128)


def generate(preparation: str, count: int, size: int = 32, folder: str | None = None):
    """A data set of `count` images and a fifth as many for the test; it is thrown away if it has no folder."""
    from triangles.datasets import resolve, write_dataset

    settings = resolve(preparation, count=count, test_count=max(count // 5, 1), size=size)

    def call():
        with tempfile.TemporaryDirectory() as temporary:
            write_dataset(Path(folder or temporary), settings)

    return call


def train(dataset: str, recipe: str, steps: int = 20, warm: int = 3):
    """The seconds of an epoch from the time of `steps` steps; the memory of those, a test loss and a checkpoint.

    Set up is what training's memory is compared with: torch, and a network.
    """
    from benchmarks.growing.clocks import clocked
    from diffusion.checkpoints import save_state
    from diffusion.devices import choose
    from diffusion.networks.thesis_unet import ThesisUNet
    from diffusion.settings import TrainSettings
    from diffusion.store.files import read_images
    from diffusion.training import Trainer
    from studies.planning.reading import read_scales

    settings, device = TrainSettings(widths=WIDTHS, **read_scales().recipes[recipe].training), choose("cpu")
    ThesisUNet(1, settings)

    def call():
        images, test = (read_images(Path(dataset) / f"{split}.npy") for split in ("train", "test"))
        trainer = Trainer(settings, images, test[:1000], device)
        order, once = clocked(trainer.order)
        _steps(trainer, order, warm)
        _, often = clocked(lambda: _steps(trainer, order, steps))
        trainer.test_loss()
        with tempfile.TemporaryDirectory() as temporary:
            save_state(trainer, Path(temporary) / "checkpoint.safetensors")
        return {clock: once[clock] + often[clock] * trainer.steps_per_epoch / steps for clock in once}

    return call


def _steps(trainer, order, count: int) -> None:
    """Train on the first `count` batches."""
    for _ in trainer.steps(order[: count * trainer.settings.batch_size], trainer.source()):
        pass


def step(size: int, batch_size: int = 32):
    """One training step of the `fast` recipe on images of `size` x `size`."""
    import numpy as np

    from benchmarks.growing.clocks import clocked
    from diffusion.devices import choose
    from diffusion.settings import TrainSettings
    from diffusion.training import Trainer
    from studies.planning.reading import read_scales

    count = 7
    settings = TrainSettings(widths=WIDTHS, **read_scales().recipes["fast"].training | {"batch_size": batch_size})
    images = np.random.default_rng(0).integers(0, 256, (count * batch_size, 1, size, size), dtype=np.uint8)
    trainer = Trainer(settings, images, None, choose("cpu"))

    def call():
        order = trainer.order()
        _steps(trainer, order, 2)
        _, clocks = clocked(lambda: _steps(trainer, order, count))
        return {clock: value / count for clock, value in clocks.items()}

    return call


def _model(size: int, timesteps: int):
    """A model with random weights: how long it takes doesn't depend on them."""
    from diffusion.denoising.model import Model
    from diffusion.devices import choose
    from diffusion.settings import TrainSettings

    model = Model.new(TrainSettings(widths=WIDTHS, timesteps=timesteps), (1, size, size), choose("cpu"))
    model.network.eval()
    return model


def draw(size: int = 32, timesteps: int = 1000, steps: int | None = None, count: int = 8):
    """Ancestral sampling of `count` images in one batch, over all time steps or `steps` of them."""
    from benchmarks.growing.clocks import clocked
    from diffusion.denoising.sampling import sample

    model = _model(size, timesteps)

    def call():
        sample(model, count, steps=2)  # libraries choose their kernels at the first call
        return clocked(lambda: sample(model, count, steps=steps))[1]

    return call


def likelihood(timesteps: int, count: int = 16):
    """The bound on `count` images with the term of every time step."""
    import numpy as np

    from benchmarks.growing.clocks import clocked
    from diffusion.denoising.likelihood import bound

    model, images = _model(32, timesteps), np.zeros((count, 1, 32, 32), np.uint8)

    def call():
        bound(model, images, draws=1)
        return clocked(lambda: bound(model, images, draws=None))[1]

    return call


def schedule(timesteps: int):
    """The schedule and the coefficients that a process keeps, as every command makes them at its start."""
    import torch

    from diffusion.processes.gaussian import Gaussian
    from diffusion.schedules import schedule as make

    def call():
        Gaussian(make("cosine", timesteps), torch.device("cpu"))  # the others leave no signal after 100,000 steps

    return call


def cells(cells: int, cores: int):
    """A whole small workflow."""
    from benchmarks.growing.workflow import cells as workflow

    return lambda: workflow(cells, cores)
