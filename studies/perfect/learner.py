"""The model that knows all triangles of its size, and learns nothing."""

from diffusion.denoising.finite import EmpiricalLearner
from diffusion.devices import Device
from triangles.exact import enumerate_images

__all__ = ["PerfectLearner"]


class PerfectLearner(EmpiricalLearner):
    """A learner that knows every image beforehand; what it reports is the floor under any model's loss."""

    def __init__(self, settings, shape: tuple[int, int, int], device: Device):
        super().__init__(settings, shape, device)
        if shape[1] != shape[2]:
            raise ValueError(f"images of {shape[1]} x {shape[2]} px: triangles are drawn on squares")
        self.network.remember(*enumerate_images(shape[1]))

    def _learn(self, images) -> None:
        """Nothing is new."""
