"""Ink: which pixels of an image belong to the picture."""

import numpy as np

__all__ = ["binarise"]


def binarise(images):
    """Tell ink from paper: bool (N, H, W), true above one half of the range.

    Args:
        images: (N, H, W), uint8 in 0..255 or floating in 0..1.

    Raises:
        ValueError: another type, shape or range; NaN.
    """
    images = np.asarray(images)
    if images.ndim != 3:
        raise ValueError(f"images have shape {images.shape}, but (N, H, W) is needed: add or drop axes")
    if images.dtype == np.uint8:
        return images > 127
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images are {images.dtype}, but uint8 or floating is needed: convert them")
    if not np.isfinite(images).all():
        raise ValueError("images hold NaN or infinity: leave such images out, or mend what made them")
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"images span {images.min():.3g} to {images.max():.3g}, but 0 to 1 is needed: rescale or clip")
    return images > 0.5
