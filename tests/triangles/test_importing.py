"""Imported pictures: the right pixels of every kind of file and array, and one line for what is none."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from triangles.checking import verify
from triangles.datasets import read_dataset
from triangles.imported import resolve_import
from triangles.importing.sources import open_source
from triangles.importing.writing import write_imported

RNG = np.random.default_rng(0)


def pixels(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def make(folder, source, **given):
    """Import a source; its record and its images, training and test together in their order of numbers."""
    opened = open_source(source, given.get("values"), given.get("channels"))
    settings = resolve_import(source, len(opened.names), **{"test_share": 0.5, **given})
    return write_imported(folder, opened, settings), read_dataset(folder)


def found(folder, source, **given):
    """All imported images of a source of two pictures, the first one first."""
    data = make(folder, source, **given)[1]
    together = [*data.train, *data.test]
    assert len(together) == 2
    return together if split_first(folder) else together[::-1]


def split_first(folder):
    rng = np.random.default_rng(
        np.random.SeedSequence([json.loads((folder / "dataset.json").read_text())["settings"]["seed"], 7])
    )
    return rng.permutation(2)[1] == 0  # the last of the order trains


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    return tmp_path / "in"


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp", "gif"])
def test_files_without_loss_come_through_pixel_by_pixel(tmp_path, pictures, ending):
    images = [pixels(8, 8), pixels(8, 8)]
    for image, path in zip(images, ("a", "sub/b"), strict=True):
        Image.fromarray(image).save(pictures / f"{path}.{ending}", **({"lossless": True} if ending == "webp" else {}))
    for got, image in zip(found(tmp_path / "out", pictures, size=8), images, strict=True):
        assert np.array_equal(got, image)
    assert verify(tmp_path / "out")


def test_colours_stay_colours_and_gray_ones_are_gray(tmp_path, pictures):
    images = [pixels(8, 8, 3), np.repeat(pixels(8, 8, 1), 3, axis=2)]
    for i, image in enumerate(images):
        Image.fromarray(image).save(pictures / f"{i}.png")
    assert np.array_equal(found(tmp_path / "both", pictures, size=8), images)
    gray = found(tmp_path / "gray", pictures, size=8, colour=False)
    assert np.array_equal(gray[0], np.asarray(Image.fromarray(images[0]).convert("L")))
    (pictures / "0.png").unlink()
    Image.fromarray(images[1][::-1]).save(pictures / "0.png")
    assert make(tmp_path / "plain", pictures, size=8)[1].train.shape == (1, 8, 8), "gray files made a set in colours"


def test_the_first_of_a_set_are_of_every_kind_though_names_sort_by_kind(tmp_path, pictures):
    for number in range(100):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(pictures / f"{number // 50}-{number:02}.png")
    data = make(tmp_path / "out", pictures, size=8, seed=0)[1]
    levels = [images[:, 0, 0].astype(int) for images in (data.test, data.train)]
    assert sorted(np.concatenate(levels)) == list(range(100))
    for some in levels:
        assert 5 <= (some[:24] >= 50).sum() <= 19  # one random order in 40,000 is outside
        assert (np.diff(some) < 0).any()


def test_what_is_transparent_is_laid_on_the_background(tmp_path, pictures):
    image = np.zeros((4, 4, 4), np.uint8)
    image[:2], image[2:, :, :3] = (255, 0, 0, 255), 9
    for name in ("a", "b"):
        Image.fromarray(image).save(pictures / f"{name}.png")
    got = found(tmp_path / "out", pictures, size=4, background="#00ff00")[0]
    assert (got[:2] == (255, 0, 0)).all()
    assert (got[2:] == (0, 255, 0)).all()


def test_sixteen_bits_palettes_and_orientation(tmp_path, pictures):
    deep = pixels(8, 8, dtype=np.uint16)
    Image.fromarray(deep).save(pictures / "a.png")
    Image.fromarray(deep).save(pictures / "b.tif")
    for got in found(tmp_path / "deep", pictures, size=8):
        assert np.array_equal(got, np.rint(deep / 257))
    turned = pictures.parent / "turned"
    turned.mkdir()
    image = Image.fromarray(pixels(8, 8)).convert("P")
    upright = np.asarray(image.convert("RGB"))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    image.convert("RGB").save(turned / "a.png", exif=exif)
    image.save(turned / "b.png")
    first, second = found(tmp_path / "turned-out", turned, size=8, colour=True)
    assert np.array_equal(first, np.rot90(upright, -1))
    assert np.array_equal(second, upright)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_what_is_not_square_becomes_so_as_asked(tmp_path, pictures, fit):
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200
    for name in ("a", "b"):
        Image.fromarray(wide).save(pictures / f"{name}.png")
    got = found(tmp_path / fit, pictures, size=8, fit=fit, resample="box", background="white")[0].reshape(8, 8)
    want = np.zeros((8, 8))
    if fit == "crop":
        want[:] = 200
    elif fit == "stretch":
        want[:, 2:6] = 200
    else:
        want[:2], want[6:], want[2:6, 2:6] = 255, 255, 200
    assert np.array_equal(got, want)


@pytest.mark.parametrize(
    ("array", "given"),
    [
        (pixels(2, 6, 6), {}),
        (pixels(2, 6, 6, 3), {}),
        (pixels(2, 6, 6, 1), {}),
        (pixels(2, 3, 6, 6), {}),
        (pixels(2, 3, 6, 3), {"channels": "first"}),
        (pixels(2, 6, 6) > 99, {}),
        (pixels(2, 6, 6, dtype=np.uint16), {}),
        (RNG.random((2, 6, 6), np.float32), {"values": "0..1"}),
        (RNG.random((2, 6, 6)) * 2 - 1, {"values": "-1..1"}),
    ],
    ids=lambda one: f"{one.dtype}-{one.shape}" if isinstance(one, np.ndarray) else "-".join(one.values()) or "plain",
)
@pytest.mark.parametrize("form", ["npy", "npz"])
def test_arrays_of_each_type_and_order(tmp_path, form, array, given):
    path = tmp_path / f"many.{form}"
    np.save(path, array) if form == "npy" else np.savez(path, array)
    got = np.asarray(found(tmp_path / "out", path, size=array.shape[2 if given or array.ndim < 4 else -2], **given))
    last = np.moveaxis(array, 1, -1) if array.ndim == 4 and array.shape[1] == 3 else array
    scale = {np.uint8: (0, 1), np.bool_: (0, 255), np.uint16: (0, 1 / 257)}.get(array.dtype.type)
    low, factor = scale or ((0, 255) if given["values"] == "0..1" else (-1, 127.5))
    want = np.rint((last.astype(np.float64) - low) * factor)
    if want.shape[1] != want.shape[2]:
        assert got.shape[1] == got.shape[2]  # cropped: the order of the axes is what is tested
        return
    assert np.array_equal(got.reshape(want.shape), want)


def test_a_zip_gives_what_its_folder_gives(tmp_path, pictures):
    for name in ("a.png", "sub/b.png"):
        Image.fromarray(pixels(9, 7, 3)).save(pictures / name)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in pictures.rglob("*.png"):
            archive.write(path, path.relative_to(pictures))
        archive.writestr("__MACOSX/a.png", b"")
        archive.writestr("readme.txt", b"hello")
    by_folder, by_zip = (
        make(tmp_path / name, path)[1] for name, path in (("f", pictures), ("z", tmp_path / "all.zip"))
    )
    assert np.array_equal(by_folder.train, by_zip.train)
    assert by_zip.record["source"]["left_out"] == {"files that are no pictures": 1}


def test_who_is_held_out_hangs_on_the_seed_and_workers_change_nothing(tmp_path, pictures):
    for i in range(20):
        Image.fromarray(pixels(5, 5)).save(pictures / f"{i:02d}.png")
    opened = open_source(pictures)
    sets = {}
    for name, seed, workers in (("a", 0, 1), ("b", 0, 4), ("c", 1, 1)):
        write_imported(tmp_path / name, opened, resolve_import(pictures, 20, size=5, seed=seed), workers)
        sets[name] = read_dataset(tmp_path / name)
    assert sets["a"].train.shape == (17, 5, 5)
    assert np.array_equal(sets["a"].train, sets["b"].train)
    assert not np.array_equal(sets["a"].test, sets["c"].test)
    every = np.concatenate([sets["c"].train, sets["c"].test]).reshape(20, -1)
    assert len(np.unique(every, axis=0)) == 20, "a picture was lost, or is both in training and test"


def test_the_same_command_does_nothing_and_changed_pictures_need_replace(tmp_path, pictures):
    for name in ("a", "b"):
        Image.fromarray(pixels(5, 5)).save(pictures / f"{name}.png")
    assert make(tmp_path / "out", pictures)[0] is not None
    assert make(tmp_path / "out", pictures)[0] is None
    Image.fromarray(pixels(5, 5)).save(pictures / "a.png")
    with pytest.raises(ValueError, match="which changed: give --replace"):
        make(tmp_path / "out", pictures)
    with pytest.raises(ValueError, match="differs in size"):
        make(tmp_path / "out", pictures, size=8)


def broken(folder, name, content):
    (folder / name).write_bytes(content)


def as_png(image):
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


BAD = {
    "text.png": b"hello",
    "empty.jpg": b"",
    "torn.png": as_png(Image.fromarray(pixels(40, 40)))[:300],
    "bomb.png": as_png(Image.new("1", (30_000, 30_000))),
    "floating.tif": None,
}


@pytest.mark.parametrize("name", BAD)
def test_broken_files_are_listed_refused_or_skipped_and_leave_nothing(tmp_path, pictures, name):
    if BAD[name] is None:
        Image.fromarray(RNG.random((4, 4), np.float32)).save(pictures / name)
    else:
        broken(pictures, name, BAD[name])
    for i in range(3):
        Image.fromarray(pixels(40, 40)).save(pictures / f"z{i}.png")
    with pytest.raises(ValueError, match=rf"1 of 4 pictures cannot be read \({name}: .*give --skip-broken"):
        make(tmp_path / "out", pictures)
    assert not (tmp_path / "out").exists()
    record, data = make(tmp_path / "out", pictures, skip_broken=True, test_share=0.3)
    assert len(data.train) + len(data.test) == 3
    assert record["source"]["left_out"] == {"broken": 1}
    assert make(tmp_path / "out", pictures, skip_broken=True, test_share=0.3)[0] is None


def test_strange_names_animations_cmyk_and_links(tmp_path, pictures):
    strange = os.fsencode(pictures) + b"/new\nline\xff.png"
    with open(strange, "wb") as file:
        Image.fromarray(pixels(6, 6, 3)).save(file, "png")
    frames = [Image.fromarray(pixels(6, 6)) for _ in range(3)]
    frames[0].save(pictures / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(pixels(6, 6, 3)).convert("CMYK").save(pictures / "print.jpg")
    Image.fromarray(pixels(6, 6)).save(tmp_path / "outside.png")
    os.symlink(tmp_path / "outside.png", pictures / "out.png")
    os.symlink(pictures / "moving.gif", pictures / "in.gif")
    os.symlink(pictures, pictures / "round")
    record, data = make(tmp_path / "out", pictures, size=6)
    assert len(data.train) + len(data.test) == 4
    assert record["source"]["left_out"] == {"links out of the folder": 1}
    done = record["source"]["done"]
    assert done == {"CMYK brought to RGB": 1, "first of several frames taken": 2}


@pytest.mark.parametrize(
    ("array", "given", "said"),
    [
        (pixels(40, 40, 3), {}, "that of one picture: stack many"),
        (pixels(40, 40), {}, "that of one picture"),
        (pixels(2, 5, 5).astype(np.int64), {}, "uint8, uint16, bool or floating is needed"),
        (RNG.random((2, 5, 5)), {}, "--values=0..1 or --values=-1..1"),
        (RNG.random((2, 5, 5)) * 3, {"values": "0..1"}, "spans .* and not 0 to 1"),
        (np.full((2, 5, 5), np.nan), {"values": "0..1"}, "holds NaN or infinity"),
        (pixels(2, 3, 5, 3), {}, "--channels=first or --channels=last"),
        (pixels(2, 7, 5, 5), {}, "1, 3 or 4 channels"),
        (pixels(2, 5, 5), {"values": "0..1"}, "leave values out"),
        (pixels(1, 5, 5), {}, "holds one picture, but one to train on and one to test by"),
        (pixels(0, 5, 5), {}, "holds no pixels"),
    ],
)
def test_arrays_that_cannot_be_are_refused_in_one_line(tmp_path, array, given, said):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=said) as refused:
        make(tmp_path / "out", tmp_path / "a.npy", **given)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_other_sources_that_cannot_be(tmp_path, pictures):
    with pytest.raises(ValueError, match="holds no pictures"):
        make(tmp_path / "out", pictures)
    (tmp_path / "b.zip").write_bytes(b"PK not a zip")
    with pytest.raises(ValueError, match="no whole zip file"):
        make(tmp_path / "out", tmp_path / "b.zip")
    np.savez(tmp_path / "two.npz", a=pixels(2, 3, 3), b=pixels(2, 3, 3))
    with pytest.raises(ValueError, match="one array is needed"):
        make(tmp_path / "out", tmp_path / "two.npz")
    (tmp_path / "x.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no array that can be read"):
        make(tmp_path / "out", tmp_path / "x.npy")
    (tmp_path / "x.pdf").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no folder, \.zip, \.npy or \.npz"):
        open_source(tmp_path / "x.pdf")
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(ValueError, match="no regular file"):
        open_source(tmp_path / "pipe.npy")
    for wrong, said in (({"fit": "zoom"}, "unknown fit"), ({"test_share": 1.5}, "share between 0 and 1"),
                        ({"background": "blurple"}, "unknown colour"), ({"size": 1}, "size is 1"),
                        ({"sise": 3}, "unknown setting 'sise'")):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            resolve_import(pictures, 10, **wrong)
