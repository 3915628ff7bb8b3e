"""Table `power`: what the measures of shape and novelty pass, on shapes of which the truth is known."""

from studies.report.entries import Entry
from studies.report.needs import image_files

__all__ = ["ENTRY", "make"]


def _datasets(plan) -> list:
    """Return the first seed's data sets that show triangles."""
    from studies.measures.calibration.power import is_of_triangles

    seed = plan.scale.seeds[0]
    return [one for one in plan.datasets if one.settings.seed == seed and is_of_triangles(one.settings)]


def make(plan):
    """Return for each data set and class of shapes the shares that pass; sets that are not made are left out."""
    import pandas as pd

    from studies.measures.calibration.power import measure_power

    made = [one for one in _datasets(plan) if all(path.exists() for path in one.files)]
    rows = [{"data": one.data, **row} for one in made for row in measure_power(one.folder)]
    columns = ("data", "shapes", "count", "overlap_0.8", "overlap_0.9", "clean", "copied", "memorised")
    return pd.DataFrame(rows, columns=columns)


def find_needs(plan) -> list:
    """Return the data sets' images.

    Raises:
        ValueError: none of them shows triangles.
    """
    if not (datasets := _datasets(plan)):
        raise ValueError("power: no data set of the study shows triangles that are fitted")
    return image_files(datasets, "train")


ENTRY = Entry(
    title="What passes for a triangle, and for new",
    caption="Shapes of a known kind, drawn as each set was. Count: those with 30 px of ink or more, of 200. Then "
    "shares of these: an overlap of 0.8 or 0.9 with the best-fit triangle, and clean: outline off by 0.208 px at most "
    "and no pixel wrong by over 2 px. Copied: how much more often a shape lies nearer to the training set than to a "
    "fresh set as large, 0 for new ones. Memorised: three times nearer to one training image than to the next.",
    needs=find_needs,
    make=make,
)
