"""Rows of enlarged images, placed on whole pixels of the printed figure, so that every data pixel is an even square."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from studies.report.palette import INK, MUTED, text_colour
from studies.report.style import DPI, WIDTH, add_footnote, add_title, break_label, new_figure

__all__ = [
    "MISSING",
    "Row",
    "as_bytes",
    "as_tiles",
    "cross_out",
    "draw_hole",
    "draw_tiles",
    "enlarge",
    "is_blank",
    "label_row",
    "lay_out",
    "paste",
    "tell_blanks",
    "write",
]

PAGE = round(WIDTH * DPI)  # px
LINE = 28  # px, of a name
MARGIN, LABEL, TOP, HEAD, FOOT = 18, 186, 118, 40, 62  # px at DPI: left and right, row labels, title, column heads
GAP, NOTE = 8, 34  # px between tiles, and for a line under them
MISSING = "no result: this run diverged or was not made"
HALF = 127  # of 255, as tables count what is blank
FAINT = 26  # of 255: a shape in colours may be darker than one half


@dataclass(frozen=True)
class Row:
    """A labelled row: uint8 tiles (H, W) or (H, W, 3), or None for a hole, which then says why it is one.

    notes: a line under each tile; detail: one or more lines under the label.
    """

    label: str
    tiles: list[np.ndarray] | None
    colour: str | None = None
    notes: list[str] = field(default_factory=list)
    detail: str = ""
    hole: str = MISSING


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Turn values in [0, 1] into 0 ... 255; what lies beyond is cut off."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def as_tiles(images: np.ndarray) -> list[np.ndarray]:
    """Turn uint8 images (N, C, H, W), as `read_images` gives them, into tiles: (H, W), or (H, W, 3) of colours."""
    return [image[0] if len(image) == 1 else np.moveaxis(image, 0, -1) for image in images]


def enlarge(image: np.ndarray, side: int) -> np.ndarray:
    """Repeat every pixel as often as `side` px allow."""
    times = max(1, side // max(image.shape[:2]))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def is_blank(tile: np.ndarray) -> bool:
    """Tell whether nothing stands out: no pixel above one half, or of colours none off the others by a tenth."""
    if tile.ndim == 3 and (tile != tile[..., :1]).any():
        return bool((np.ptp(tile.reshape(-1, tile.shape[-1]), axis=0) < FAINT).all())
    return int(tile.max(initial=0)) <= HALF


def tell_blanks(tiles: Iterable[np.ndarray]) -> list[str]:
    """Say for the footnote what a figure's blank tiles are, if it has any."""
    blank = [tile for tile in tiles if is_blank(tile)]
    if not blank:
        return []
    in_colour = any(tile.ndim == 3 and (tile != tile[..., :1]).any() for tile in blank)
    return [f"crossed out: blank, {'nothing stands out by a tenth' if in_colour else 'no pixel above one half'}"]


def cross_out(figure, left: float, top: float, side: float) -> None:
    """Draw a dim cross over a blank tile, from corner to corner."""
    right, bottom = left + side, top + side
    for heights in ((top, bottom), (bottom, top)):
        _sheet(figure).plot((left, right), heights, color=MUTED, linewidth=0.6, solid_capstyle="butt")


def lay_out(images, columns: int, gap: int) -> np.ndarray:
    """Put images of one shape in rows of `columns`, white between them: one array (H, W, 3)."""
    images = [_rgb(image) for image in images]
    h, w = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = i // columns * (h + gap), i % columns * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


def _rgb(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def paste(figure, image: np.ndarray, left: int, top: int, width: int | None = None, height: int | None = None) -> None:
    """Show an image with its top left corner at that pixel of the figure, at its own size unless told otherwise."""
    width, height = width or image.shape[1], height or image.shape[0]
    extent = left, left + width, top + height, top
    _sheet(figure).imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto", extent=extent)


def _sheet(figure):
    """Return the axes that cover the whole figure, in pixels from the top left corner."""
    if not figure.axes:
        width, height = figure.get_size_inches() * DPI
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), autoscale_on=False)
        axes.axis("off")
    return figure.axes[0]


def _box(figure, left, top, width, height):
    page_w, page_h = figure.get_size_inches() * DPI
    return left / page_w, 1 - (top + height) / page_h, width / page_w, height / page_h


def write(figure, text: str, x: float, y: float, **style) -> None:
    """Write text at a pixel counted from the top left corner."""
    page_w, page_h = figure.get_size_inches() * DPI
    figure.text(x / page_w, 1 - y / page_h, text, **style)


