"""The axes of small studies: data and models by name, as the thesis's study has them."""

DATA = {
    "low": {"label": "low resolution", "format": "jpeg", "quality": 75},
    "high": {"label": "720 px", "format": "jpeg", "quality": 75, "draw_size": 720, "resample": "bicubic"},
    "array": {"format": "npy"},
}


def axes(data, models) -> dict:
    """Return `data` and `models` of a study: sets of the thesis, and models that are a schedule each."""
    return {"data": {name: DATA[name] for name in data}, "models": {name: {"schedule": name} for name in models}}


def measured(run, values, unit="share", n=100):
    """Return a run's table of measures, {name: value}, as `studies measure` would write it."""
    import pandas as pd

    keys = {"data": run.data, "model": run.model, "samples": "", "seed": run.seed}
    rows = [keys | {"measure": name, "value": value, "unit": unit, "n": n} for name, value in values.items()]
    return pd.DataFrame(rows)
