"""The colours of text and of marks; a model's own colour is its plan's (`plan.colour`)."""

__all__ = ["CLEAR_GRAY", "FAINT_GRAY", "INK", "MUTED", "RULE", "readable_on", "text_colour"]

INK, MUTED, RULE = "#1f2328", "#5c6470", "#d5d9e0"  # text, secondary text, hairlines
CLEAR_GRAY, FAINT_GRAY = "#d55e00", "#f3c08b"  # marked pixels: clearly gray, and a little off black or white

READABLE = 4.5  # contrast of text on white, WCAG 2.2, success criterion 1.4.3


def text_colour(background: str) -> str:
    """Return a colour, or one just so much darker that text in it can be read on white."""
    rgb = tuple(int(background[i : i + 2], 16) / 255 for i in (1, 3, 5))
    while 1.05 / (_luminance(rgb) + 0.05) < READABLE:
        rgb = tuple(0.95 * channel for channel in rgb)
    return _hex(rgb)


def readable_on(background) -> str:
    """Return dark or white, whichever has more contrast on a background with channels in [0, 1]."""
    ink = tuple(int(INK[i : i + 2], 16) / 255 for i in (1, 3, 5))
    under = _luminance(background) + 0.05
    return "white" if 1.05 / under > under / (_luminance(ink) + 0.05) else INK


def _luminance(rgb) -> float:
    """Return the relative luminance of an sRGB colour, channels in [0, 1] (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _hex(rgb) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)
