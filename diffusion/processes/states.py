"""What processes, targets and samplers hand each other. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Prediction"]


@dataclass(frozen=True)
class Prediction:
    """What a network's output says about one noised batch.

    x0: the estimate of E[x_0 | x_t]; eps: the estimate of the process's random part, None where it has none, each
    of the images' shape. given: which of the two the network gave itself; the other follows from it.
    """

    x0: Tensor
    eps: Tensor | None = None
    given: str = "x0"
