"""Reads a run's weights, and makes images: in colour to train on, and in place of samples."""

import hashlib
import json

import numpy as np
from safetensors import safe_open


def coloured(folder, train, test):
    """Write train.npy and test.npy of rectangles, each of one colour on another."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True)
    for name, count in {"train": train, "test": test}.items():
        images = np.zeros((count, 8, 8, 3), np.uint8)
        for image in images:
            image[:] = rng.choice([0, 255], 3)
            top, left, height, width = rng.integers([0, 0, 2, 2], [5, 5, 5, 5])
            image[top : top + height, left : left + width] = rng.integers(0, 256, 3)
        np.save(folder / f"{name}.npy", images)


def tensors(place):
    """Read a run's weights, by name in order of names."""
    with safe_open(place / "model.safetensors", "np") as stream:
        return {name: stream.get_tensor(name) for name in sorted(stream.keys())}


def flat(found):
    """Join tensors into one float32 array; the whole numbers among them, counts of batches, are small."""
    return np.concatenate([value.ravel().astype(np.float32) for value in found.values()])


def stand_in(data, path):
    """Put images that look like samples in place of samples.npy or such, as if they had been drawn.

    Models so barely trained draw blank images, of which most measures are undefined. These are real ones, fainter and
    noisy, and two at once, and some that the measures look for: copies, repetitions and blanks.
    """
    rng = np.random.default_rng(len(path.stem))
    train, test = (np.load(data / f"{name}.npy").astype(np.float32) / 255 for name in ("train", "test"))
    chosen = test[rng.permutation(len(test))]
    faint = chosen[:40] * rng.uniform(0.6, 1, (40, 1, 1)) + rng.normal(0, 0.03, chosen[:40].shape)
    images = [faint, np.maximum(chosen[40:46], chosen[46:52]), train[:4], chosen[[52, 52]], 0 * chosen[:2]]
    np.save(path, np.concatenate(images).clip(0, 1).astype(np.float32))
    record = path.with_suffix(".json")
    told = json.loads(record.read_text())
    told.pop("checksum", None)  # as in records of older versions
    told["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    record.write_text(json.dumps(told))
