"""Figure `samples`: the first images of every cell, below held-out real ones."""

from itertools import chain

from diffusion.store.files import read_images
from studies.measures.results import first_seed, or_hole, read_samples
from studies.report.entries import Entry
from studies.report.needs import image_files, sample_files
from studies.report.palette import MUTED
from studies.report.rows import find_rows
from studies.report.style import DPI, add_footnote, add_title, new_figure, styled
from studies.report.tiles import (
    FOOT,
    GAP,
    HEAD,
    LABEL,
    MARGIN,
    PAGE,
    TOP,
    Row,
    as_bytes,
    as_tiles,
    cross_out,
    draw_hole,
    enlarge,
    is_blank,
    label_row,
    lay_out,
    paste,
    tell_blanks,
    write,
)

__all__ = ["ENTRY"]

PANEL = (6, 4)  # images across and down a panel
ALONE = (12, 2)  # where a study has one set, so a panel the whole width
THIN = 2  # px between them
REAL = None  # the row of held-out images, which is no model's


@styled()
def draw(plan):
    """Draw the first images of every cell under as many held-out real ones: models down, data across."""
    cells, columns = find_rows(plan), plan.data_names
    rows = (REAL, *cells)
    across, most = PANEL if len(columns) > 1 else ALONE
    lines = min(most, -(-plan.grid[0].sampling.count // across))
    wide = (PAGE - LABEL - MARGIN - (len(columns) - 1) * 2 * GAP) // len(columns)
    tall = lines * ((wide + THIN) // across) - THIN
    pitch = tall + 2 * GAP
    figure = new_figure((TOP + HEAD + len(rows) * pitch + FOOT) / DPI)
    alike = len({run.training.family for run in plan.grid}) == 1
    same = f"The same place in two panels of {'samples' if alike else 'diffusion'} is the same starting noise"
    add_title(figure, "Samples of every cell", same)
    panels = _read_panels(plan)
    for i, data in enumerate(columns):
        left = LABEL + i * (wide + 2 * GAP)
        write(figure, plan.label(data), left + wide / 2, TOP + HEAD - 10, ha="center", va="bottom", fontweight="bold")
        for j, row in enumerate(rows):
            top = TOP + HEAD + j * pitch
            model = cells[row].get(data) if row else REAL
            if row is REAL or model:
                _draw_panel(figure, panels[model, data], (left, top), (wide, tall), (across, lines))
            else:
                write(
                    figure, "not in this study", left + wide / 2, top + tall / 2, color=MUTED, ha="center", fontsize=8
                )
    for j, row in enumerate(rows):
        label_row(figure, _make_label(plan, row), TOP + HEAD + j * pitch, tall)
    shown = [tiles[: across * lines] for tiles in panels.values() if tiles is not None]
    count = max(map(len, shown), default=0)
    add_footnote(figure, plan, f"the first {count} images each, not selected", *tell_blanks(chain(*shown)))
    return figure


def _make_label(plan, row) -> Row:
    return Row("real", None, detail="held-out") if row is REAL else Row(plan.label(row), None, plan.colour(row))


def _read_panels(plan) -> dict:
    """Return the tiles of each panel by (model, data); None where a result is missing."""
    panels = {}
    for run in first_seed(plan):
        real, drawn = or_hole(read_images, run.dataset.folder / "test.npy"), or_hole(read_samples, run)
        panels[REAL, run.data] = None if real is None else as_tiles(real)
        panels[run.model, run.data] = None if drawn is None else [as_bytes(image) for image in drawn]
    return panels


def _draw_panel(figure, tiles, corner, size, grid: tuple[int, int]) -> None:
    """Draw uint8 images in a panel of that size at a corner, so many across and down, blank ones crossed out."""
    across, down = grid
    if tiles is None:
        draw_hole(figure, *corner, size, "no result: this run\ndiverged or was not made")
        return
    side, tiles = (size[0] + THIN) // across - THIN, tiles[: across * down]
    sheet = lay_out([enlarge(tile, side) for tile in tiles], across, THIN)
    shrink = min(1, size[0] / sheet.shape[1], size[1] / sheet.shape[0])
    width = round(shrink * sheet.shape[1])
    paste(figure, sheet, *corner, width, round(shrink * sheet.shape[0]))
    pitch = (width + THIN) / min(across, len(tiles))
    for i in [i for i, tile in enumerate(tiles) if is_blank(tile)]:
        cross_out(figure, corner[0] + i % across * pitch, corner[1] + i // across * pitch, pitch - THIN)


def find_needs(plan) -> list:
    """Return the samples of the first seed and the held-out images."""
    runs = first_seed(plan)
    return [*sample_files(runs), *image_files([run.dataset for run in runs], "test")]


ENTRY = Entry(
    title="Samples of every cell",
    caption="The first images drawn in every cell of the grid, below as many held-out real ones; the same place in two "
    "panels of diffusion's samples is the same starting noise. Crossed out: blank ones.",
    needs=find_needs,
    make=draw,
    form="png",
)
