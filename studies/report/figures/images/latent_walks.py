"""Figure `latent-walks`, one a data set: what each model shows on the way from one latent to another."""

from studies.measures.results import first_seed, or_hole
from studies.report.entries import Entry
from studies.report.needs import model_files
from studies.report.rows import capable, left_out
from studies.report.style import styled
from studies.report.tiles import Row, as_bytes, draw_tiles

__all__ = ["ENTRY"]

STEPS = 9  # images in a row
DETAIL = "From a model's first sample to its second, along an arc: every point of it is as likely a latent as the ends"


@styled()
def draw(plan, data: str):
    """Draw a row a model: the images between its first two samples."""
    runs = find_runs(plan, data)
    rows = [_make_row(plan, run) for run in runs]
    heading = f"Walks through the latent space, trained on the {plan.label(data)} set", DETAIL
    heads = ["sample 1", *(f"{90 * i / (STEPS - 1):.0f}°" for i in range(1, STEPS - 1)), "sample 2"]
    lacking = left_out(plan, {run.model for run in runs}, "a latent", data)
    return draw_tiles(plan, heading, heads, rows, *lacking)


def _make_row(plan, run) -> Row:
    """Return the walk of a run's model, or a hole where there is no model."""
    found = or_hole(_walk, run)
    label, colour = plan.label(run.model), plan.colour(run.model)
    if found is None:
        return Row(label, None, colour)
    images, size = found
    return Row(label, [as_bytes(x) for x in images], colour, detail=f"z of {size:,}")


def _walk(run):
    """Return the images between the samples 0 and 1 of a run, and how many numbers a latent has."""
    from diffusion.devices import choose
    from diffusion.rivals.walking import walk
    from diffusion.runs import read_model

    model, _ = read_model(run.folder, choose("cpu", "float32", 1))
    return walk(model, STEPS, run.seed)


def find_runs(plan, data: str) -> list:
    """Return the first seed's runs on this data whose family draws from a latent."""
    return capable([run for run in first_seed(plan) if run.data == data], "latent")


def find_needs(plan, data: str) -> list:
    """Return the model of each run on this data.

    Raises:
        ValueError: no model trained on it has a latent.
    """
    runs = find_runs(plan, data)
    if not runs:
        raise ValueError(f"no model of study {plan.study_name} draws from a latent to walk through on {data}")
    return model_files(runs)


ENTRY = Entry(
    title="Walks through the latent space, {label} set",
    caption="What each model with a latent shows from its first sample to its second, trained on the {label} set. The "
    "way is cos(a) z₀ + sin(a) z₁, an arc whose every point is distributed as z is. A model that only "
    "remembered would jump from image to image; one that has learnt shapes bends one into the next. Crossed out: "
    "blank, without a pixel above one half.",
    needs=find_needs,
    make=draw,
    form="png",
    per_data=True,
)
