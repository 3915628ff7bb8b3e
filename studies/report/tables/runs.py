"""The tables, one function each: plan -> DataFrame in full precision; and their two written forms.

A cell of the grid whose files are missing keeps its row, with NaN for what is not known, and says why it is so.
"""

from collections.abc import Callable
from math import ceil, floor, log10, nan
from pathlib import Path

import numpy as np
import pandas as pd

from diffusion.store.files import read_images, replacing, write_text
from diffusion.store.records import RunRecord, SamplesRecord, read_record
from studies.measures.records import DatasetRecord
from studies.measures.results import absence, noise_schedules, or_hole, read_losses
from triangles.datasets import facts

__all__ = ["by_run", "data", "losses", "markdown", "rounded", "save", "schedules", "slope", "time", "with_spread"]

LAST_SHARE = 0.1  # of the epochs: where the slope is taken
TOGETHER = ("estimate", "low", "high")  # a row's number with its interval, in digits of its own
WIDE = 1000  # largest to smallest: beyond, equal decimals would show nothing of the small
HOLE = "–"
SAMPLING = "samples.json"  # last of a run's samples to be written


def schedules(plan) -> pd.DataFrame:
    """What follows from the formulas, a schedule a row; columns carry their units. See `NoiseSchedule.facts`."""
    rows = [s.facts() | {"far from noise": s.far_from_noise} for s in noise_schedules(plan).values()]
    return pd.DataFrame(rows)


def losses(plan) -> pd.DataFrame:
    """L_simple at the end of each run, and whether it still moves.

    train_mean, train_min, train_max, test_mean: of the last epoch; best_epoch: of the lowest test mean, best_test_mean;
    slope: least squares, of the training mean over the last tenth of the epochs (two at least), per epoch.
    """
    return by_run(plan, lambda run: _loss_facts(or_hole(read_losses, run)))


def by_run(plan, facts: Callable[..., dict], *files: str) -> pd.DataFrame:
    """A row for each run of what `facts` finds of it; `missing` says why there is nothing, where that is so.

    files: of the run, what is needed besides its training.
    """
    frame = pd.DataFrame([_cell(run) | facts(run) for run in plan.runs])
    reasons = [absence(run, *files) for run in plan.runs]
    return frame.assign(missing=reasons) if any(reasons) else frame


def _cell(run) -> dict:
    return {
        "preparation": run.preparation,
        "schedule": run.schedule,
        "seed": run.seed,
        "epochs": run.training.epochs,
    }


def _loss_facts(losses) -> dict:
    if losses is None:
        return dict.fromkeys(
            ("train_mean", "train_min", "train_max", "test_mean", "best_epoch", "best_test_mean", "slope"), nan
        )
    last = losses.iloc[-1]
    tested = losses.dropna(subset="test_mean")
    best = tested.loc[tested.test_mean.idxmin()] if len(tested) else {"epoch": nan, "test_mean": nan}
    return {
        **{name: last[name] for name in ("train_mean", "train_min", "train_max", "test_mean")},
        "best_epoch": best["epoch"],
        "best_test_mean": best["test_mean"],
        "slope": slope(losses.epoch, losses.train_mean),
    }


def slope(epochs, values, share=LAST_SHARE) -> float:
    """Least-squares slope of values over the last `share` of the epochs, at least two; NaN for a single epoch."""
    count = max(2, ceil(share * len(epochs)))
    if len(epochs) < 2:
        return nan
    x, y = (np.asarray(one, np.float64)[-count:] for one in (epochs, values))
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / (x * x).sum())


def time(plan) -> pd.DataFrame:
    """Seconds and images a second of training, testing and sampling, a run a row; training counts all its epochs.

    An extension that went on from another run's checkpoint counts that run's epochs too. epoch_s: the median epoch's,
    the first left out, as it warms up; of that loading_s: fetching images and drawing noise, NaN where not recorded.
    """
    return by_run(plan, lambda run: _training_time(run) | _epoch_time(run) | _sampling_time(run), SAMPLING)


def _training_time(run) -> dict:
    record = or_hole(read_record, run.folder / "run.json", RunRecord)
    if record is None:
        return dict.fromkeys(("training_s", "training_images_per_s", "test_s", "test_images_per_s"), nan)
    testing = record.seconds.test
    tested = run.training.epochs * run.dataset.settings.test_count
    return {
        "training_s": record.seconds.training,
        "training_images_per_s": record.images_per_second,
        "test_s": testing,
        "test_images_per_s": tested / testing if testing else nan,
    }


