"""Reject combinations of valid settings that would only fail after training."""

from collections.abc import Collection

import numpy as np

from diffusion.networks import facts
from diffusion.processes import PROCESSES
from diffusion.samplers.choosing import choose_sampler
from diffusion.store.registry import UnknownNameError
from studies.planning.families import capabilities, settings_class, stands_for, uses_batch_norm
from studies.planning.study import OF_PATHS, OF_SAMPLERS
from studies.registries import CHECKS, FIGURES, RULERS, TABLES, describe, shown
from triangles.kinds import KINDS

__all__ = [
    "check_batches",
    "check_claims",
    "check_extended",
    "check_judged_as",
    "check_levels",
    "check_resampled",
    "check_sampling",
    "check_shown",
    "check_size",
    "check_training",
    "is_among",
    "warn_of_averages",
]


def check_training(study, where: str) -> None:
    """Check that each of the study's `training` settings is one of some model's family: others would be ignored.

    Raises:
        ValueError: naming the setting, or all models of a family that there is not.
    """
    known, faults = set(), []
    for name, variant in study.models.items():
        try:
            known |= set(settings_class(stands_for(name) | study.training | variant.settings).model_fields)
        except UnknownNameError as error:
            faults.append(f"{where}: models.{name}: {error}, as plugins: [MODULE]")
        except ValueError as error:
            faults.append(f"{where}: models.{name}: {error}")
    if faults:
        raise ValueError("; ".join(faults))
    if strange := sorted(set(study.training) - known):
        raise ValueError(f"{where}: training: {strange[0]} is no setting of any of the study's models")


def check_sampling(training, sampling, where: str) -> None:
    """Check that samples of such a model can be drawn in this way.

    Raises:
        ValueError: an option of another sampler, a process that lacks what the sampler needs, or pixel noise of another
            family than a VAE.
    """
    if sampling.pixel_noise is not None and "pixels" not in capabilities(training):
        raise ValueError(f"{where}: pixel_noise is of a VAE alone, and of no {training.family}: leave it out there")
    if hasattr(training, "process"):
        try:
            own = {name: getattr(sampling, name) for name in OF_SAMPLERS}
            choose_sampler(sampling.sampler, PROCESSES[training.process], **own)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None


def check_size(training, size: int, where: str) -> None:
    """Check that a model takes images of this size, in px.

    Raises:
        ValueError: its network's depth does not divide the images' sides, or its family refuses them.
    """
    try:
        getattr(training, "check_size", lambda size: None)(size)  # what a family's settings may offer
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    divisor = facts(training.network).divisor(training) if hasattr(training, "network") else 1
    if size % divisor:
        raise ValueError(
            f"{where}: images of {size} px do not fit {len(training.widths)} widths: their sides must be divisible by "
            f"{divisor}; give fewer widths or another size"
        )


def check_batches(training, count: int, where: str) -> None:
    """Check that so many training images make an epoch's step.

    Raises:
        ValueError: they do not fill one batch.
    """
    if not training.count_steps(count):
        raise ValueError(f"{where}: {count} training images do not fill one batch of {training.batch_size}: lower it")


def check_levels(training, settings, where: str) -> None:
    """Check that a model can be of the gray levels that pictures will have, where they are drawn here.

    Raises:
        ValueError: a family whose settings allow fewer levels.
    """
    if not KINDS[settings.kind].drawn:
        return
    levels = [0, 255] if settings.plain and settings.channel_count == 1 else range(256)
    try:
        training.settle(np.array(levels, np.uint8))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def check_resampled(one, asked: Collection[str], where: str) -> None:
    """Check that a run can be sampled in this other way; asked: the settings of sampling that the study names for it.

    Raises:
        ValueError: what stands in the way.
    """
    training, sampling, held_out = one.run.training, one.sampling, one.run.dataset.settings.test_count
    if "frames" not in one.run.capabilities:
        if not set(asked) - set(OF_PATHS) or one.noised or one.matched or one.renormed:
            fault = f"family {training.family!r} of {one.run.model} has no path to sample in another way"
            raise ValueError(f"{where}: {fault}")
        return
    if sampling.steps is not None and sampling.steps > training.timesteps:
        raise ValueError(f"{where}: steps = {sampling.steps}, but the process has {training.timesteps}")
    if one.noised and sampling.count > held_out:
        raise ValueError(f"{where}: count = {sampling.count}, but there are {held_out} test images to start from")
    if one.renormed and not uses_batch_norm(training):
        raise ValueError(f"{where}: network {training.network!r} has no batch norm to take statistics of again")
    if one.from_abar is not None:
        noise = training.noise_schedule()
        if noise.abar[-1] > one.from_abar:
            raise ValueError(f"{where}: {noise.name} leaves {noise.abar[-1]:.3g}, never as little as {one.from_abar:g}")


