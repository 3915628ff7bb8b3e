"""One colour a schedule, the same in every figure and on the report's page; told apart by the colour-blind too.

The five of the thesis and the first others are Okabe and Ito's (Color Universal Design, 2008), the rest Tol's "muted".
"""

import colorsys
from zlib import crc32

__all__ = ["INK", "MUTED", "colour", "readable_on", "text_colour"]

INK, MUTED, RULE = "#1f2328", "#5c6470", "#d5d9e0"  # text, secondary text, hairlines
CLEAR_GRAY, FAINT_GRAY = "#d55e00", "#f3c08b"  # marked pixels: clearly gray, and a little off black or white

COLOURS = {
    "linear": "#0072b2",
    "wave": "#d55e00",
    "power-1.5": "#009e73",
    "power-2": "#cc79a7",
    "power-10": "#e69f00",
    "sine-ramp": "#56b4e9",
    "half-sine": "#882255",
    "quadratic": "#332288",
    "sigmoid": "#999933",
    "cosine": "#000000",
}
READABLE = 4.5  # contrast of text on white, WCAG 2.2, success criterion 1.4.3


def colour(schedule: str) -> str:
    """#rrggbb of a schedule; one made from a parameter (`power-3`, `wave-8`) gets a hue of its own from its name."""
    if schedule in COLOURS:
        return COLOURS[schedule]
    hue = crc32(schedule.encode()) / 2**32
    return _hex(colorsys.hls_to_rgb(hue, 0.4, 0.6))


def text_colour(background: str) -> str:
    """The colour itself, or so much darker that text in it can be read on white."""
    rgb = tuple(int(background[i : i + 2], 16) / 255 for i in (1, 3, 5))
    while 1.05 / (_luminance(rgb) + 0.05) < READABLE:
        rgb = tuple(0.95 * channel for channel in rgb)
    return _hex(rgb)


def readable_on(background) -> str:
    """Of dark and white the text colour with more contrast on a background, channels in [0, 1]."""
    ink = tuple(int(INK[i : i + 2], 16) / 255 for i in (1, 3, 5))
    under = _luminance(background) + 0.05
    return "white" if 1.05 / under > under / (_luminance(ink) + 0.05) else INK


def _luminance(rgb) -> float:
    """Relative luminance of an sRGB colour, channels in [0, 1] (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _hex(rgb) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)
