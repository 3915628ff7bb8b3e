"""What a sampler's network call costs an image: ours and the other packages, each with its own network, untrained, as
time does not depend on the weights, and its own sampling loop."""

import contextlib
import io

import numpy as np

from benchmarks.racing.contenders import make
from benchmarks.timing import alternate, speeds

SPECS = (
    "ours:precision=float32",
    "ours",
    "listing",
    "denoising-diffusion-pytorch:width=16",
    "diffusers:width=16",
    "smalldiffusion",
)


def drawing(spec: str, images: np.ndarray, count: int):
    """A function that draws `count` images and returns how many times an image passed the network."""
    contender = make(spec, images, seed=0)

    def draw():
        with contextlib.redirect_stderr(io.StringIO()):  # one package shows a bar for each batch
            contender.draw(count)
        return count * contender.steps

    return draw


def run(rounds: int = 3, count: int = 50, size: int = 32):
    """Images x network calls a second of each contender, as ratios to ours in float32."""
    images = np.random.default_rng(0).integers(0, 2, (256, size, size), dtype=np.uint8) * 255
    return speeds(alternate({spec: drawing(spec, images, count) for spec in SPECS}, rounds), SPECS[0])
