"""What `plugins: [studies.perfect.plugin]` registers: the family, the rulers, figures and tables."""

from diffusion.family import FAMILIES
from studies.registries import FIGURES, RULERS, TABLES

FAMILIES.add("perfect", "studies.perfect.family:PERFECT")
RULERS.add("member", "studies.perfect.member:RULER")
RULERS.add("distance", "studies.perfect.distance:RULER")
FIGURES.add("perfect", "studies.perfect.shares:ENTRY")
FIGURES.add("floor", "studies.perfect.floor:ENTRY")
FIGURES.add("excess", "studies.perfect.excess:ENTRY")
FIGURES.add("distance", "studies.perfect.apart:ENTRY")
FIGURES.add("excess-triangles", "studies.perfect.paying:ENTRY")
TABLES.add("perfect", "studies.perfect.shares:TABLE")
TABLES.add("excess", "studies.perfect.excess:TABLE")
