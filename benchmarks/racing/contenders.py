"""Who runs in the race to quality: this project's recipe, the thesis's listing, and the other packages."""

import inspect

import numpy as np
import torch

from benchmarks.racing.peers import DenoisingDiffusionPytorch, Diffusers, Smalldiffusion, forever
from benchmarks.training_step import WIDTHS, linear_abar, listing_loader, listing_step
from diffusion.checkpoints import load_tensors, tensors_of
from diffusion.denoising.model import Model
from diffusion.denoising.sampling import sample
from diffusion.devices import choose
from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.processes.gaussian import Gaussian
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings
from diffusion.store.files import as_images
from diffusion.training import EpochRecord, Trainer
from studies.planning.reading import read_scales

DRAWING_STEPS = 200  # ancestral, as at the laptop scale


class Ours:
    """The laptop scale's widths and recipe. Its rate falls to zero at the end of a run planned for so many epochs, so
    a run counts only when it is finished; a step is an epoch."""

    package = "triangle-diffusion"
    steps = DRAWING_STEPS

    def __init__(self, images, seed, epochs=8, precision="auto"):
        scales = read_scales()
        laptop = scales.scales["laptop"]
        given = scales.recipes[laptop.recipe].training | dict(laptop.training) | {"epochs": epochs, "seed": seed}
        settings = TrainSettings(**given, precision=precision)
        self.trainer = Trainer(settings, as_images(images), None, choose("cpu", precision))
        self.images_per_step = self.trainer.steps_per_epoch * settings.batch_size

    @property
    def finished(self):
        return self.trainer.epoch == self.trainer.settings.epochs

    def step(self):
        next(self.trainer.epochs())

    def state(self):
        return {"tensors": tensors_of(self.trainer), "records": [record.row for record in self.trainer.records]}

    def load(self, state):
        load_tensors(self.trainer, state["tensors"])
        self.trainer.records[:] = [EpochRecord.of(row) for row in state["records"]]

    def draw(self, count):
        return sample(self.trainer.trained, count, steps=self.steps).images


class Listing:
    """Listing 4.2 of the thesis as it stands, at these widths: Adam at 1e-3, batches of 128, float32, no averaging."""

    package = "triangle-diffusion"
    steps = DRAWING_STEPS

    def __init__(self, images, seed, width="1/8", batch_size=128):
        settings = TrainSettings(widths=WIDTHS[width], precision="float32")
        network = ThesisUNet(1, settings)
        process = Gaussian(schedule("linear"))
        self.model = Model(settings, (1, *images.shape[1:]), network, process, choose("cpu", "float32"))
        self.optimizer = torch.optim.Adam(network.parameters(), 1e-3)
        self.images_per_step, self.abar = batch_size, linear_abar()
        self.batches = forever(listing_loader(images[:, None], batch_size))

    def step(self):
        self.model.network.train()
        listing_step(self.model.network, self.optimizer, next(self.batches), self.abar)

    def state(self):
        return {"network": self.model.network.state_dict(), "opt": self.optimizer.state_dict()}

    def load(self, state):
        self.model.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["opt"])

    def draw(self, count):
        self.model.network.eval()
        return sample(self.model, count, steps=self.steps).images


CONTENDERS = {
    "ours": Ours,
    "listing": Listing,
    "denoising-diffusion-pytorch": DenoisingDiffusionPytorch,
    "diffusers": Diffusers,
    "smalldiffusion": Smalldiffusion,
}


def understood(spec: str) -> tuple[str, dict]:
    """`NAME` or `NAME:option=value,...` -> the contender's name and its options, each of its default's type.

    Raises:
        ValueError: no such contender or option.
    """
    name, _, words = spec.partition(":")
    if name not in CONTENDERS:
        raise ValueError(f"no contender {name!r}: choose from {', '.join(CONTENDERS)}")
    defaults = {k: p.default for k, p in inspect.signature(CONTENDERS[name]).parameters.items()}
    options = {}
    for word in filter(None, words.split(",")):
        key, _, value = word.partition("=")
        if defaults.get(key, inspect.Parameter.empty) is inspect.Parameter.empty:
            raise ValueError(f"{name} has no option {key!r}")
        options[key] = type(defaults[key])(value)
    return name, options


def planned(spec: str) -> bool:
    """Whether a contender's course depends on where it ends, so that it counts only when it is `finished`."""
    return hasattr(CONTENDERS[understood(spec)[0]], "finished")


def make(spec: str, images: np.ndarray, seed: int):
    """The contender that `spec` names, on uint8 images (N, H, W), its weights drawn from the seed."""
    name, options = understood(spec)
    torch.manual_seed(seed)
    return CONTENDERS[name](images, seed, **options)
