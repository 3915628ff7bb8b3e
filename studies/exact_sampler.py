"""A family that draws new real pictures, made as a data set's are: the best that any model could do.

The other end of every scale beside the copier. It learns nothing. Its settings are those of `triangles generate` that
shape a picture, so it lies above `diffusion` and joins it as a plugin: `diffusion --plugin studies.exact_sampler`.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from diffusion.family import FAMILIES, Family
from diffusion.settings import WeightlessSettings, setting
from triangles.settings import FORMATS, KIND, QUALITY, RESAMPLE, resolve

__all__ = ["ExactSettings", "Learner", "Model", "draw", "picture_settings"]

DRAW_STREAM = 24  # no data set's pictures come from seeds of three numbers


class ExactSettings(WeightlessSettings):
    """How pictures are made; the options that `triangles generate` has of the same names."""

    family: str = setting("exact", "kind of generative model")
    epochs: int = setting(1, "passes over the training images; nothing is learnt from them", ge=1)
    kind: str = setting(KIND, "what the pictures show")
    format: Literal[FORMATS] = setting("npy", "of the file between drawing and resizing; npy: none")
    draw_size: int = setting(0, "pixels a side that a picture is drawn at; 0: the images' own", ge=0)
    quality: int = setting(QUALITY, "of JPEG", ge=1, le=100)
    resample: str = setting(RESAMPLE, "how pictures are resized")

    def check_size(self, size: int) -> None:
        """Refuse settings by which no pictures of this size, in px, can be made: ValueError."""
        _resolved(self, size)


def picture_settings(settings: ExactSettings, shape: tuple[int, int, int]):
    """Return the `triangles.settings.Settings` of pictures of one image's shape (C, H, W).

    Raises:
        ValueError: images that are not square, settings that contradict each other, another number of channels.
    """
    channels, height, width = shape
    if height != width:
        raise ValueError(f"pictures are square, and the images are {height} x {width} px: choose another family")
    made = _resolved(settings, height)
    if made.channel_count != channels:
        raise ValueError(
            f"{settings.kind} pictures have {made.channel_count} channels, the images {channels}: see --kind"
        )
    return made


def _resolved(settings: ExactSettings, size: int):
    drawn = settings.draw_size or size
    how = {"kind": settings.kind, "format": settings.format, "size": size, "draw_size": drawn}
    if settings.format == "jpeg" or settings.quality != QUALITY:
        how["quality"] = settings.quality
    if drawn != size or settings.resample != RESAMPLE:
        how["resample"] = settings.resample
    return resolve(**how)


@dataclass
class Model:
    """What draws; its network has no weights."""

    settings: ExactSettings
    shape: tuple[int, int, int]
    network: Any
    device: Any
    calls = 1

    @staticmethod
    def build(settings: ExactSettings, shape: tuple[int, int, int]):
        """Make a network of one empty weight, as averages and files want one."""
        import torch

        picture_settings(settings, shape)
        network = torch.nn.Module()
        network.nothing = torch.nn.Parameter(torch.zeros(0))
        return network

    @classmethod
    def new(cls, settings: ExactSettings, shape: tuple[int, int, int], device) -> "Model":
        """Make the model; nothing of it is random, or of a precision of its own."""
        network = cls.build(settings, shape).to(device.torch)
        return cls(settings, tuple(shape), network, replace(device, precision="float32"))


class Learner:
    """Learns nothing, and refuses images that its pictures cannot be; see `diffusion.family`."""

    def __init__(self, settings: ExactSettings, shape: tuple[int, int, int], device):
        self.model, self.optimizers = Model.new(settings, shape, device), []
        self.network = self.model.network
        self.black_and_white = picture_settings(settings, shape).plain and shape[0] == 1

    def prepare(self, x0, source, testing: bool = False):
        """Return the images (B, C, H, W).

        Raises:
            ValueError: gray images beside pictures drawn at their size, which are black and white.
        """
        if self.black_and_white and (x0.max() - x0).mul(x0 - x0.min()).any():
            raise ValueError("the images are gray, and pictures drawn at their size are not: see --draw-size, --format")
        return x0

    def step(self, batch) -> dict:
        """Return a loss of zero: there is nothing to learn."""
        return {"train": batch.new_zeros(())}

    def test(self, model: Model, batch):
        """Return a loss of zero for each image, (B,)."""
        return batch.new_zeros(len(batch))

    def trained(self, network) -> Model:
        """Return the model to draw from."""
        return replace(self.model, network=network.eval())


def draw(model: Model, count: int, noised=None, progress=None, **how):
    """Draw `count` new pictures; picture i depends on the settings, `seed` and i, and on no batch."""
    import numpy as np

    from diffusion.images import Samples
    from triangles.kinds import KINDS

    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    made = picture_settings(model.settings, model.shape)
    kind, seed = KINDS[made.kind], how.get("seed", 0)
    sources = (np.random.default_rng([seed, DRAW_STREAM, i]) for i in range(count))
    images = kind.render(np.concatenate([kind.draw(source, 1) for source in sources]), made)
    if progress:
        progress(count)
    return Samples(images.astype(np.float32) / 255)


FAMILY = Family(
    settings="studies.exact_sampler:ExactSettings",
    learner="studies.exact_sampler:Learner",
    model="studies.exact_sampler:Model",
    draw="studies.exact_sampler:draw",
)
FAMILIES.add("exact", "studies.exact_sampler:FAMILY")
