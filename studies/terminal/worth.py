"""Say what a plan's numbers are worth, before the hours and after them. Never imports torch."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Worth", "weigh"]


@dataclass(frozen=True)
class Worth:
    """What the numbers of a plan mean: nothing, a hint or, over several seeds, a verdict; told in a sentence or two."""

    level: Literal["nothing", "hint", "verdict"]
    words: str


def weigh(plan) -> Worth:
    """Return what the numbers of a plan are worth, from its scale and its seeds."""
    scale, seeds = plan.scale, plan.scale.seeds
    if scale.wiring:
        words = f"None of these numbers means anything: scale {plan.scale_name} only shows that every part works."
        return Worth("nothing", words)
    if len(seeds) == 1:
        return Worth("hint", "One seed: hints, no verdicts. Nothing that is tested over seeds can be decided by one.")
    return Worth("verdict", f"{len(seeds)} seeds: verdicts, each tested over the seeds and true of this scale only.")
