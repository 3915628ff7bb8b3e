"""Denoise perfectly where the data are finitely many black and white images: E[x_0 | x_t] as a sum over all of them.

x_0 is +-1. With S the sum of x_t over an image's white pixels, the log of its posterior weight is, but for a constant,

    2 sqrt(abar) / (1 - abar) S + the log of how often it comes

(Bayes' rule on [H] Ho et al. 2020, eq. 4). So all weights are products of x_t with the images' masks, no larger than
the box around the white pixels. The family "empirical" remembers its training images: the least loss that is possible
on them, and a sampler that can only repeat them.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from diffusion.denoising.learner import Batch, Learner, losses
from diffusion.denoising.model import Model
from diffusion.denoising.perfect import FiniteSettings
from diffusion.devices import Device, choose
from diffusion.processes import PROCESSES
from diffusion.targets.squared import X0

__all__ = ["EmpiricalLearner", "Finite", "FiniteModel", "finite_model"]

BLOCK = 2  # px that the sides of boxes are rounded up to, so that boxes are few
AT_ONCE = 2**17  # log weights in a product: they stay in the cache
FEWEST = 64  # x_t in a product
NEGLIGIBLE = 40.0  # below the largest log weight


class Finite(nn.Module):
    """A network without weights: x_t (B, 1, H, W) and indices t (B,) to E[x_0 | x_t] in [-1, 1].

    abar: float64 (T,). bits: uint8 (M, bytes), the images packed; counts: float64 (M,), how often each comes.
    """

    divisor = 1
    open_ended = ("bits", "counts")  # as many images as there are in a file

    def __init__(self, abar: np.ndarray, shape: tuple[int, int, int]):
        super().__init__()
        self.abar, self.shape = torch.as_tensor(np.array(abar, np.float64)), shape
        self.register_buffer("bits", torch.zeros((0, -(-shape[1] * shape[2] // 8)), dtype=torch.uint8))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.float64))
        self._boxes = None

    def remember(self, images: np.ndarray, counts: np.ndarray | None = None) -> None:
        """Add images, bool (M, H, W), each as often as it comes; equal ones are taken together."""
        flat = np.packbits(images.reshape(len(images), -1), axis=1)
        counts = np.ones(len(images)) if counts is None else np.asarray(counts, np.float64)
        if len(self.bits) or len(counts) < 100_000:  # more are enumerated, and distinct already
            flat, counts = np.concatenate([self.bits.numpy(), flat]), np.concatenate([self.counts.numpy(), counts])
            flat, which = np.unique(flat, axis=0, return_inverse=True)
            counts = np.bincount(which.ravel(), counts)
        self.bits, self.counts, self._boxes = torch.from_numpy(flat), torch.from_numpy(counts), None

    def forward(self, xt: Tensor, t: Tensor) -> Tensor:
        """Return E[x_0 | x_t], float32 (B, 1, H, W)."""
        abar = self.abar[t.cpu()].expand(len(xt))
        slope = (2 * abar.sqrt() / (1 - abar)).to(torch.float32)
        with torch.autocast("cpu", enabled=False):  # bfloat16 products would be wrong in the second digit
            found = [self._posterior(*pair) for pair in zip(xt.split(FEWEST), slope.split(FEWEST), strict=True)]
        return torch.cat(found).to(xt.device)

    def _posterior(self, xt: Tensor, slope: Tensor) -> Tensor:
        """Sum weights and weighted masks relative to the largest weight so far, which is raised as larger ones come."""
        self._boxes = self._boxes or list(_box(self.bits.numpy(), self.counts.numpy(), self.shape[1:]))
        xt, count = xt[:, 0].float().cpu() * slope[:, None, None], len(xt)
        largest, total, white = torch.full((count,), -torch.inf), torch.zeros(count), torch.zeros(xt.shape)
        for (rows, columns), masks, log_prior in self._boxes:
            cut = xt[:, rows, columns].reshape(count, -1)
            step = max(1, AT_ONCE // count)
            for start in range(0, len(masks), step):
                mask = masks[start : start + step].float()
                weights = torch.addmm(log_prior[start : start + step], cut, mask.T)
                top = weights.amax(1)
                if (top < largest - NEGLIGIBLE).all():
                    continue
                before, largest = largest, torch.maximum(largest, top)
                scale = torch.exp(before - largest)
                weights = weights.sub_(largest[:, None]).exp_()
                total = total * scale + weights.sum(1)
                white *= scale[:, None, None]
                white[:, rows, columns] += (weights @ mask).view(count, *white[0, rows, columns].shape)
        return (2 * white / total[:, None, None] - 1).clamp(-1, 1)[:, None]

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Take as many images as there are in the file."""
        for name in self.open_ended:
            if prefix + name in state:
                setattr(self, name, torch.empty_like(state[prefix + name]))
        self._boxes = None
        super()._load_from_state_dict(state, prefix, *rest)


