"""The model that knows all triangles of its size, and learns nothing."""

import numpy as np
import torch
from torch import Tensor, nn

from diffusion.denoising.finite import EmpiricalLearner, FiniteModel
from diffusion.denoising.learner import Batch
from diffusion.devices import Device
from studies.perfect.family import PerfectSettings
from triangles.exact import enumerate_images, every
from triangles.exact.images import LARGEST

__all__ = ["EveryTriangle", "PerfectLearner", "PerfectModel"]


class EveryTriangle(nn.Module):
    """A network without weights for canvases whose images are too many to be held: it sums over edges.

    It takes seconds for each x_t, on the CPU and in float64. abar: float64 (T,); size in px.
    """

    divisor = 1

    def __init__(self, abar: np.ndarray, size: int):
        super().__init__()
        self.abar, self.size = np.array(abar, np.float64), size

    def forward(self, xt: Tensor, t: Tensor) -> Tensor:
        """Return E[x_0 | x_t], float32 (B, 1, H, W)."""
        posterior, abar = every(self.size), self.abar[t.cpu().expand(len(xt)).numpy()]
        images, found = xt[:, 0].double().cpu().numpy(), np.empty(xt[:, 0].shape)
        for level in np.unique(abar):
            found[abar == level] = posterior.denoise(images[abar == level], level, torch.get_num_threads())
        return torch.from_numpy(found).float()[:, None].to(xt.device)


class PerfectModel(FiniteModel):
    """A `FiniteModel` whose network holds all triangles, or sums over their edges where they are too many."""

    @staticmethod
    def build(settings: PerfectSettings, shape: tuple[int, int, int]) -> nn.Module:
        """Make the network; one that holds images has none yet.

        Raises:
            ValueError: images in colours, that are no squares, of 2 px or less, or too large.
        """
        network = FiniteModel.build(settings, shape)
        if shape[1] != shape[2]:
            raise ValueError(f"images of {shape[1]} x {shape[2]} px: triangles are drawn on squares")
        settings.check_size(shape[1])
        return network if shape[1] <= LARGEST else EveryTriangle(settings.noise_schedule().abar, shape[1])


class PerfectLearner(EmpiricalLearner):
    """A learner that knows every image beforehand; what it reports is the floor under any model's loss.

    An x_t takes long, so a training batch's loss is that of its first image; test images are all weighed.
    """

    kind = PerfectModel

    def __init__(self, settings: PerfectSettings, shape: tuple[int, int, int], device: Device):
        super().__init__(settings, shape, device)
        if shape[1] <= LARGEST:
            self.network.remember(*enumerate_images(shape[1]))

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss; see `EmpiricalLearner.step`."""
        return super().step(Batch(batch.x0[:1], batch.t[:1], batch.hidden[:1]))

    def _learn(self, images: np.ndarray) -> None:
        """Nothing is new."""
