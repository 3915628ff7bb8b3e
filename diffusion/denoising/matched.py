"""Start from a Gaussian that has x_T's mean and covariance, where N(0, I) would be off the distribution of x_T.

x_T = sqrt(abar_T) x_0 + sqrt(1 - abar_T) eps has the mean sqrt(abar_T) m and the covariance abar_T C + (1 - abar_T) I,
with m and C those of the data. So x_0 is drawn from N(m, C) and noised to x_T: no image is handed over.
"""

import numpy as np
import torch

from diffusion.denoising.model import Model
from diffusion.streams import generator

__all__ = ["draw_matched"]

MATCHED_STREAM = 14


def draw_matched(model: Model, images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw images from N(m, C) of uint8 `images` (N, C, H, W): float32 (count, C, H, W), to be noised to x_T.

    In levels 0 ... 255, neither rounded nor clipped. Image i depends on (images, seed, i) only.

    Raises:
        ValueError: fewer than two images, of another shape than the model's, or a process that is no Gaussian.
    """
    if "abar" not in model.process.extras:
        raise ValueError(f"process {model.settings.process!r} is no Gaussian one to match: leave --matched out")
    if len(images) < 2 or images.shape[1:] != model.shape:
        raise ValueError(f"to match, 2 or more images of shape {model.shape} are needed, not {images.shape}")
    flat = images.reshape(len(images), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    values, axes = np.linalg.eigh((flat - mean).T @ (flat - mean) / (len(flat) - 1))
    root = axes * np.sqrt(values.clip(0))
    drawn = [mean + root @ _normal(seed, i, len(mean)) for i in range(count)]
    return np.stack(drawn).reshape(count, *model.shape).astype(np.float32)


def _normal(seed: int, index: int, size: int) -> np.ndarray:
    return torch.randn(size, dtype=torch.float64, generator=generator(seed, MATCHED_STREAM, index)).numpy()
