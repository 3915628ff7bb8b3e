"""What a generative model must offer to be trained, sampled and measured like any other: the contract of a family.

A family is a record of texts `module:attribute`, so that to name it imports nothing heavy:

Settings    a pydantic class on `diffusion.settings.FamilySettings`: what shapes a trained model besides its data.
Learner     made as `Learner(settings, shape, device)`, shape one image's (C, H, W). The epoch loop
            (`diffusion.training`) owns order, generators, averages, rates and records, and asks a learner for
                network       an nn.Module with all weights that are trained (several networks: an nn.ModuleDict)
                optimizers    torch optimizers of them, whose rates the loop sets
                prepare(x0, source, testing=False)    all random draws for images (B, C, H, W) in the network's range,
                              on the CPU; a batch is a tree of tensors (`diffusion.accelerator.trees`), which the
                              loop makes ahead of the step and moves to the device
                step(batch)   update the weights; named mean losses, without gradient: the first, "train", is the one
                              that is reported, any other becomes a column NAME_mean of losses.csv
                test(model, batch)                    the reported loss of each image, (B,), without an update
                trained(network)                      the Model to draw from, with these (perhaps averaged) weights
Model       what is kept in model.safetensors: `settings`, `shape`, `network`, `device`; `calls`, of the network for an
            image;
            `build(settings, shape)` makes the network, `new(settings, shape, device)` the model, from the seed.
draw        draw(model, count, noised=None, progress=None, **how) -> `diffusion.images.Samples`; image i depends on the
            model, how["seed"] and i. `noised` is for families with frames.
bound       bound(model, images, progress=None, **how) -> an object with `record` (the scalars of likelihood.json),
            `pairs` (an array), `table` (a DataFrame) and `summary` (words); None for a family without a likelihood.

Capabilities: "frames" (a path from noise to image), "likelihood", "reconstruct", "condition", "score", "latent" (the
model has `latents(source)`, all random numbers behind an image, the first of them z of N(0, I), and `images(z, ...)`,
what many of them show), "pixels" (each pixel has a distribution: it is drawn by it with `pixel_noise=True`, its median
taken with False, and without a word what its settings say). What needs one that a family lacks leaves its rows out, or
is refused in one line.
"""

from typing import Any

from diffusion.store.registry import Registry, resolve

__all__ = ["CARRIERS", "FAMILIES", "Family", "likelihood_sources", "sampling_sources", "training_sources"]


class _Part:
    """An attribute of a family that is imported when it is asked for."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, family, owner=None) -> Any:
        return self if family is None else resolve(family.texts[self.name])


class Family:
    """A family of generative models.

    Args:
        texts: settings, learner, model, draw and bound as `module:attribute`; bound may be left out.
        capabilities: what it offers beyond training and drawing.
    """

    settings, learner, model, draw, bound = _Part(), _Part(), _Part(), _Part(), _Part()

    def __init__(self, capabilities: frozenset[str] = frozenset(), **texts: str):
        self.capabilities, self.texts = frozenset(capabilities), {"bound": None} | texts

    def module(self, part: str) -> str:
        """Return the name of the module that a part lies in."""
        return Registry("part", self.texts).module(part)


FAMILIES = Registry(
    "family",
    {
        "diffusion": "diffusion.denoising:FAMILY",
        "vae": "diffusion.rivals:VAE",
        "gan": "diffusion.rivals:GAN",
        "flow": "diffusion.rivals:FLOW",
        "copier": "diffusion.rivals:COPIER",
        "empirical": "diffusion.denoising.perfect:EMPIRICAL",
    },
)

CARRIERS = ("diffusion.store", "diffusion.family")  # they keep and find results, and no number hangs on them


def training_sources(settings) -> tuple[str, ...]:
    """Return the modules that shape a model trained with these settings, without those that they import.

    To be followed without `CARRIERS`, as with the other sources below.
    """
    return ("diffusion.training.trainer", FAMILIES[settings.family].module("learner"), *settings.sources)


def sampling_sources(settings, sampler: str | None = None) -> tuple[str, ...]:
    """Return the modules that shape samples of such a model, by the named sampler where the family has any."""
    return (FAMILIES[settings.family].module("draw"), *settings.sources, *settings.drawn_by(sampler))


def likelihood_sources(settings) -> tuple[str, ...]:
    """Return the modules that shape the bound of such a model; none where the family has no likelihood."""
    family = FAMILIES[settings.family]
    bounded = "likelihood" in family.capabilities
    return (family.module("bound"), *settings.sources, *settings.bounded_by) if bounded else ()
