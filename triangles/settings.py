"""Settle what a data set is made with: one frozen record, and the thesis's three preparations by name."""

from dataclasses import asdict, dataclass, fields

from triangles.kinds import KINDS
from triangles.pixels.codec import FILTERS

__all__ = ["FORMATS", "LIMITS", "PREPARATIONS", "RECORD", "Settings", "check_choice", "check_range", "resolve"]

FORMATS = ("npy", "png", "jpeg")
# The thesis, 5.2 and 6.1. Without a draw size a triangle is drawn at the final size, and nothing is resized.
PREPARATIONS = {
    "low": {"format": "jpeg"},
    "high": {"format": "jpeg", "draw_size": 720},
    "array": {"format": "npy"},
}
QUALITY = 75  # Pillow's default
RESAMPLE = "bicubic"  # Pillow's default since 7.0
KIND = "triangle"  # of data sets that say nothing else, as older ones do
BACKGROUNDS = {"black": "coloured-{}", "drawn": "coloured-{}-on-colour"}  # what is behind shapes: the kind's name
RECORD = "dataset.json"

LIMITS = {  # name: (least, most, why no other)
    "draw_size": (2, 8192, "a picture needs 2 pixels, and larger canvases do not fit in memory"),
    "size": (2, 2048, "an image needs 2 pixels, and larger ones do not fit in memory"),
    "quality": (1, 100, "JPEG knows no other quality"),
    "count": (1, 10_000_000, "a data set needs a picture, and all parameters are drawn in memory"),
    "test_count": (1, 10_000_000, "a data set needs a picture, and all parameters are drawn in memory"),
    "seed": (0, 2**63 - 1, "a seed is a non-negative 64-bit integer"),
}


@dataclass(frozen=True)
class Settings:
    """Every setting that shapes the arrays; `resolve` fills in what is not given.

    format: the file between drawing and resizing ("npy": none).
    draw_size, size: pixels a side, drawn and final.
    quality: of JPEG, else None.
    resample: a name in `FILTERS`, None where the two sizes agree.
    count, test_count: pictures.
    seed: of the streams of both splits.
    kind: what the pictures show, a name in `triangles.kinds.KINDS`.
    """

    format: str
    draw_size: int
    size: int
    quality: int | None
    resample: str | None
    count: int
    test_count: int
    seed: int
    kind: str = KIND

    found = ()  # settings that are only known once the set is made: none

    def __post_init__(self):
        check_choice("kind", self.kind, KINDS, ", or import the plugin that adds it")
        if not KINDS[self.kind].drawn:
            raise ValueError(f"pictures of kind {self.kind!r} are not drawn: `triangles import` makes sets of them")
        check_choice("format", self.format, FORMATS)
        for name, (least, most, why) in LIMITS.items():
            if not (name == "quality" and self.format != "jpeg"):
                check_range(name, getattr(self, name), least, most, why)
        if self.format != "jpeg" and self.quality is not None:
            raise ValueError(f"quality is {self.quality!r}, but {self.format} has none: leave it out or use jpeg")
        if self.size != self.draw_size:
            check_choice("resample", self.resample, FILTERS)
        elif self.resample is not None:
            raise ValueError(f"resample is {self.resample!r}, but size equals draw_size: leave it out")

    @property
    def image_shape(self):
        """Return the shape of one image."""
        return KINDS[self.kind].image_shape(self.size)

    @property
    def channel_count(self):
        return KINDS[self.kind].channels

    @property
    def plain(self):
        """Tell whether pictures are drawn at their final size and pass through no file."""
        return self.format == "npy" and self.draw_size == self.size

    @property
    def flags(self):
        """Return the options of `triangles generate` that make this set, as words; the default kind is not named."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if self.kind == KIND:
            del given["kind"]
        return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]

    @property
    def files(self):
        """Return the names of the files that make up the set, its record last."""
        parameters = KINDS[self.kind].parameters
        return ("train.npy", "test.npy", f"{parameters}_train.npy", f"{parameters}_test.npy", RECORD)

    @property
    def name(self):
        """Return a folder name that tells apart what is usually varied, such as `high-seed0`."""
        kept = {"count": self.count, "test_count": self.test_count, "seed": self.seed, "kind": self.kind}
        named = [p for p in PREPARATIONS if self == resolve(p, size=self.size, **kept)]
        parts = [self.kind] if self.kind != KIND else []
        parts += named or [f"{self.format}-{self.draw_size}px"]
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
    """Return `Settings` from a name in `PREPARATIONS` and explicit values, which win; None is not given.

    With neither a preparation nor a format the pictures are drawn straight into the array. colour=True takes the kind's
    pictures in colours, background="drawn" with one behind them too (else "black"): these are kinds of their own.

    Raises:
        ValueError: unknown names, values out of range, settings that contradict each other.
    """
    if preparation is not None:
        check_choice("preparation", preparation, PREPARATIONS)
    kind = _in_colours(given.get("kind") or KIND, given.pop("colour", None), given.pop("background", None))
    known = {field.name for field in fields(Settings)}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"unknown setting {unknown[0]!r}: choose from {', '.join(sorted(known))}")
    values = {"format": "npy", "size": 32, "count": 10_000, "test_count": 2_000, "seed": 0}
    values |= PREPARATIONS.get(preparation, {}) | {k: v for k, v in given.items() if v is not None} | {"kind": kind}
    values.setdefault("draw_size", values["size"])
    values.setdefault("quality", QUALITY if values["format"] == "jpeg" else None)
    values.setdefault("resample", RESAMPLE if values["draw_size"] != values["size"] else None)
    return Settings(**values)


def _in_colours(kind, colour, background):
    """Return the name of the kind that shows these pictures in colours, if that was asked for."""
    if background is not None:
        check_choice("background", background, BACKGROUNDS)
    if colour not in (None, False, True):
        raise ValueError(f"colour is {colour!r}, but true or false is needed")
    if not colour:
        if background is not None:
            raise ValueError(f"background is {background!r}, but gray pictures have a black one: give colour, too")
        return kind
    name = BACKGROUNDS[background or "black"].format(kind)
    if name not in KINDS:
        raise ValueError(f"there are no {name} pictures: leave colour out, or import the plugin that adds them")
    return name


def check_choice(name, value, known, hint=""):
    """Refuse a value that is not among the known names."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"unknown {name} {value!r}: choose from {', '.join(known)}{hint}")


def check_range(name, value, least, most, why):
    """Refuse a value that is no whole number in the range."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}, but a whole number in {least}..{most} is needed: {why}")
