"""Laws that each kind of picture keeps, and a kind from outside taken through every command."""

import json
import pickle
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from triangles.checking import anchor_scores
from triangles.datasets import facts, read_dataset, write_dataset
from triangles.kinds import KINDS
from triangles.kinds.kind import Kind
from triangles.settings import PREPARATIONS, Settings, resolve

PLUGIN = """
import numpy as np

from triangles.kinds import KINDS
from triangles.kinds.kind import Kind


class Rectangle(Kind):
    parameters, shape = "corners", (2, 2)
    anchors = {"mean area": (lambda corners: np.prod(corners[:, 1] - corners[:, 0], axis=1), 1 / 9, None)}

    def draw(self, rng, count):
        return np.sort(rng.random((count, 2, 2)), axis=1)

    def paint(self, one, size):
        image = np.zeros((size, size), np.uint8)
        (left, top), (right, bottom) = (one * size).astype(int)
        image[top : bottom + 1, left : right + 1] = 255
        return image


class Coloured(Rectangle):
    channels = 3

    def paint(self, one, size):
        gray = super().paint(one, size)
        return np.stack([gray, gray // 2, 255 - gray], axis=2)


KINDS.add("rectangle", Rectangle())
KINDS.add("coloured", Coloured())
"""
WAYS = [*({"preparation": name} for name in PREPARATIONS), {"format": "png", "draw_size": 50, "resample": "nearest"}]


@pytest.fixture
def shapes(tmp_path):
    """The name of a plugin in the test's folder; once imported it stays, as in any process."""
    (tmp_path / "shapes_of_a_test.py").write_text(PLUGIN)
    return "shapes_of_a_test"


@pytest.fixture(params=[name for name in KINDS if KINDS[name].drawn])
def kind(request):
    return KINDS[request.param]


def drawn(kind, count, seed=0):
    return kind.draw(np.random.default_rng(seed), count)


def test_drawing_hangs_on_its_seed_only(kind):
    parameters = drawn(kind, 40)
    assert (parameters.dtype, parameters.shape) == (np.float64, (40, *kind.shape))
    assert np.array_equal(parameters, drawn(kind, 40))
    assert not np.isin(drawn(kind, 40, seed=1), parameters).any()
    assert np.array_equal(drawn(kind, 100)[:40], parameters), "a longer draw does not start with the shorter one"


def test_workers_render_the_same(kind):
    """A kind goes to other processes, which must be able to take it in."""
    parameters, settings = drawn(kind, 5), resolve(size=16)
    again = pickle.loads(pickle.dumps(kind))
    assert np.array_equal(again.render(parameters, settings), kind.render(parameters, settings))


def test_parameters_keep_their_bounds(kind):
    parameters = drawn(kind, 5000)
    least, most = kind.bounds
    assert least <= parameters.min() < parameters.max() <= most


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
def test_rendering_gives_images_of_the_right_kind_and_the_bytes_of_the_plain_path(kind, way):
    settings = resolve(**way, size=16)
    parameters = drawn(kind, 30)
    images = kind.render(parameters, settings)
    assert (images.dtype, images.shape) == (np.uint8, (30, *kind.image_shape(16)))
    assert np.array_equal(images, kind.render_plain(parameters, settings))
    assert np.array_equal(images[7:9], kind.render(parameters[7:9], settings)), "an image hangs on its neighbours"
    assert len(np.unique(images.reshape(30, -1), axis=0)) > 20


@pytest.mark.parametrize("way", [{}, {"preparation": "low"}, {"preparation": "high"}], ids=["plain", "low", "high"])
def test_a_drawn_picture_is_found_again(kind, way):
    if kind.fitter is None:
        pytest.skip("nothing fits this kind")
    settings = resolve(**way)
    fits = kind.fit(kind.render(drawn(kind, 150), settings), settings if way else None)
    assert fits.parameters.shape == (150, *kind.shape)
    large = fits.ink >= 30
    assert large.sum() > 50
    assert np.median(fits.iou[large]) >= (0.95 if way else 0.99)
    assert fits.iou.max() <= 1
    assert np.quantile(fits.iou[large], 0.05) > 0.8


def test_features_are_finite_and_in_the_ranges_that_they_state(kind):
    if kind.fitter is None:
        pytest.skip("nothing fits this kind")
    values = kind.features(drawn(kind, 5000))
    assert (values.dtype, values.shape) == (np.float64, (5000, len(kind.FEATURES)))
    for column, (name, (words, unit, (least, most))) in zip(values.T, kind.FEATURES.items(), strict=True):
        assert words, f"{name} has no words"
        assert unit, f"{name} has no unit"
        assert least <= column.min() < column.max() <= most, name
        assert np.ptp(column) > 0.3 * (most - least), f"{name} states too wide a range"


def test_anchors_hold_for_a_large_sample(kind):
    scores = anchor_scores(kind, drawn(kind, 100_000, seed=4))
    assert all(abs(z) < 4.5 for _, _, z in scores.values()), scores


