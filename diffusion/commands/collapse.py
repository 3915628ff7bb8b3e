"""Tell in one line that training came to nothing: one image for all, or a loss that exploded and stayed finite."""

import click
import numpy as np

__all__ = ["is_one_image", "warn_of_collapse", "warn_of_loss", "warn_of_training"]

ALIKE = 2 / 255  # root mean square, of the range: what rounding leaves between two copies of an image
EXPLODED = 100  # mean loss of an epoch: of every family it is a fraction of that even before it has learnt
LOOKED_AT = 16  # images drawn to look at a model that was just trained


def is_one_image(images: np.ndarray) -> bool:
    """Tell whether images in [0, 1], (N, H, W) or (N, H, W, 3), are all the same but for rounding; False of one."""
    if len(images) < 2:
        return False
    apart = np.square(images.astype(np.float64) - images[:1]).reshape(len(images), -1).mean(axis=1)
    return bool(np.sqrt(apart.max()) <= ALIKE)


def warn_of_collapse(model, images: np.ndarray) -> None:
    """Warn on stderr if all these samples of a model are one image, but for the pixels' own noise where it has any."""
    from diffusion.family import FAMILIES

    family, which = FAMILIES[model.settings.family], f"all {len(images)} samples"
    if "pixels" in family.capabilities and not is_one_image(images):
        count = min(len(images), LOOKED_AT)
        images, which = family.draw(model, count, pixel_noise=False).images, f"without their noise {count} samples"
    if is_one_image(images):
        click.echo(
            f"warning: {which} are the same image: the model has collapsed or is not trained; train "
            "it longer, at a lower --learning-rate or from another --seed",
            err=True,
        )


def warn_of_loss(record) -> None:
    """Warn on stderr if an epoch's record tells of a training that diverged, though its loss is a number."""
    if max(abs(record.train_mean), abs(record.test_mean)) > EXPLODED:
        click.echo(
            f"warning: the loss was {record.train_mean:.3g} in epoch {record.epoch}, and {record.test_mean:.3g} on the "
            "test images: the training has diverged; train again with a lower --learning-rate",
            err=True,
        )


def warn_of_training(model) -> None:
    """Draw a few images with a model that was just trained, where each takes one network call, and warn if they fail.

    A model that takes many calls an image is looked at when it is sampled.
    """
    from diffusion.family import FAMILIES

    if model.calls > 1:
        return
    try:
        warn_of_collapse(model, FAMILIES[model.settings.family].draw(model, LOOKED_AT).images)
    except ArithmeticError as error:
        click.echo(f"warning: {error}", err=True)
