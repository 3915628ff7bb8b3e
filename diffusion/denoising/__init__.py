"""The family "diffusion": a network that learns to undo a process, and how images are drawn with it."""

from diffusion.family import Family

__all__ = ["FAMILY"]

FAMILY = Family(
    settings="diffusion.settings:TrainSettings",
    learner="diffusion.denoising.learner:Learner",
    model="diffusion.denoising.model:Model",
    draw="diffusion.denoising.sampling:sample",
    bound="diffusion.denoising.likelihood:bound",
    capabilities=frozenset({"frames", "likelihood", "score"}),
)