def draw_hole(figure, left: int, top: int, size: tuple[int, int], text: str = MISSING) -> None:
    """Draw an empty, dashed place with a note where a result is missing."""
    from matplotlib.patches import Rectangle

    width, height = size
    x, y, w, h = _box(figure, left, top, width, height)
    figure.add_artist(Rectangle((x, y), w, h, facecolor="none", edgecolor=MUTED, linestyle=(0, (4, 3)), linewidth=0.8))
    write(figure, text, left + width / 2, top + height / 2, color=MUTED, ha="center", va="center", fontsize=8)


def draw_tiles(plan, heading: tuple[str, str], heads: list[str], rows: list[Row], *facts: str, seeded=True):
    """Return a figure with a row of tiles for each of `rows` under the column heads.

    heading: the title, and the line under it; facts: for the footnote; seeded: whether a run's seed shaped it.
    """
    side = (PAGE - LABEL - MARGIN + GAP) // len(heads) - GAP
    steps = [_tile_height(row, rows, side) + GAP + (NOTE if row.notes else 0) for row in rows]
    figure = new_figure((TOP + HEAD + sum(steps) + FOOT) / DPI)
    add_title(figure, *heading)
    lefts = [LABEL + i * (side + GAP) for i in range(len(heads))]
    for left, head in zip(lefts, heads, strict=True):
        write(figure, head, left + side / 2, TOP + HEAD - 10, ha="center", va="bottom", fontsize=8.5)
    top = TOP + HEAD
    for row, step in zip(rows, steps, strict=True):
        _draw_row(figure, row, lefts, top, (side, _tile_height(row, rows, side)))
        top += step
    blank = tell_blanks(tile for row in rows for tile in row.tiles or ())
    add_footnote(figure, plan, *facts, *blank, seeded=seeded)
    return figure


def _tile_height(row: Row, rows: list[Row], side: int) -> int:
    shown = next((r.tiles[0] for r in (row, *rows) if r.tiles), None)
    return side if shown is None else enlarge(shown, side).shape[0]


def _draw_row(figure, row: Row, lefts: list[int], top: int, size: tuple[int, int]) -> None:
    side, height = size
    label_row(figure, row, top, height)
    if row.tiles is None:
        draw_hole(figure, lefts[0], top, (lefts[-1] + side - lefts[0], height), row.hole)
        return
    for i, (left, tile) in enumerate(zip(lefts, row.tiles, strict=True)):
        tile = enlarge(tile, side)
        width = min(tile.shape[1], side)
        paste(figure, tile, left + (side - width) // 2, top, width, height)
        _frame(figure, left + (side - width) // 2, top, (width, height))
        if is_blank(tile):
            cross_out(figure, left + (side - width) // 2, top, width)
        if row.notes:
            write(figure, row.notes[i], left + side / 2, top + height + 4, ha="center", va="top", fontsize=8)


def _frame(figure, left: int, top: int, size: tuple[int, int]) -> None:
    """Draw a thin line around a tile, whose white pixels would else run into the page."""
    from matplotlib.patches import Rectangle

    x, y, w, h = _box(figure, left - 1, top - 1, size[0] + 2, size[1] + 2)
    figure.add_artist(Rectangle((x, y), w, h, fill=False, edgecolor=MUTED, linewidth=0.36))  # a pixel, beside the tile


def label_row(figure, row: Row, top: int, height: int) -> None:
    """Write a row's name at the left with a bar in its colour."""
    from matplotlib.patches import Rectangle

    x, y, w, h = _box(figure, LABEL - 14, top, 6, height)
    if row.colour:
        figure.add_artist(Rectangle((x, y), w, h, facecolor=row.colour, edgecolor="none"))
    label, detail = break_label(row.label), row.detail or ""
    lines = label.count("\n") + 1, detail.count("\n") + 1 if detail else 0
    middle = top + height / 2 + (lines[0] - lines[1]) * LINE / 2 * bool(detail)  # where the name ends, if more follows
    style = {"color": text_colour(row.colour) if row.colour else INK, "fontweight": "bold", "fontsize": 8.5}
    write(figure, label, MARGIN, middle, va="bottom" if row.detail else "center", ha="left", **style)
    if row.detail:
        write(figure, row.detail, MARGIN, middle + 4, va="top", color=MUTED, fontsize=8, linespacing=1.3)
