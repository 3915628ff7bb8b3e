"""Settle what a set of imported pictures is made with: one frozen record, beside `triangles.settings.Settings`."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from triangles.pixels.codec import FILTERS
from triangles.settings import LIMITS, RECORD, check_choice, check_range

__all__ = ["CHANNELS", "FITS", "KIND", "VALUES", "Imported", "resolve_import", "settings_of"]

KIND = "images"
FITS = ("crop", "pad", "stretch")
VALUES = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}  # what floating pixels span
CHANNELS = ("first", "last")
DEFAULTS = {"size": 32, "fit": "crop", "background": "black", "resample": "bicubic", "test_share": 0.15, "seed": 0}


@dataclass(frozen=True)
class Imported:
    """Every setting that shapes the arrays of an imported set.

    source: path of a folder, zip file or array. size: pixels a side. colour: three channels (True), one (False), or
    three if any picture has a colour (None). fit: how what is not square becomes so. background: behind what is
    transparent, and beside what is padded. resample: a name in `FILTERS`. test_share: share of pictures held out.
    seed: of which these are. values: what floating pixels span, a name in `VALUES`; channels: which axis of an array
    holds colours, where that is not plain. skip_broken: leave out files that cannot be read, in place of refusing.
    count, test_count: pictures, at most as many where broken ones are skipped.
    """

    source: str
    size: int
    colour: bool | None
    fit: str
    background: str
    resample: str
    test_share: float
    seed: int
    values: str | None
    channels: str | None
    skip_broken: bool
    count: int
    test_count: int

    kind = KIND
    format = "images"
    draw_size = None
    plain = False
    found = ("count", "test_count")  # known once the set is made, where broken pictures are skipped

    def __post_init__(self):
        for name in ("size", "seed"):
            check_range(name, getattr(self, name), *LIMITS[name])
        check_choice("fit", self.fit, FITS)
        check_choice("resample", self.resample, FILTERS)
        if self.values is not None:
            check_choice("values", self.values, VALUES)
        if self.channels is not None:
            check_choice("channels", self.channels, CHANNELS)
        if self.colour not in (None, True, False) or self.skip_broken not in (True, False):
            raise ValueError("colour and skip_broken are true or false")
        if isinstance(self.test_share, bool) or not isinstance(self.test_share, int | float):
            raise ValueError(f"test_share is {self.test_share!r}, but a number is needed")
        if not 0 < self.test_share < 1:
            raise ValueError(f"test_share is {self.test_share!r}, but a share between 0 and 1 is needed")
        _check_colour(self.background)

    @property
    def files(self):
        """Return the names of the files that make up the set, its record last."""
        return ("train.npy", "test.npy", RECORD)

    @property
    def flags(self):
        """Return the source and the options of `triangles import` that make this set, as words."""
        given = {k: v for k, v in asdict(self).items() if k not in ("source", "count", "test_count", "colour")}
        words = [] if self.colour is None else ["--colour" if self.colour else "--gray"]
        for name, value in given.items():
            if value is True:
                words.append(f"--{name.replace('_', '-')}")
            elif value not in (None, False):
                words.append(f"--{name.replace('_', '-')}={value}")
        return [*words, self.source]

    @property
    def name(self):
        """Return a folder name for the set, of what it was made from."""
        return f"{Path(self.source).stem or 'images'}-{self.size}px-seed{self.seed}"

    @property
    def channel_count(self):
        """Return how many channels the images have, at most."""
        return 1 if self.colour is False else 3

    def image_shape(self, channels):
        """Return the shape of one image with so many channels."""
        return (self.size, self.size) if channels == 1 else (self.size, self.size, channels)


def resolve_import(source, pictures, **given):
    """Return `Imported` for so many pictures of a source; None is not given.

    Raises:
        ValueError: unknown names, values out of range, fewer than two pictures.
    """
    known = {field.name for field in fields(Imported)} - {"source", "count", "test_count"}
    if unknown := sorted(set(given) - known):
        raise ValueError(f"unknown setting {unknown[0]!r} of imported images: choose from {', '.join(sorted(known))}")
    values = dict.fromkeys(known) | {"skip_broken": False} | DEFAULTS
    values |= {name: value for name, value in given.items() if value is not None}
    made = Imported(source=str(source), count=1, test_count=1, **values)
    held_out = share_out(pictures, made.test_share, source)
    return Imported(**asdict(made) | {"count": pictures - held_out, "test_count": held_out})


def share_out(pictures, share, source):
    """Return how many of so many pictures are held out, at least one, and at least one is not.

    Raises:
        ValueError: fewer than two pictures.
    """
    if pictures < 2:
        found = "one picture" if pictures else "no pictures"
        raise ValueError(f"{source} holds {found}, but one to train on and one to test by are needed: add more")
    return min(max(1, round(pictures * share)), pictures - 1)


def settings_of(record, drawn):
    """Return the settings in a data set's record: `Imported`, or `drawn` (the class) of a set that was drawn."""
    given = record["settings"]
    return Imported(**given) if record.get("kind") == KIND else drawn(**given)


def _check_colour(name):
    from PIL import ImageColor

    try:
        ImageColor.getrgb(name)
    except (ValueError, AttributeError, TypeError):
        raise ValueError(f"unknown colour {name!r}: give a name such as white, or #rrggbb") from None
