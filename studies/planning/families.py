"""What planning asks of a family of models, without torch: its settings, and what it is capable of."""

from collections.abc import Mapping
from typing import Any

from diffusion.family import FAMILIES
from diffusion.networks import facts
from diffusion.processes import PROCESSES
from diffusion.schedules import SpellingError, named
from diffusion.settings import TrainSettings

__all__ = ["DEFAULT", "capabilities", "settings_class", "stands_for", "understood", "uses_batch_norm", "variances_of"]

DEFAULT = TrainSettings.model_fields["family"].default


def settings_class(settings: Mapping[str, Any]):
    """Return the class of the training settings of the family that `settings` name.

    Raises:
        ValueError: no such family.
    """
    return FAMILIES[settings.get("family", DEFAULT)].settings


def understood(settings: Mapping[str, Any], kind) -> dict[str, Any]:
    """Keep what a family's settings class has a field for: a recipe speaks of one family's settings."""
    return {name: value for name, value in settings.items() if name in kind.model_fields}


def capabilities(training) -> frozenset[str]:
    """Return what the family of these settings can do, of `frames`, `likelihood` and so on."""
    return FAMILIES[training.family].capabilities


def stands_for(model: str) -> dict[str, str]:
    """Return the settings that a model's name says already: those of the schedule, or family, of that name.

    Raises:
        ValueError: a schedule's name in another spelling than its own.
    """
    if model in FAMILIES:
        return {"family": model}
    try:
        named(model)
    except SpellingError:
        raise
    except ValueError:
        return {}
    return {"schedule": model}


def variances_of(training) -> tuple[str, ...]:
    """Return the variances that the process of these settings offers, the usual one first; none without a process."""
    return tuple(PROCESSES[training.process].variances) if hasattr(training, "process") else ()


def uses_batch_norm(training) -> bool:
    """Say whether the network of these settings normalises by running statistics of batches."""
    return hasattr(training, "network") and facts(training.network).batch_norm
