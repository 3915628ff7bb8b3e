"""The epoch loop: any family's learner, one small record an epoch, resumable after any step."""

from diffusion.training.records import DivergedError, EpochRecord
from diffusion.training.trainer import Progress, Trainer

__all__ = ["DivergedError", "EpochRecord", "Progress", "Trainer"]
