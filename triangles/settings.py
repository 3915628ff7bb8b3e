"""What a data set is made with: one frozen record, and the thesis's three preparations by name."""

from dataclasses import dataclass, fields

from triangles.drawing import FILTERS

__all__ = ["FORMATS", "PREPARATIONS", "Settings", "resolve"]

FORMATS = ("npy", "png", "jpeg")
# The thesis, 5.2 and 6.1. Without a draw size a triangle is drawn at the final size, and nothing is resized.
PREPARATIONS = {
    "low": {"format": "jpeg"},
    "high": {"format": "jpeg", "draw_size": 720},
    "array": {"format": "npy"},
}
QUALITY = 75  # Pillow's default
RESAMPLE = "bicubic"  # Pillow's default since 7.0

LIMITS = {  # name: (least, most, why no other)
    "draw_size": (2, 8192, "a triangle needs 2 pixels, and larger canvases do not fit in memory"),
    "size": (2, 2048, "an image needs 2 pixels, and larger ones do not fit in memory"),
    "quality": (1, 100, "JPEG knows no other quality"),
    "count": (1, 10_000_000, "a data set needs a triangle, and the vertices are drawn in memory"),
    "test_count": (1, 10_000_000, "a data set needs a triangle, and the vertices are drawn in memory"),
    "seed": (0, 2**63 - 1, "a seed is a non-negative 64-bit integer"),
}


@dataclass(frozen=True)
class Settings:
    """Every setting that shapes the arrays; `resolve` fills in what is not given.

    format: the file between drawing and resizing ("npy": none); draw_size, size: pixels a side, drawn and final;
    quality: of JPEG, else None; resample: a name in `FILTERS`, None where the two sizes agree;
    count, test_count: triangles; seed: of both vertex streams.
    """

    format: str
    draw_size: int
    size: int
    quality: int | None
    resample: str | None
    count: int
    test_count: int
    seed: int

    def __post_init__(self):
        _check_choice("format", self.format, FORMATS)
        for name, (least, most, why) in LIMITS.items():
            if not (name == "quality" and self.format != "jpeg"):
                _check_range(name, getattr(self, name), least, most, why)
        if self.format != "jpeg" and self.quality is not None:
            raise ValueError(f"quality is {self.quality!r}, but {self.format} has none; leave it out or use jpeg")
        if self.size != self.draw_size:
            _check_choice("resample", self.resample, FILTERS)
        elif self.resample is not None:
            raise ValueError(f"resample is {self.resample!r}, but size equals draw_size; leave it out")

    @property
    def name(self):
        """A folder name that tells apart what is usually varied, such as `high-seed0`."""
        kept = {"count": self.count, "test_count": self.test_count, "seed": self.seed}
        named = [p for p in PREPARATIONS if self == resolve(p, size=self.size, **kept)]
        parts = named or [f"{self.format}-{self.draw_size}px"]
        if not named and self.quality:
            parts.append(f"q{self.quality}")
        if not named and self.resample:
            parts.append(self.resample)
        if self.size != 32:
            parts.append(f"{self.size}px")
        if (self.count, self.test_count) != (10_000, 2_000):
            parts.append(f"{self.count}+{self.test_count}")
        return "-".join([*parts, f"seed{self.seed}"])


def resolve(preparation=None, **given):
    """Settings from a name in `PREPARATIONS` and explicit values, which win; None is not given.

    With neither a preparation nor a format the set is the array set. Raises ValueError for what cannot be.
    """
    if preparation is not None:
        _check_choice("preparation", preparation, PREPARATIONS)
    known = {field.name for field in fields(Settings)}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
    values = {"format": "npy", "size": 32, "count": 10_000, "test_count": 2_000, "seed": 0}
    values |= PREPARATIONS.get(preparation, {}) | {k: v for k, v in given.items() if v is not None}
    values.setdefault("draw_size", values["size"])
    values.setdefault("quality", QUALITY if values["format"] == "jpeg" else None)
    values.setdefault("resample", RESAMPLE if values["draw_size"] != values["size"] else None)
    return Settings(**values)


def _check_choice(name, value, known):
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {value!r}, but {', '.join(known)} are known; give one of these")


def _check_range(name, value, least, most, why):
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}, but a whole number in {least}..{most} is needed: {why}")
