"""10,000 triangles and 2,000 for the test by each preparation, against a Pillow loop that writes and rereads files."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.timing import alternate, speeds
from triangles.datasets import write_dataset
from triangles.rendering import draw_parameters
from triangles.settings import resolve


def plain(folder: Path, settings, split: str) -> np.ndarray:
    """What a script would do: draw, save, and later open, resize and stack."""
    folder.mkdir(parents=True)
    names = [folder / f"{i}.{'npy' if settings.format == 'npy' else 'jpg'}" for i in range(settings.count)]
    vertices = draw_parameters(settings, split)
    for name, triangle in zip(names, vertices, strict=False):
        image = Image.new("L", (settings.draw_size,) * 2)
        ImageDraw.Draw(image).polygon([tuple(p) for p in np.floor(triangle * settings.draw_size)], fill=255)
        np.save(name, np.asarray(image)) if settings.format == "npy" else image.save(name, quality=settings.quality)
    return np.stack([_reread(name, settings) for name in names[: len(vertices)]])


def _reread(name: Path, settings) -> np.ndarray:
    if settings.format == "npy":
        return np.load(name)
    image = Image.open(name)
    if settings.draw_size != settings.size:
        image = image.resize((settings.size,) * 2, Image.Resampling.BICUBIC)
    return np.asarray(image)


def run(rounds: int = 3, count: int = 10_000):
    """Yield one table a preparation; raises AssertionError where the bytes differ."""
    for name in ("low", "high", "array"):
        settings = resolve(name, count=count, test_count=count // 5)
        with tempfile.TemporaryDirectory() as temporary:
            yield name, _contest(Path(temporary), settings, rounds)


def _contest(folder: Path, settings, rounds: int):
    done = []

    def by_loop():
        target = folder / f"plain{len(done)}"
        arrays = {split: plain(target / split, settings, split) for split in ("train", "test")}
        done.append(arrays)
        return settings.count + settings.test_count

    def by_us(workers):
        target = folder / f"ours{workers}-{len(list(folder.iterdir()))}"
        write_dataset(target, settings, workers=workers)
        if done:
            assert all(np.array_equal(np.load(target / f"{split}.npy"), done[0][split]) for split in done[0])
        return settings.count + settings.test_count

    contenders = {"plain loop": by_loop, "1 worker": lambda: by_us(1), "2 workers": lambda: by_us(2)}
    return speeds(alternate(contenders, rounds), "plain loop")
