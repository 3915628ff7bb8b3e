"""Drawing against plane geometry, codecs against what they promise, and the batches against the plain path."""

import subprocess
import sys

import numpy as np
import pytest
from patience import PATIENCE
from project import ROOT

from triangles import geometry
from triangles.kinds import KINDS
from triangles.kinds.polygons import Polygons, draw, pixel_corners
from triangles.pixels.codec import FILTERS, decode, encode, resize
from triangles.rendering import render, render_plain
from triangles.settings import resolve


def some_vertices(count, seed=0):
    """Random triangles after a few awkward ones: points, lines along and across the border, the whole square's half."""
    awkward = [
        [[0, 0], [0, 0], [0, 0]],
        [[1, 1], [1, 1], [1, 1]],
        [[0, 0], [1, 1], [1, 1]],
        [[0, 0], [1, 0], [1, 1]],
        [[1, 0], [1, 0.5], [1, 1]],
        [[0, 1], [0.5, 1], [1, 1]],
        [[0.5, 0.5], [0.501, 0.5], [0.5, 0.501]],
    ]
    return np.concatenate([np.array(awkward), np.random.default_rng(seed).random((count, 3, 2))])


def signed_distance(corners, size):
    """Distance of each pixel (row, column) from the triangle's edges, positive inside; counter-clockwise corners."""
    row, column = np.mgrid[:size, :size]
    distances = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        cross = (b[0] - a[0]) * (row - a[1]) - (b[1] - a[1]) * (column - a[0])
        distances.append(cross / np.hypot(*(b - a)))
    return np.min(distances, axis=0)


def test_a_drawing_is_the_triangle_to_within_a_pixel():
    """What lies inside is filled; nothing is filled a pixel or more outside."""
    for vertices in geometry.random_vertices(200, np.random.default_rng(1)):
        corners = pixel_corners(vertices, 48)
        orientation = np.cross(*(np.append(corners[i] - corners[0], 0) for i in (1, 2)))[2]
        if orientation == 0:
            continue
        distance = signed_distance(corners[:: int(np.sign(orientation))], 48)
        image = draw(vertices, 48)
        assert set(np.unique(image)) == {0, 255}
        assert (image[distance > 0] == 255).all()
        assert (image[distance <= -1] == 0).all()


def test_x_runs_along_columns_and_y_along_rows():
    image = draw(np.array([[0.9, 0.1], [0.95, 0.1], [0.9, 0.15]]), 100)
    row, column = np.argwhere(image).mean(axis=0)
    assert (row, column) == pytest.approx((11.7, 91.7), abs=0.5)


def test_covered_fraction_exceeds_the_area_by_the_boundary():
    """The boundary is filled too: half a pixel's width around, 1.2 times the exact area at 32 px, 1.01 at 720."""
    vertices = geometry.random_vertices(1500, np.random.default_rng(2))
    area = geometry.area(vertices).mean()
    at_32 = np.mean([draw(v, 32).mean() / 255 for v in vertices])
    at_720 = np.mean([draw(v, 720).mean() / 255 for v in vertices[:300]])
    assert at_32 / area == pytest.approx(1.2, abs=0.02)
    assert at_720 / geometry.area(vertices[:300]).mean() == pytest.approx(1.014, abs=0.005)


def test_png_loses_nothing_and_jpeg_leaves_gray_dots():
    images = np.stack([draw(v, 32) for v in geometry.random_vertices(500, np.random.default_rng(3))])
    gray = {}
    for key, options in {"png": ("png",), "q75": ("jpeg", 75), "q95": ("jpeg", 95)}.items():
        coded = np.stack([decode(encode(image, *options)) for image in images])
        gray[key] = [float(((coded > m) & (coded < 255 - m)).mean()) for m in (0, 8)]
    assert gray["png"] == [0, 0]
    assert gray["q75"] == pytest.approx([0.17, 0.065], abs=0.01)
    assert gray["q95"][1] < 0.001


