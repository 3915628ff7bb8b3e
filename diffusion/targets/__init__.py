"""What a network may predict: one class a target, made without arguments and importable without torch. It has

needs, value_ranges     extras that the process must offer (frozenset), and ranges of pixels that it makes sense for
is_reported             whether its loss is the process's `error` already
wanted(x0, hidden, t, process)      what the output should be, of the images' shape
loss(output, wanted)    pixel by pixel
read(output, xt, t, process)        the output as a `Prediction`; E[x_0 | x_t] is what samplers use
"""

from diffusion.store.registry import Registry

__all__ = ["TARGETS"]

TARGETS = Registry(
    "target",
    {
        "eps": "diffusion.targets.squared:Eps",
        "x0": "diffusion.targets.squared:X0",
        "v": "diffusion.targets.squared:V",
        "bernoulli": "diffusion.targets.bernoulli:Bernoulli",
        "poisson": "diffusion.targets.poisson:Poisson",
    },
)
