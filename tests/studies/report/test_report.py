import base64
import io
import re
import sys
from dataclasses import replace
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from fake_results import make_results, write_measures
from pages import Page, embedded
from PIL import Image

from studies import cli
from studies.planning.resolving import make_plan
from studies.planning.study import Looked
from studies.report.html import slider
from studies.report.html.embedding import encode_drawing
from studies.report.html.page import list_inputs, render
from studies.report.html.ran import gather_facts

STUDY = {
    "title": "Noise & <b>triangles</b>",
    "question": 'Is "a < b" of `b & c`?',
    "data": {"array": {"label": "drawn"}, "low": {}},
    "models": {"linear": {}, "power-10": {"label": "steep"}},
    "figures": ["schedules", "starts-array"],
    "tables": ["schedules", "losses"],
    "claims": [
        {"id": "first", "claim": "<script>alert(1)</script>", "source": "section 6", "figure": "starts-array"},
        {"id": "second", "claim": "Plain.", "source": "section 7"},
    ],
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "small.yaml").write_text(yaml.safe_dump(STUDY))
    plan = make_plan(str(folder / "small.yaml"), "smoke", folder / "results")
    make_results(plan)
    with pytest.MonkeyPatch.context() as patch:
        for command in ("figure", "table", "report"):
            patch.setattr(sys, "argv", ["studies", command, *plan.flags.split()])
            cli.main()
    return plan


@pytest.fixture(scope="module")
def page(plan):
    return Page((plan.output / "report.html").read_text(encoding="utf-8"))


def decoded(uri):
    kind, coded, content = re.fullmatch(r"data:([a-z/+]+)(;base64)?,(.+)", uri).groups()
    return kind, base64.b64decode(content, validate=True) if coded else unquote(content).encode()


