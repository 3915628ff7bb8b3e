"""What settings that are each possible cannot do together: refused before anything is made, not after training."""

__all__ = ["check_extended", "check_resampled"]


def check_resampled(one, where: str) -> None:
    """That a run can be sampled in this other way.

    Raises:
        ValueError: what stands in the way.
    """
    training, sampling, held_out = one.run.training, one.sampling, one.run.dataset.settings.test_count
    if sampling.steps is not None and sampling.steps > training.timesteps:
        raise ValueError(f"{where}: steps = {sampling.steps}, but the process has {training.timesteps}")
    if one.noised and sampling.count > held_out:
        raise ValueError(f"{where}: count = {sampling.count}, but there are {held_out} test images to start from")
    if one.renormed and training.network != "thesis":
        raise ValueError(f"{where}: network {training.network!r} has no batch norm to take statistics of anew")
    if one.from_abar is not None:
        noise = training.noise_schedule()
        if noise.abar[-1] > one.from_abar:
            raise ValueError(f"{where}: {noise.name} leaves {noise.abar[-1]:.3g}, never as little as {one.from_abar:g}")


def check_extended(run, where: str) -> None:
    """That a run is longer than the grid's run that it extends.

    Raises:
        ValueError: it is not, by a factor too close to 1 for so few epochs.
    """
    if run.training.epochs <= run.base.training.epochs:
        raise ValueError(f"{where}: extended.epochs_factor makes {run.training.epochs} epochs of as many: give more")