def test_drawing_loads_no_fitter(kind):
    """A change in what fits must not make data stale."""
    code = f"import sys, {', '.join(kind.drawing_modules)}; print(*{set(kind.fitting_modules)} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_kind_without_a_fitter_says_so():
    class Nothing(Kind):
        parameters, shape = "nothing", ()

    with pytest.raises(ValueError, match="Nothing has no fitter"):
        Nothing().fit(np.zeros((1, 8, 8)))
    assert Nothing().fitting_modules == ()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("draw", np.zeros((3, 2, 2), np.float32), r"Square.draw gave float32 \(3, 2, 2\), but float64 \(3, 1\)"),
        ("paint", np.zeros((8, 8)), r"Square.paint gave float64 \(8, 8\), but uint8 \(8, 8\)"),
        ("paint", np.zeros((8, 8, 3), np.uint8), r"Square.paint gave uint8 \(8, 8, 3\), but uint8 \(8, 8\)"),
    ],
)
def test_a_kind_that_breaks_its_promise_makes_no_data_set(monkeypatch, tmp_path, name, given, message):
    class Square(Kind):
        parameters, shape = "sides", (1,)

        def draw(self, rng, count):
            return rng.random((count, 1))

    monkeypatch.setattr(Square, name, lambda *_: given, raising=False)
    KINDS.add(tmp_path.name, Square())
    with pytest.raises(ValueError, match=message):
        write_dataset(tmp_path / "set", resolve(kind=tmp_path.name, count=3, test_count=3, size=8))
    assert not (tmp_path / "set").exists()


def test_names_taken_and_unknown_are_refused_in_one_line():
    with pytest.raises(ValueError, match="'triangle' is registered already"):
        KINDS.add("triangle", object())
    with pytest.raises(ValueError, match="unknown kind of picture 'circle': choose from triangle"):
        KINDS["circle"]
    assert KINDS.module("triangle") == "triangles.kinds.triangle"


def test_folders_and_flags_name_another_kind_than_triangles():
    assert resolve("high").name == "high-seed0"
    assert "--kind" not in resolve("high").flags
    assert resolve("high").files == ("train.npy", "test.npy", "vertices_train.npy", "vertices_test.npy", "dataset.json")


def test_a_record_that_names_no_kind_is_of_triangles():
    older = {name: value for name, value in asdict(resolve("low", count=7)).items() if name != "kind"}
    assert Settings(**older) == resolve("low", count=7)


@pytest.mark.parametrize("name", ["rectangle", "coloured"])
def test_a_kind_from_outside_through_every_command(run, shapes, tmp_path, name):
    few = ["--count", 60, "--test-count", 40, "--size", 12]
    for way in (["--format", "npy"], ["--preparation", "high", "--draw-size", 30], ["--format", "png"]):
        words = ["generate", "--kind", name, *way, *few, "--replace", "--out", "set"]
        assert run("--plugin", shapes, *words)[0] == 0
        code, out, err = run("check", "set")
        assert (code, err) == (0, "")
        assert "train: mean area" in out
    assert run("show", "set", "--highlight")[0] == 0
    assert np.asarray(Image.open(tmp_path / "set/contact-sheet.png")).ndim == 3
    data = read_dataset(tmp_path / "set")
    assert data.record["kind"] == data.settings.kind == name
    assert data.train.shape == (60, 12, 12, 3)[: 3 if name == "rectangle" else 4]
    assert data.settings.name.startswith(f"{name}-png-12px")
    assert data.settings.flags[-2:] == ["--kind", name]
    assert 0 < facts(data.train)["covered"] < 1
    assert sorted(path.name for path in (tmp_path / "set").glob("*_*.npy")) == ["corners_test.npy", "corners_train.npy"]


def test_triangles_in_the_place_of_another_kind_leave_nothing_of_it(run, shapes, tmp_path):
    few = ["--count", 9, "--test-count", 5, "--size", 12, "--out", "set"]
    assert run("--plugin", shapes, "generate", "--kind", "rectangle", *few)[0] == 0
    code, _, err = run("generate", *few)
    assert code == 2
    assert "differs in kind" in err
    assert run("generate", "--replace", *few)[0] == 0
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == sorted([".files.json", *resolve().files])
    assert run("check", "set")[0] == 0


def test_worker_processes_know_a_plugin_s_kind(run, shapes, tmp_path, monkeypatch):
    """They are fresh ones, which have not imported the plugin."""
    monkeypatch.setattr("triangles.production.PIXELS_A_CHUNK", 2**18)  # 16 images, so that there is work for two
    words = ["--plugin", shapes, "generate", "--kind", "coloured", "--count", 60, "--test-count", 40, "--size", 8]
    for workers in (1, 2):
        code, _, err = run(*words, "--workers", workers, "--out", workers)
        assert (code, err) == (0, "")
    assert (tmp_path / "1/train.npy").read_bytes() == (tmp_path / "2/train.npy").read_bytes()


def test_an_older_data_set_of_triangles_is_read_and_left_alone(tmp_path):
    settings = resolve(count=9, test_count=5)
    write_dataset(tmp_path / "set", settings)
    path = tmp_path / "set/dataset.json"
    record = json.loads(path.read_text())
    del record["settings"]["kind"], record["checksum"]
    path.write_text(json.dumps(record | {"kind": "triangles"}))
    assert read_dataset(tmp_path / "set").settings == settings
    assert not write_dataset(tmp_path / "set", settings)