def test_nothing_is_asked_of_a_network(plan, page):
    text = (plan.output / "report.html").read_text(encoding="utf-8")
    drawings = [unquote(uri) for uri in re.findall(r"data:image/svg[^\"]+", text)]
    assert drawings
    assert all(address.startswith("#") for one in drawings for address in re.findall(r"(?:href=.|url\()([^')]+)", one))
    assert not re.findall(r"https?:|@import|url\(|//[a-z]+\.", re.sub(r"data:image/svg[^\"]+", "", text))
    addresses = [a[key] for _, a in page.elements for key in ("src", "href", "srcset", "action", "data") if key in a]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_links_and_labels_lead_somewhere(page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = [a["href"][1:] for a in page.all("a")] + [a["for"] for a in page.all("label") if "for" in a]
    wanted += [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert set(wanted) <= set(ids)


def test_every_image_opens_and_has_words(page):
    images = page.all("img")
    assert len(images) == len(STUDY["figures"])
    for image in images:
        kind, content = decoded(image["src"])
        if kind == "image/svg+xml":
            assert ElementTree.fromstring(content).tag.endswith("svg")
        else:
            Image.open(io.BytesIO(content)).verify()
        assert len(image["alt"]) > 20


def test_the_slider_shows_the_frames_as_they_are(plan, page):
    shown = embedded(page)
    count = plan.scale.sampling["frames"]
    assert (shown["steps"][0], shown["steps"][-1], len(shown["steps"])) == (1000, 0, count)
    assert [(one["name"], one["label"]) for one in shown["sets"]] == [("array", "drawn"), ("low", "low")]
    assert [(one["name"], one["label"]) for one in shown["models"]] == [("linear", "linear"), ("power-10", "steep")]
    assert [one["colour"] for one in shown["models"]] == [plan.colour(name) for name in plan.model_names]
    cells = {one["name"]: one["cells"] for one in shown["sets"]}
    for run in plan.grid:
        kind, content = decoded(cells[run.data][run.model])
        sheet = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        frames = np.load(run.folder / "samples-frames.npy")[: slider.IMAGES]
        images, moments, height, width = frames.shape
        assert kind == "image/webp"
        assert sheet.shape == (images * height, moments * width)
        parts = sheet.reshape(images, height, moments, width).transpose(0, 2, 1, 3)
        levels = np.clip(frames, 0, 1) * 255
        assert np.array_equal(parts[:, -2:], np.rint(levels[:, -2:]))
        assert np.abs(parts - levels).max() <= 8.5  # noise in 16 levels


def test_colour_frames_keep_their_channels():
    values = np.random.default_rng(0).random((2, 3, 4, 5, 3)).astype(np.float32)
    sheet = np.asarray(slider.make_sprite(values))
    assert sheet.shape == (8, 15, 3)
    assert np.array_equal(sheet[4:8, 10:15], np.rint(values[1, 2] * 255))


def test_a_drawing_is_embedded_without_a_visible_change(plan):
    svg = (plan.output / "figures" / "schedules.svg").read_text(encoding="utf-8")
    kept = decoded(encode_drawing(svg.replace("<defs>", "<title>it's &lt; 1</title><defs>", 1)))[1].decode()
    ours, theirs = (ElementTree.fromstring(one) for one in (kept, svg))
    assert ours.find(".//{*}title").text == "it's < 1"
    paths = [" ".join(e.get("d", "") for e in one.iter()) for one in (ours, theirs)]
    numbers = [[float(number) for number in re.findall(r"-?[\d.]+", path)] for path in paths]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.01)
    assert [e.get("transform") for e in ours.iter("{*}use")] == [e.get("transform") for e in theirs.iter("{*}use")]
    assert len(kept) < 0.9 * len(svg)


def test_the_slider_works_from_the_keyboard_and_is_named(page):
    moment = next(a for a in page.all("input") if a["type"] == "range")
    assert (moment["min"], moment["max"], moment["step"]) == ("0", "10", "1")
    assert any(a.get("for") == moment["id"] for a in page.all("label"))
    assert moment["aria-valuetext"] == "t = 0"
    assert [a["value"] for a in page.all("input") if a["type"] == "radio"] == ["array", "low"]
    assert len(page.all("canvas")) == 2 * slider.IMAGES
    assert all(a["role"] == "img" and a["aria-label"] for a in page.all("canvas"))


def test_words_from_outside_are_escaped(page):
    assert STUDY["title"] in page.text
    assert 'Is "a < b" of b & c?' in page.text
    assert "`" not in page.text  # what stands between backquotes is set as code
    assert "<script>alert(1)</script>" in page.text
    assert not any("alert(1)" in script for script in page.scripts)


def test_claims_point_at_their_figures(page):
    assert {"href": "#figure-starts-array"} in page.all("a")
    assert "not judged yet" in page.text


def test_tables_are_rounded_and_marked_with_the_models_colours(plan, page):
    assert "4.04e−05" in page.text
    swatches = [a["style"] for a in page.all("i") if a.get("class") == "swatch"]
    assert f"background:{plan.colour('power-10')}" in swatches
    assert len(swatches) == 2 + 4


def test_what_was_run_says_every_value_that_occurs(plan, page):
    ran = gather_facts(plan)
    assert (ran["done"], ran["planned"]) == (4, 4)
    assert ran["settings"]["schedule"] == "linear, power-10"
    assert ran["facts"]["parameters"] == "12,345"
    assert (ran["training_time"], ran["sampling_time"]) == ("48 s", "8 s")
    assert "16 px, a few steps" in page.text
    assert f"--config study={plan.output.parents[2]}/small.yaml scale=smoke results=" in page.text


def test_verdicts_stand_beside_their_claims_once_they_are_there(plan):
    path = plan.output / "tables" / "verdicts.csv"
    told = {"evidence": "−0.2 & falling", "ours": "−0.21 (−0.3 to −0.1)"}
    rows = [{"id": "first", "verdict": "contradicted", "seeds": 6, "origin": "thesis"} | told]
    pd.DataFrame(rows).to_csv(path, index=False)
    looked = plan.study.model_copy(update={"looked": {"smoke": (Looked(seeds=(0,), times=2),)}})
    try:
        worthless = Page(render(plan))
        page = Page(render(replace(plan, scale=plan.scale.model_copy(update={"wiring": False}), study=looked)))
    finally:
        path.unlink()
    assert worthless.all("strong") == []
    assert "None of these numbers means anything" in worthless.text
    for one, level in ((worthless, 0.05), (page, 0.02)):
        assert f"surely is a p of {level} or less" in " ".join(one.text.split())
    assert "One seed: hints, no verdicts." in page.text
    assert [a["class"] for a in page.all("strong")] == ["verdict contradicted"]
    assert "−0.2 & falling" in page.text
    assert "1 of the thesis (1 contradicted)." in page.text
    assert "−0.21 (−0.3 to −0.1)" in page.text
    sections = [a["id"] for a in page.all("section") if "id" in a]
    assert sections[0] == "verdicts"


def test_a_missing_run_is_a_hole_and_said(plan):
    folder = plan.cell("low", "linear").folder
    folder.rename(folder.with_name("away"))
    try:
        page = Page(render(plan))
    finally:
        folder.with_name("away").rename(folder)
    cells = next(one["cells"] for one in embedded(page)["sets"] if one["name"] == "low")
    assert cells["linear"] is None
    assert cells["power-10"].startswith("data:image/webp")
    assert "1 of 4 runs are missing" in page.text


def test_a_model_that_draws_the_same_again_and_again_is_told_of(plan):
    run = plan.cell("low", "linear")
    write_measures(run, run)
    frame = pd.read_csv(run.measure_file).set_index("measure")
    try:
        for ours, real, told in ((1.0, 0.01, True), (1.0, 0.9, False), (0.5, 0.0, False)):
            frame.loc[["same_share", "real_same_share"], "value"] = ours, real
            frame.reset_index().to_csv(run.measure_file, index=False)
            text = Page(render(plan)).text
            assert ("1 of 4 runs draw the same images again and again" in text) == told
            line = f"{plan.tell(run)}: 100% of its samples are the same as another of them, of real images 1%"
            assert (line in text) == told
    finally:
        run.measure_file.unlink()


def test_without_its_figures_there_is_no_report(plan, monkeypatch, capsys):
    svg = plan.output / "figures" / "schedules.svg"
    before = (plan.output / "report.html").read_bytes()
    assert svg in list_inputs(plan)
    svg.rename(svg.with_suffix(".away"))
    try:
        monkeypatch.setattr(sys, "argv", ["studies", "report", *plan.flags.split()])
        with pytest.raises(SystemExit) as end:
            cli.main()
    finally:
        svg.with_suffix(".away").rename(svg)
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.count("\n") == 1
    assert "schedules.svg" in error
    assert (plan.output / "report.html").read_bytes() == before


def test_equal_results_give_an_equal_page(plan):
    assert render(plan) == (plan.output / "report.html").read_text(encoding="utf-8")
