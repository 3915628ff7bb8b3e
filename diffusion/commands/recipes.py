"""How networks are trained, by name: settings of `diffusion train` that belong together. Without torch."""

from types import MappingProxyType
from typing import Any

__all__ = ["RECIPES"]

RECIPES: dict[str, MappingProxyType[str, Any]] = {
    # Listing 4.2 and table 3.1 of the thesis; learning rate and batch size are readings (see results/README.md).
    "thesis": MappingProxyType(
        {
            "target": "eps",
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 128,
            "time_draw": "uniform",
            "ema": 0.0,
            "cooldown": 0.0,
            "full_skip": False,
        }
    ),
    # The same task and losses reported, reached sooner on a small budget: see "Why the laptop scale has a recipe of its
    # own" in the README.
    "fast": MappingProxyType(
        {
            "target": "bernoulli",
            "optimizer": "muon",
            "learning_rate": 0.002,
            "batch_size": 32,
            "time_draw": "uniform",
            "ema": 0.995,
            "cooldown": 0.4,
            "full_skip": True,
        }
    ),
}
