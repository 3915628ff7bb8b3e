"""Figures of a study with many models."""

import pytest
import yaml
from drawn import draw
from fake_results import losses
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from PIL import Image

from studies.planning.resolving import make_plan
from studies.report.figures.images.other_samples import MANY
from studies.report.html.embedding import encode_image

MODELS = {f"power-{p}": {"label": f"power {p}, printed and scaled"} for p in range(2, 19)}
MODELS["cosine"] = {"label": "mammoth, no cooldown"}  # wide letters


def names_of(figure):
    """Return the texts beside rows, in legends, above and below; of ticks those within their axis, shared ones once."""
    for axes in (axes for axes in figure.axes if axes.axison and len(axes.get_yticks()) == len(axes.get_yticklabels())):
        low, high = sorted(axes.get_ylim())
        labels = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        yield from (text for y, text in labels if low <= y <= high)
    yield from (text for axes in figure.axes for text in axes.texts if text.get_fontweight() == "bold")
    yield from (text for legend in figure.legends for text in legend.get_texts())
    yield from figure.texts


@pytest.mark.parametrize("name", ["clean", "overlap", "schedules", "families", "likelihood", "time"])
def test_a_figure_grows_until_no_two_names_meet(tmp_path, name):
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": MODELS}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    figure = draw(name, make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results"))
    FigureCanvasAgg(figure).draw()
    texts = [text for text in names_of(figure) if text.get_text() and text.get_visible()]
    assert {text.get_text().replace("\n", " ") for text in texts} >= {one["label"] for one in MODELS.values()}
    names = [text.get_window_extent() for text in texts]
    panels = [axes.get_window_extent() for axes in figure.axes if axes.axison]
    assert not [pair for i, one in enumerate(names) for pair in names[:i] if one.overlaps(pair)]
    assert not [one for one in names for panel in panels if one.overlaps(panel)]
    assert all(one.x0 >= 0 and one.x1 <= figure.bbox.width and one.y1 <= figure.bbox.height for one in names)


def test_names_of_wide_letters_end_before_their_rows_begin(tmp_path):
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": MODELS}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    figure = draw("samples", make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results"))
    bars = [one.get_window_extent().x0 for one in figure.artists if isinstance(one, Rectangle)]
    names = [text.get_window_extent() for text in figure.texts if text.get_text().startswith(("power", "mammoth"))]
    assert len(names) == len(MODELS) < len(bars)
    assert max(name.x1 for name in names) <= min(bars)


@pytest.mark.parametrize("count", [MANY, MANY + 1])
@pytest.mark.parametrize("asked", [(), ("steps-3", "steps-5")])
def test_of_too_many_ways_those_are_shown_that_claims_ask_about(tmp_path, count, asked):
    ways = {f"steps-{n}": {"sampling": {"steps": n}} for n in range(2, 2 + count)}
    claim = {"id": "one", "claim": "c", "source": "s", "kind": "difference", "measure": "ink", "smallest": 0.1}
    claim["why"] = "to test"
    claim["contrast"] = {"plus": [{"samples": way} for way in asked], "minus": [{"model": ["linear"]}]}
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": {"linear": {}}, "resampled": ways}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content | {"claims": [claim] if asked else []}))
    figure = draw("other-samples", make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results"))
    shown = {text.get_text() for text in figure.texts} & ways.keys()
    assert shown == (set(asked) if asked and count > MANY else ways.keys())
    hidden = [text.get_text() for text in figure.texts if "that no claim asks about" in text.get_text()]
    assert bool(hidden) == (bool(asked) and count > MANY)


def test_a_picture_that_webp_cannot_hold_is_embedded_all_the_same():
    kinds = [encode_image(Image.new("L", (1, height)))[:15] for height in (16_383, 16_384)]
    assert kinds == ["data:image/webp", "data:image/png;"]


def test_samples_of_many_models_of_one_set_are_less_tall_than_of_two(tmp_path):
    heights = []
    for data in ({"array": {}}, {"array": {}, "low": {}}):
        content = {"title": "t", "question": "q", "data": data, "models": MODELS}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
        figure = draw("samples", make_plan(str(tmp_path / "mine.yaml"), "laptop", tmp_path / "results"))
        heights.append(figure.bbox.height)
    assert heights[0] < heights[1]


def test_losses_of_few_epochs_cut_off_none_of_many(tmp_path):
    models = {"long": {"epochs": 6}, "short": {"epochs": 1}}
    content = {"title": "t", "question": "q", "data": {"array": {}}, "models": models}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    plan = make_plan(str(tmp_path / "mine.yaml"), "smoke", tmp_path / "results")
    for run in plan.grid:
        run.folder.mkdir(parents=True)
        losses(run.training.epochs).to_csv(run.folder / "losses.csv", index=False)
    first, last = draw("loss", plan).axes[0].get_xlim()
    assert first < 1 < 6 < last
