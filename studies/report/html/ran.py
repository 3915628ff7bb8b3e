"""Gather what was run: machine, versions, settings and time."""

import json

from diffusion.store.records import RunRecord, SamplesRecord, read_record
from studies.measures.jobs import duration
from studies.measures.results import absence, or_hole

__all__ = ["gather_facts"]

FACTS = ("device", "precision", "threads", "parameters", "training_images", "revision")


def gather_facts(plan) -> dict:
    """Gather machine, versions, settings and time of the runs that are there, each with every value that occurs."""
    records = [or_hole(read_record, run.folder / "run.json", RunRecord) for run in plan.runs]
    sampled = [or_hole(read_record, run.folder / "samples.json", SamplesRecord) for run in plan.runs]
    records, sampled = ([one for one in many if one is not None] for many in (records, sampled))
    training = sum(record.seconds.training + record.seconds.test for record in records)
    sampling = sum(record.seconds for record in sampled)
    return {
        "done": len(records),
        "planned": len(plan.runs),
        "holes": {plan.tell(run): why for run in plan.runs if (why := absence(run, "samples.json"))},
        "machine": _merge(record.machine for record in records),
        "versions": _merge(record.versions for record in records),
        "settings": _merge(record.settings for record in records),
        "sampling": _merge(run.sampling.model_dump(exclude_none=True) for run in plan.runs),
        "data": {plan.tell(dataset): dataset.command for dataset in plan.datasets},
        "facts": _merge({key: _told(record, key) for key in FACTS} for record in records),
        "training_time": duration(training),
        "sampling_time": duration(sampling),
    }


def _told(record: RunRecord, key: str):
    """Return what a record says of a fact; a run by files that were no git checkout has no revision."""
    value = getattr(record, key, None)
    return "none: no git checkout" if key == "revision" and value is None else value


def _merge(records) -> dict[str, str]:
    """Return key -> the values it takes in any of the records, as text."""
    values: dict[str, list[str]] = {}
    for record in records:
        for key, value in record.items():
            text = value if isinstance(value, str) else f"{value:,}" if type(value) is int else json.dumps(value)
            if text not in values.setdefault(key, []):
                values[key].append(text)
    return {key: ", ".join(sorted(texts) if len(texts) > 5 else texts) for key, texts in values.items()}
