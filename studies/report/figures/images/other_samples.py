"""Figure `other-samples`: the same models and starting noises, sampled in other ways."""

from textwrap import fill

from diffusion.store.files import read_images
from studies.measures.results import or_hole, read_samples, resampled_here
from studies.report.entries import Entry
from studies.report.needs import image_files, sample_files
from studies.report.style import in_digits, styled
from studies.report.tiles import Row, as_bytes, as_tiles, draw_tiles

__all__ = ["ENTRY"]

MOST = 9  # images in a row
MANY = 20  # ways beyond which only those are shown that claims ask about
DETAIL = 13  # letters in a line of the model's name, below that of the way
OWN = "from N(0, I)"  # how the study itself starts


@styled()
def draw(plan, data: str | None = None):
    """Draw the cells of one set that are sampled in other ways as well: the same starting noise, way under way."""
    ways = _choose_ways(plan, data)
    runs = list({one.run.name: one.run for one in ways}.values())
    shown = [pair for run in runs for pair in [(run, run), *((run, one) for one in ways if one.run is run)]]
    images = [or_hole(read_samples, one) for _, one in shown]
    count = min([MOST, *(len(one) for one in images if one is not None)])
    rows = [_make_row(plan, pair, image, count) for pair, image in zip(shown, images, strict=True)]
    details = ["Each column starts from one noise"]
    if any(one.noised for one in ways):
        details.append("noised: added to the image at its top")
        real = or_hole(read_images, runs[0].dataset.folder / "test.npy")
        tiles = None if real is None else as_tiles(real[:count])
        rows.insert(0, Row("held-out", tiles, detail="noised to\nstart from"))
    if any(one.renormed for one in ways):
        details.append("renormed: with fresh statistics of batch norm")
    heading = f"The same models sampled in other ways, {plan.label(runs[0].data)} set", "; ".join(details)
    hidden = len(resampled_here(plan, data)) - len(ways)
    facts = [f"not shown: {hidden} ways that no claim asks about"] if hidden else []
    return draw_tiles(plan, heading, [f"{i + 1}" for i in range(count)], rows, *facts)


def _choose_ways(plan, data: str | None) -> list:
    """Return the ways to show: of many those that claims ask about, if any claim does."""
    ways = resampled_here(plan, data)
    contrasts = [claim.contrast for claim in plan.study.claims if claim.contrast]
    asked = {side.samples for one in contrasts for side in (*one.plus, *one.minus)}
    return [one for one in ways if len(ways) <= MANY or one.name in asked] or ways


def _make_row(plan, pair, images, count: int) -> Row:
    """Return a row of samples: under the model's name for the study's own way, else under that of the way."""
    run, way = pair
    tiles = None if images is None else [as_bytes(x) for x in images[:count]]
    if way is run:
        return Row(plan.label(run.model), tiles, plan.colour(run.model), detail=OWN)
    part = f"\nat ᾱ = {in_digits(way.from_abar)}" if way.from_abar else ""
    name, model = way.name, fill(plan.label(run.model), DETAIL, max_lines=2, placeholder=" …")
    return Row(name, tiles, plan.colour(run.model), detail=model + part)


def find_needs(plan, data: str | None = None) -> list:
    """Return the samples of either way, and the held-out images if some start from these.

    Raises:
        ValueError: the study samples no cell of that set, or of its last, in another way.
    """
    ways = _choose_ways(plan, data)
    if not ways:
        raise ValueError(
            f"other-samples: study {plan.study_name} resamples no cell of set {data or plan.data_names[-1]}"
        )
    real = image_files([ways[0].run.dataset], "test") if any(one.noised for one in ways) else []
    return [*sample_files([file for one in ways for file in (one.run, one)]), *real]


ENTRY = Entry(
    title="Sampled in other ways",
    caption="The same models and the same starting noises, sampled in the study's own way and in each other way "
    "that it asks for. Noised: from held-out images noised to the last step, where training ended, or to the "
    "share of signal power that the row names, instead of from pure noise. Renormed: with batch norm's means and "
    "variances taken again over the training images.",
    needs=find_needs,
    make=draw,
    form="png",
    per_data=None,
)
