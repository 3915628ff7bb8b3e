"""Other families of generative models, beside diffusion: a variational autoencoder, a GAN, a normalizing flow,
and a copier of training images, to hold measures against.

Equations: [R] the review of the four families that the project starts from. Registered in `diffusion.family`.
"""

from diffusion.family import Family

__all__ = ["COPIER", "FLOW", "GAN", "VAE"]

VAE = Family(
    settings="diffusion.rivals.settings:VaeSettings",
    learner="diffusion.rivals.vae:Learner",
    model="diffusion.rivals.vae:Vae",
    draw="diffusion.rivals.model:draw",
    bound="diffusion.rivals.vae:bound",
    capabilities=frozenset({"latent", "likelihood", "pixels"}),
)
GAN = Family(
    settings="diffusion.rivals.settings:GanSettings",
    learner="diffusion.rivals.gan:Learner",
    model="diffusion.rivals.gan:Gan",
    draw="diffusion.rivals.model:draw",
    capabilities=frozenset({"latent"}),
)
FLOW = Family(
    settings="diffusion.rivals.settings:FlowSettings",
    learner="diffusion.rivals.flow:Learner",
    model="diffusion.rivals.flow:Flow",
    draw="diffusion.rivals.model:draw",
    bound="diffusion.rivals.flow:bound",
    capabilities=frozenset({"latent", "likelihood"}),
)
COPIER = Family(
    settings="diffusion.rivals.settings:CopierSettings",
    learner="diffusion.rivals.copier:Learner",
    model="diffusion.rivals.copier:Copier",
    draw="diffusion.rivals.model:draw",
)
