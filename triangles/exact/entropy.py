"""Know the entropy of a data set's images exactly, where they are all triangles: a floor under any model's bits.

Entropies are computed in a stream: images are drawn height by height and only their keys are kept, see
`hash_images`. A shift along y changes no image but by that shift, so triangles that touch the top row stand for all.
"""

import numpy as np

from triangles.exact.images import check_size, draw_topmost, hash_images
from triangles.kinds import KINDS
from triangles.kinds.triangle import Triangle

__all__ = ["ENTROPIES", "compute_entropy", "entropy", "known_entropy"]

# px -> bits, as `compute_entropy` gave them with Pillow 13.0: at 32 px in 8 minutes of one core, by
#     python -c "from triangles.exact import compute_entropy; print(compute_entropy(32))"
ENTROPIES = {8: 15.16296496447563, 12: 18.72453072228132, 16: 21.25626434408777, 32: 27.33774108477262}
LARGEST, SECONDS = 32, 490  # px, and seconds of computing it there: 173,474,428 images


def entropy(size):
    """Return the entropy in bits of the image of a triangle at `size` px; known sizes are looked up.

    Raises:
        ValueError: as `compute_entropy`.
    """
    return ENTROPIES[size] if size in ENTROPIES else compute_entropy(size)


def known_entropy(settings):
    """Return the entropy in bits of a data set's image, or None where it is not known.

    It is known of triangles that are drawn at a size in `ENTROPIES`, neither resized nor compressed: black and white.

    settings: `triangles.settings.Settings`, or the settings of an imported set.
    """
    kind = type(KINDS[settings.kind])
    drawn_as_triangles = (kind.draw, kind.paint) == (Triangle.draw, Triangle.paint)
    return ENTROPIES.get(settings.size) if drawn_as_triangles and settings.plain else None


def compute_entropy(size):
    """Return the entropy in bits of the image of a triangle at `size` px, from all size^6 ordered triples of pixels.

    Raises:
        ValueError: size under 2, or so large that it would take hours to days; the message says how long.
    """
    check_size(size, LARGEST, SECONDS)
    total = 0.0
    for height in range(1, size + 1):
        keys = np.concatenate([hash_images(part) for part in draw_topmost(size, height)])
        probabilities = np.unique(keys, return_counts=True)[1] / size**6
        total -= (size - height + 1) * (probabilities * np.log2(probabilities)).sum()
    return float(total)
