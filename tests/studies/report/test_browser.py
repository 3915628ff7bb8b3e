"""The report in a real browser: nothing leaves the page, nothing breaks, and the slider answers the keyboard."""

import shutil

import pandas as pd
import pytest
import yaml
from fake_results import make_results
from patience import PATIENCE

from studies import cli
from studies.measures.results import COLUMNS
from studies.planning.resolving import make_plan

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

CLAIM = {
    "id": "sets",
    "claim": "The sets differ.",
    "source": "section 6",
    "figure": "starts-array",
    "kind": "difference",
    "measure": "small_share",
    "contrast": {"plus": [{"data": ["array"]}], "minus": [{"data": ["low"]}]},
    "smallest": 0.1,
    "why": "to look",
}
HOSTILE = """</title></script><script>alert(1)</script>"><img src=x onerror=alert(2)>' & é"""
STUDY = {
    "title": HOSTILE,
    "question": f"Does the page work? {HOSTILE}",
    "data": {"array": {}, "low": {"label": HOSTILE}},
    "models": {"linear": {}, "power-10": {"label": HOSTILE}},
    "figures": ["schedules", "starts-array", "loss"],
    "tables": ["verdicts", "schedules", "losses"],
    "claims": [CLAIM | {"claim": HOSTILE, "source": HOSTILE, "why": HOSTILE}],
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    (folder / "small.yaml").write_text(yaml.safe_dump(STUDY))
    study, results = str(folder / "small.yaml"), folder / "results"
    plan = make_plan(study, "smoke", results)
    make_results(plan)
    for i, run in enumerate(plan.grid):
        row = [run.data, run.model, "", run.seed, "small_share", 0.1 * i, "share", 50]
        pd.DataFrame([row], columns=COLUMNS).to_csv(run.folder / "measures.csv", index=False)
    for command in ("figure", "table", "report"):
        words = [command, "--study", study, "--scale", "smoke", "--results", str(results)]
        cli.cli.main(words, standalone_mode=False)
    return plan.output / "report.html"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=1000 * PATIENCE)
        yield browser
        browser.close()


@pytest.fixture(params=[390, 1280])
def opened(request, report, chromium):
    """(page, what it asked for, what it complained of) at the width of a phone and of a desk."""
    page, asked, complaints = chromium.new_page(viewport={"width": request.param, "height": 900}), [], []
    page.set_default_timeout(1000 * PATIENCE)
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.goto(report.as_uri())
    yield page, asked, complaints
    page.close()


def test_no_request_leaves_the_page_and_nothing_complains(opened, report):
    page, asked, complaints = opened
    page.locator("#play").click()
    page.wait_for_timeout(300)
    assert page.locator("h1").inner_text() == HOSTILE
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]


def test_every_picture_has_decoded(opened):
    sizes = opened[0].evaluate("Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))")
    assert len(sizes) >= 3
    assert min(sizes) > 0


def test_nothing_scrolls_sideways(opened):
    page = opened[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_a_link_into_a_folded_part_unfolds_it_and_figures_fit_the_page(opened):
    page = opened[0]
    page.evaluate("location.hash = '#table-losses'")
    page.wait_for_function("document.querySelector('#table-losses > details').open")
    width = page.evaluate("Math.max(...[...document.images].map(i => i.getBoundingClientRect().right))")
    assert width <= page.viewport_size["width"]


def test_what_the_numbers_are_worth_is_said_first_and_smoke_has_no_badges(opened):
    page = opened[0]
    assert page.locator("main p").first.inner_text().startswith("None of these numbers means anything")
    assert page.locator(".verdict").count() == 0


def test_a_claims_points_and_numbers_are_in_their_plot_and_readable(opened):
    page = opened[0]
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    outside = """svg => [...svg.querySelectorAll('circle')].map(c => c.getBoundingClientRect()).filter(
        c => c.left < svg.getBoundingClientRect().left || c.right > svg.getBoundingClientRect().right).length"""
    plots = page.locator(".strip > svg")
    assert plots.count() == 2
    assert [plot.locator("circle").count() for plot in plots.all()] == [6, 3]  # two schedules and their mean
    assert [plot.evaluate(outside) for plot in plots.all()] == [0, 0]
    sizes = page.evaluate("[...document.querySelectorAll('.strip text')].map(t => t.getBoundingClientRect().height)")
    assert min(sizes) > 10


def test_the_keyboard_reaches_and_moves_the_slider(opened):
    page = opened[0]
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "moment":
            break
    assert page.evaluate("document.activeElement.id") == "moment"

    def shown():
        return page.evaluate("[...document.querySelectorAll('canvas')].map(c => c.toDataURL())")

    end, step = shown(), page.locator("#step").inner_text()
    page.keyboard.press("Home")
    assert page.locator("#step").inner_text() != step
    assert all(a != b for a, b in zip(shown(), end, strict=True))
    page.keyboard.press("End")
    assert shown() == end


def test_no_table_is_cut_when_printed(report, chromium):
    page = chromium.new_page(viewport={"width": 700, "height": 1000})  # A4 between its margins
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(report.as_uri())
    page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
    page.emulate_media(media="print")
    widths = page.evaluate("[...document.querySelectorAll('table')].map(t => [t.className, t.scrollWidth])")
    assert widths
    assert all(width <= (1040 if name == "wide" else 700) for name, width in widths), widths
    page.close()