def check_extended(run, where: str) -> None:
    """Check that a run is longer than the grid's run that it extends.

    Raises:
        ValueError: it is not, by a factor too close to 1 for so few epochs.
    """
    if run.training.epochs <= run.base.training.epochs:
        raise ValueError(f"{where}: extended.epochs_factor makes {run.training.epochs} epochs of as many: give more")


def warn_of_averages(plan) -> list[str]:
    """Return a line for each model whose averaged weights look back further than its runs are long; none at smoke."""
    faults = {} if plan.scale.wiring else {(run.model, _find_fault(run)): None for run in plan.runs}
    return [f"warning: model {plan.label(model)}: {fault}" for model, fault in faults if fault]


def _find_fault(run) -> str:
    return run.training.warn_of_averages(run.dataset.settings.count)


def check_shown(plan) -> None:
    """Check that every figure and table of the study exists and can be made of it.

    Raises:
        ValueError: naming the study's file and the figure or table.
    """
    names = {"figures": [one.name for one in plan.study.figures], "tables": plan.study.tables}
    faults = []
    for key, registry in (("figures", FIGURES), ("tables", TABLES)):
        for name in names[key]:
            try:
                shown(registry, name, plan).inputs(plan)
            except ValueError as error:
                faults.append(f"{key}: {error}")
    _refuse(plan, faults)


def _refuse(plan, faults: list[str]) -> None:
    """Refuse a study for all of its faults at once, if there is any."""
    if faults:
        raise ValueError(f"{plan.written_in[0].name}: {'; '.join(faults)}")


def check_claims(plan) -> None:
    """Check that each claim's measure, figure, check and cells exist.

    Raises:
        ValueError: naming the study's file, the claim and what there is to choose from.
    """
    faults = []
    for claim in plan.study.claims:
        try:
            _check_claim(plan, claim)
        except ValueError as error:
            faults.append(f"claim {claim.id}: {error}")
    _refuse(plan, faults)


def _check_claim(plan, claim) -> None:
    for name in (claim.measure, claim.ranked_by):
        if name is not None:
            describe(name)
    if claim.figure is not None:
        shown(FIGURES, claim.figure, plan)
    if claim.check is not None:
        CHECKS[claim.check]
    for side in (*claim.contrast.plus, *claim.contrast.minus) if claim.contrast else ():
        _check_known("data", side.data, plan.data_names)
        _check_known("model", side.model, plan.model_names)
        _check_known("samples", side.samples and (side.samples,), tuple(plan.study.resampled))
        _check_answerable(plan, claim.measure, side)


def _check_answerable(plan, measure: str, side) -> None:
    """Refuse cells of which every one lacks what the measure is taken of: no run would ever answer the claim."""
    rulers = {one for dataset in plan.datasets for one in dataset.rulers}
    ruler = next((RULERS[one] for one in rulers if measure in RULERS[one].describe()), None)
    cells = [run for run in plan.runs if is_among(run, side)]
    if side.samples and ruler and not ruler.summarise:
        raise ValueError(f"{measure} is of runs, and not of other samples of theirs: leave samples: {side.samples} out")
    if side.samples and cells and not any(one.name == side.samples and one.run in cells for one in plan.resampled):
        raise ValueError(f"samples {side.samples} are of other cells: see resampled.{side.samples}.cells")
    if ruler and cells and all(ruler.needs - run.capabilities for run in cells):
        families = " or ".join(sorted({run.training.family for run in cells}))
        lack = ", ".join(sorted(ruler.needs))
        raise ValueError(f"{measure} is of a {lack}, and family {families} has none: leave such cells out")


def _check_known(axis: str, names, known) -> None:
    if strange := [name for name in names or () if name not in known]:
        raise ValueError(f"{axis} {strange[0]} is not in the study: choose from {', '.join(known) or 'none'}")


def is_among(run, cells) -> bool:
    """Whether a run's cell is one of `studies.planning.claim.Cells`."""
    return run.data in (cells.data or (run.data,)) and run.model in (cells.model or (run.model,))


def check_judged_as(judged_as: str | None, drawn: str, where: str) -> list[str]:
    """Check that pictures can be judged as those of another kind; return the words that tell so in a name."""
    if judged_as is None:
        return []
    if judged_as not in KINDS:
        raise ValueError(f"{where}: unknown kind {judged_as!r} in judged_as: choose from {', '.join(KINDS)}")
    if not KINDS[judged_as].fitter:
        raise ValueError(f"{where}: nothing fits a {judged_as}, so no picture is judged as one: leave judged_as out")
    if KINDS[judged_as].channels != KINDS[drawn].channels:
        raise ValueError(f"{where}: a {drawn} has other channels than a {judged_as}: leave judged_as out")
    return [f"as_{judged_as}"]
