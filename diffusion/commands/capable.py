"""Refuse what a family of models cannot do, in words for people, and options that would be recorded and do nothing."""

import click

from diffusion.family import FAMILIES

__all__ = ["OF_BOUNDS", "OF_PATHS", "OF_SOME", "check_given", "of_use", "require"]

OF_SAMPLERS = ("variance", "corrections", "snr")  # each of some, which refuses what is another's
OF_PATHS = ("sampler", "steps", "clip", "frames", "framed", *OF_SAMPLERS)  # of families whose draws have a path
OF_SOME = (*OF_SAMPLERS, "pixel_noise")  # a record names them where they were given
OF_BOUNDS = ("variance", "every_step")  # of families that are bounded step by step
LACKS = {
    "frames": "draws an image in one call, and not in steps",
    "pixels": "gives its pixels no distribution",
    "score": "has no levels of noise",
}


def require(model, capability: str, mend: str) -> None:
    """Raise ValueError, with what to do, if the model's family has not the capability."""
    family = model.settings.family
    if capability not in FAMILIES[family].capabilities:
        raise ValueError(f"family {family} {LACKS.get(capability, f'has no {capability}')}: {mend}")


def check_given(model, options: tuple[str, ...]) -> None:
    """Raise ValueError if the command that runs was given one of these options, and the family has no steps, or was
    told of pixels' noise, and the family's have no distribution."""
    context = click.get_current_context()
    for option in options:
        usual = next(one.default for one in context.command.params if one.name == option)
        if context.params[option] not in (None, False, usual):
            require(model, "frames", f"leave out --{option.replace('_', '-')}")
    if context.params.get("pixel_noise") is not None:
        require(model, "pixels", "leave out --pixel-noise")


def of_use(model, options: dict, stepwise: tuple[str, ...]) -> dict:
    """Return the options for a record: without those of steps, `stepwise`, where the family has none."""
    unused = () if "frames" in FAMILIES[model.settings.family].capabilities else stepwise
    return {name: value for name, value in options.items() if name not in unused}
