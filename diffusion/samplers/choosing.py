"""Makes a sampler by name, and refuses what does not fit together. Without torch."""

from diffusion.samplers import SAMPLERS

__all__ = ["choose_sampler", "count_calls"]


def choose_sampler(name: str, process, **options):
    """Make the named sampler for a process (a process or its class) with its own options; None stands for a default.

    Raises:
        ValueError: an unknown sampler, an option of another one, or a process that lacks what the sampler needs.
    """
    kind = SAMPLERS[name]
    given = {option: value for option, value in options.items() if value is not None}
    for option in sorted(given.keys() - kind.options):
        owners = [other for other in SAMPLERS if option in SAMPLERS[other].options]
        owner = f"{option} belongs to the {' or '.join(owners)} sampler" if owners else f"no sampler has {option}"
        raise ValueError(f"{owner}, not to {name}: leave it out" if owners else f"{owner}: leave it out")
    if kind.needs - process.extras:
        missing = " and ".join(sorted(kind.needs - process.extras))
        fitting = ", ".join(other for other in SAMPLERS if not SAMPLERS[other].needs - process.extras)
        raise ValueError(f"sampler {name} goes by {missing}, which the model's process does not have: choose {fitting}")
    if given.get("variance") not in (None, *process.variances):
        if not process.variances:
            raise ValueError("the model's process has no choice of variance: leave it out")
        raise ValueError(f"unknown variance {given['variance']!r}: choose {' or '.join(process.variances)}")
    return kind(**given)


def count_calls(sampler, steps: int) -> int:
    """Return the network calls that a sampler spends on an image in so many steps."""
    return sampler.calls(steps) if hasattr(sampler, "calls") else steps
