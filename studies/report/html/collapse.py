"""Find runs that draw the same images again and again: no mean over samples shows it, and each sample may be clean."""

from studies.measures.results import of_samples, read_measures

__all__ = ["list_collapsed"]

REPEATED = "same_share"  # images the same as another of their set but for haze
COLLAPSED = 0.8  # from this share on, beyond that of real images, few images or one are all that a model draws


def list_collapsed(plan) -> dict[str, str]:
    """Say of each collapsed run of the grid how many of its samples repeat another; {} where none is, or is measured.

    Only what is measured is judged. Blank samples count: a model that draws nothing but black has collapsed, too.
    """
    told = {}
    for run in plan.grid:
        ours, real = _find_shares(run)
        if ours - real >= COLLAPSED:
            told[plan.tell(run)] = (
                f"{ours:.0%} of its samples are the same as another of them, of real images {real:.0%}"
            )
    return told


def _find_shares(run) -> tuple[float, float]:
    """Return the shares that are repeated of a run's samples and of real images; zeros where none is measured."""
    frame = of_samples(read_measures, run, run)
    values = {} if frame is None else dict(zip(frame.measure, frame.value, strict=True))
    return values.get(REPEATED, 0.0), values.get(f"real_{REPEATED}", 0.0)
