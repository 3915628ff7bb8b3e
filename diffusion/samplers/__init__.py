"""Samplers, which go from noise to an image. A sampler is a class, made with its options, that has

    options     names of its own settings (frozenset)
    needs       extras that a process must offer (frozenset; see `diffusion.processes`)
    calls(steps)            network calls for an image in so many steps; may be left out where it is one a step
    step(denoise, process, x, i, memory, noise)     x_{i-1} from x = x_i, x_0 at i = 0

denoise(x, i) asks the network for a `Prediction`; process is respaced to the steps that are taken, and i its index;
memory is a dict that lasts for a path; noise() draws standard normal noise of x's shape. The loop, respacing and frames
are `diffusion.denoising.sampling`'s.
"""

from diffusion.store.registry import Registry

__all__ = ["SAMPLERS"]

SAMPLERS = Registry(
    "sampler",
    {
        "ancestral": "diffusion.samplers.ancestral:Ancestral",
        "ddim": "diffusion.samplers.ddim:DDIM",
        "dpm-solver": "diffusion.samplers.dpm_solver:DPMSolver",
        "langevin": "diffusion.samplers.langevin:Langevin",
        "corrected": "diffusion.samplers.langevin:Corrected",
    },
)