def _box(bits: np.ndarray, counts: np.ndarray, shape: tuple[int, int]):
    """Group images by the box around their white pixels: slices, uint8 masks (m, pixels), float32 log counts (m,)."""
    images = np.unpackbits(bits, axis=1, count=shape[0] * shape[1]).reshape(-1, *shape)
    edges, keys = [], np.zeros(len(images), np.int64)
    for axis in (2, 1):  # rows, then columns
        has = images.any(axis=axis)
        side = has.shape[1]
        last = side - has[:, ::-1].argmax(axis=1)  # all of a blank image
        edges += [has.argmax(axis=1) // BLOCK * BLOCK, np.minimum(-(-last // BLOCK) * BLOCK, side)]
        keys = (keys * (side + 1) + edges[-2]) * (side + 1) + edges[-1]
    order = np.argsort(keys, kind="stable")
    for chosen in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        top, bottom, left, right = (int(edge[chosen[0]]) for edge in edges)
        masks = torch.from_numpy(images[chosen, top:bottom, left:right].reshape(len(chosen), -1))
        yield (slice(top, bottom), slice(left, right)), masks, torch.from_numpy(np.log(counts[chosen])).float()


class FiniteModel(Model):
    """A `Model` whose network is `Finite`, whatever recipe its settings come from."""

    def __post_init__(self):
        self.target, self._compiled = X0(), None

    @staticmethod
    def build(settings: FiniteSettings, shape: tuple[int, int, int]) -> Finite:
        """Make the network, which remembers no image yet.

        Raises:
            ValueError: images in colours, or of 2 px or less.
        """
        if shape[0] != 1 or min(shape[1:]) < 2:
            raise ValueError(f"images of shape {shape}: a perfect denoiser is of black and white ones, (1, H, W)")
        return Finite(settings.noise_schedule().abar, tuple(shape))


class EmpiricalLearner(Learner):
    """What remembers every image that it is shown; its loss is that of the images which it knows by then."""

    kind = FiniteModel

    def __init__(self, settings: FiniteSettings, shape: tuple[int, int, int], device: Device):
        network = self.kind.build(settings, shape)
        process = PROCESSES[settings.process](settings.noise_schedule(), device.torch)
        self.model = self.kind(settings, tuple(shape), network, process, device)
        self.network, self.optimizers = network, []

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Remember a batch of images.

        Raises:
            ValueError: a pixel is neither black nor white.
        """
        if not (batch.x0.abs() == 1).all():
            raise ValueError("a perfect denoiser is of black and white images, and these are not: give others")
        self._learn(batch.x0[:, 0].cpu().numpy() > 0)
        with torch.no_grad():
            return {"train": losses(self.model, batch)[1].mean()}

    def _learn(self, images: np.ndarray) -> None:
        self.network.remember(images)


def finite_model(settings: FiniteSettings, images: np.ndarray, counts: np.ndarray | None = None) -> FiniteModel:
    """Make the perfect model of images, bool (M, H, W), each as often as `counts` (M,) say, on the CPU."""
    learner = EmpiricalLearner(settings, (1, *images.shape[1:]), choose("cpu", "float32"))
    learner.network.remember(images, counts)
    return learner.trained(learner.network)
