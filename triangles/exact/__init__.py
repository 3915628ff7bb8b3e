"""Compute what is exactly true of all triangles of a small canvas: their images, E[x_0 | x_t], evidence, entropy."""

from triangles.exact.canvas import Every, denoise, every, log_evidence
from triangles.exact.entropy import compute_entropy, entropy, known_entropy
from triangles.exact.images import enumerate_images
from triangles.exact.posterior import Finite

__all__ = [
    "Every",
    "Finite",
    "compute_entropy",
    "denoise",
    "entropy",
    "enumerate_images",
    "every",
    "known_entropy",
    "log_evidence",
]