def _epoch_time(run) -> dict:
    losses = or_hole(read_losses, run)
    if losses is None:
        return dict.fromkeys(("epoch_s", "loading_s", "epoch_images_per_s"), nan)
    warm = losses.iloc[1:] if len(losses) > 1 else losses
    seconds = warm.seconds.median()
    loading = warm.loading_seconds.median() if "loading_seconds" in warm else nan
    rate = run.dataset.settings.count / seconds if seconds else nan
    return {"epoch_s": seconds, "loading_s": loading, "epoch_images_per_s": rate}


def _sampling_time(run) -> dict:
    record = or_hole(read_record, run.folder / "samples.json", SamplesRecord)
    if record is None:
        return {"sampling_s": nan, "sampling_images_per_s": nan}
    return {"sampling_s": record.seconds, "sampling_images_per_s": 1 / record.seconds_per_image}


def data(plan) -> pd.DataFrame:
    """What the images of each set are like, a row for each of its two parts; see `triangles.datasets.facts`."""
    return pd.DataFrame([_data_facts(dataset, part) for dataset in plan.datasets for part in ("train", "test")])


def _data_facts(dataset, part) -> dict:
    settings = dataset.settings
    images = or_hole(read_images, dataset.folder / f"{part}.npy")
    record = or_hole(read_record, dataset.folder / "dataset.json", DatasetRecord)
    names = ("images", "gray", "clearly_gray", "mid_gray", "covered", "empty")
    return {
        "preparation": dataset.preparation,
        "seed": settings.seed,
        "part": part,
        "format": settings.format,
        "draw_px": settings.draw_size,
        "px": settings.size,
        **(dict.fromkeys(names, nan) if images is None else facts(images[:, 0])),
        "set_made_in_s": nan if record is None else sum(record.seconds.values()),
    }


def with_spread(value: float, spread: float) -> str:
    """`0.58 ± 0.031`: two digits of the spread, as many decimals of the value; without a spread the value alone."""
    if not spread > 0:
        return f"{value:.3g}"
    decimals = max(0, 1 - floor(log10(float(f"{spread:.1e}"))))  # rounded first: 0.99999 is 1.0
    return f"{value:,.{decimals}f} ± {spread:,.{decimals}f}"


def save(frame: pd.DataFrame, path: Path) -> list[Path]:
    """Write PATH.csv in full precision and PATH.md rounded; the two paths."""
    csv, text = Path(f"{path}.csv"), Path(f"{path}.md")
    with replacing(csv) as partial:
        frame.to_csv(partial, index=False)
    write_text(text, markdown(frame))
    return [csv, text]


def markdown(frame: pd.DataFrame) -> str:
    """A Markdown table: numbers to the right, columns aligned in the source too."""
    head, rows = headings(frame), rounded(frame)
    right = [is_number(frame[name]) for name in frame]
    widths = [max(len(head[i]), 3, *(len(row[i]) for row in rows)) for i in range(len(head))]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    lines = [head, rule, *rows]
    return "".join("| " + " | ".join(map(_padded, line, widths, right)) + " |\n" for line in lines)


def _padded(text: str, width: int, right: bool) -> str:
    text = text.replace("|", "\\|")
    return text.rjust(width) if right else text.ljust(width)


def headings(frame: pd.DataFrame) -> list[str]:
    """Column names as people read them: `training_images_per_s` is `training images/s`."""
    words = {name: name.replace("_per_", "/").replace("_", " ") for name in frame}
    return [name if "_T" in name else words[name] for name in frame]


def is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def rounded(frame: pd.DataFrame) -> list[list[str]]:
    """Rows of short text: equal decimals in a column whose numbers are of like size, a dash for the unknown."""
    columns = [[formatted(value) for value in frame[name]] for name, formatted in _formats(frame).items()]
    return [list(row) for row in zip(*columns, strict=True)]


def _formats(frame: pd.DataFrame) -> dict:
    return {name: _format(frame[name], name in TOGETHER) if is_number(frame[name]) else _word for name in frame}


def _format(column: pd.Series, each: bool = False) -> Callable[[float], str]:
    """How the numbers of a column are written: four digits for the largest, three for each where they range widely, or
    where `each` asks for it."""
    known = column[np.isfinite(column)]
    sizes = known[known != 0].abs()
    if (known % 1 == 0).all():
        return lambda value: _number(value, ".0f")
    if each or sizes.max() > WIDE * sizes.min():
        return lambda value: _number(value, "#.3g").rstrip(".")
    decimals = max(0, 3 - int(np.floor(np.log10(sizes.max()))))
    while decimals and (known.round(decimals) == known.round(decimals - 1)).all():
        decimals -= 1
    return lambda value: _number(value, f".{decimals}f")


def _number(value: float, form: str) -> str:
    if np.isnan(value):
        return HOLE
    return "0" if value == 0 else f"{value:{form}}".replace("inf", "∞").replace("-", "−")


def _word(value) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return HOLE if pd.isna(value) else " ".join(str(value).split())
