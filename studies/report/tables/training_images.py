"""Table `training-images`: haze, gray edges and area bias by how triangles are drawn, stored and resized."""

from studies.report.entries import Entry

__all__ = ["ENTRY", "make"]


def make(plan=None):
    """Return a row a preparation: draw size, format, filter, and what `measure_preparation` says of 200 triangles."""
    import pandas as pd

    from studies.measures.calibration.preparing import list_preparations, measure_preparation

    return pd.DataFrame(
        {"draw_size": settings.draw_size, "format": name, "filter": resample, **measure_preparation(settings)}
        for name, resample, settings in list_preparations()
    )


ENTRY = Entry(
    title="Where the gray of training images comes from",
    caption="The same 200 triangles in every row, prepared as 32 px images and measured against their true corners, "
    "without any training. Haze: RMS of what lies more than 2 px off the triangle and off its ink. Edge gray: clearly "
    "gray pixels within 2 px of the outline, by px of its length. Area bias: covered area less the true one, as a "
    "share of the image, with its standard error.",
    needs=lambda plan: [],
    make=make,
)