def test_unknown_names_and_broken_files_are_refused():
    image = np.zeros((8, 8), np.uint8)
    for call, message in [
        (lambda: draw(np.zeros((3, 2)), 1), "draw size is 1"),
        (lambda: encode(image, "gif"), "gif"),
        (lambda: resize(image, 4, "sharp"), "sharp"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(OSError, match="identify"):
        decode(b"no image")


BATCHES = [
    {"preparation": "array"},
    {"preparation": "low"},
    {"preparation": "low", "size": 20},
    {"preparation": "low", "quality": 3, "size": 37},
    {"preparation": "high", "size": 16},
    {"preparation": "high", "size": 64, "quality": 100},
    {"format": "png", "draw_size": 101},
    {"format": "npy", "draw_size": 333},
    {"format": "npy", "draw_size": 16},
    {"format": "jpeg", "draw_size": 2, "size": 3},
    *({"format": "jpeg", "draw_size": 90, "quality": 40, "resample": name} for name in FILTERS),
]


@pytest.mark.parametrize("given", BATCHES, ids=lambda given: "-".join(map(str, given.values())))
def test_batches_give_the_bytes_of_the_plain_path(given, monkeypatch):
    settings = resolve(**given)
    vertices = some_vertices(60 if settings.draw_size > 300 else 200)
    expected = render_plain(vertices, settings)
    _forbid_the_plain_path(monkeypatch)
    assert np.array_equal(render(vertices, settings), expected)


def test_the_thesis_preparation_in_batches_for_many_triangles(monkeypatch):
    """Several hundred at 720 px, and tall canvases of small ones, where a rounding of offsets would show."""
    high, low = resolve("high"), resolve("low")
    expected = render_plain(some_vertices(400, 5), high), render_plain(some_vertices(3000, 6), low)
    _forbid_the_plain_path(monkeypatch)
    assert np.array_equal(render(some_vertices(400, 5), high), expected[0])
    assert np.array_equal(render(some_vertices(3000, 6), low), expected[1])


def test_polygons_with_more_corners_go_the_fast_way_too(monkeypatch):
    class Pentagons(Polygons):
        shape = (5, 2)

    kind, corners = Pentagons(), np.random.default_rng(8).random((40, 5, 2))
    for settings in (resolve("low"), resolve("high", size=24)):
        expected = kind.render_plain(corners, settings)
        with monkeypatch.context() as patch:
            _forbid_the_plain_path(patch, kind)
            assert np.array_equal(kind.render(corners, settings), expected)


def _forbid_the_plain_path(monkeypatch, kind=KINDS["triangle"]):
    """`render` may compare its first image with the plain path, but must not fall back to it."""
    plain = kind.render_plain

    def first_only(vertices, settings):
        assert len(vertices) == 1, "the batches fell back to the plain path"
        return plain(vertices, settings)

    monkeypatch.setattr(kind, "render_plain", first_only)


def test_a_pillow_that_rounds_otherwise_is_followed(monkeypatch):
    """Where the batches do not agree with Pillow, Pillow counts."""
    settings, vertices = resolve("high", size=16), some_vertices(5)
    expected = render_plain(vertices, settings)
    monkeypatch.setattr(
        "triangles.kinds.polygons.resample_blocks", lambda b, *_: np.full((len(b.level), 16, 16), 7, np.uint8)
    )
    assert np.array_equal(render(vertices, settings), expected)


DEADLY = """
import os, signal

import numpy as np

from triangles.production import _spread


class Kind:
    def render(self, parameters, settings):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    try:
        list(_spread([(Kind(), np.zeros((50_000, 2)), None, None, i) for i in range(40)], 2))
    except ChildProcessError as error:
        print(error)
"""


@pytest.mark.faults
def test_workers_that_are_all_killed_are_told_of_while_tasks_wait_for_them(tmp_path):
    """A task is larger here than the pipe to the workers holds."""
    (tmp_path / "deadly.py").write_text(DEADLY)
    done = subprocess.run(
        [sys.executable, "deadly.py"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "a worker process ended before its work" in done.stdout
