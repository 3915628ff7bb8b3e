"""How fast a run's samples were drawn, on a scale of factors: a step of 1 is ten times as fast.

A plugin: a study that asks for it names `studies.measures.rulers.speed`, so runs of others keep the measures they have.
"""

from math import inf, log10

from diffusion.store.records import SamplesRecord, read_record
from studies.measures.measure import Described, Measure, Ruler
from studies.registries import RULERS

__all__ = ["RULER"]

RECORD = "samples.json"
MEASURES = {
    "sampling_speed": Described("images drawn a second", "log10", (-inf, inf), better="high", timed=True),
}


def measure_speed(run) -> list[Measure]:
    """Return log10 of the images drawn a second, by the record of the run's samples."""
    record = read_record(run.folder / RECORD, SamplesRecord)
    count = round(record.seconds / record.seconds_per_image)
    return [Measure("sampling_speed", -log10(record.seconds_per_image), "log10", count)]


RULER = Ruler(MEASURES, of_run=measure_speed)
RULERS.add("speed", "studies.measures.rulers.speed:RULER")
