"""What keeps a GPU at work changes no number: judged on the CPU, where the plain loop is at hand."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from diffusion.accelerator import graphs
from diffusion.accelerator.feeding import ahead
from diffusion.accelerator.memory import fitting, told_what_fits
from diffusion.accelerator.trees import layout, mapped
from diffusion.denoising.sampling import ImageNoise
from diffusion.devices import choose
from diffusion.settings import TrainSettings
from diffusion.store.surroundings.memory import TooLargeError
from diffusion.training import Trainer, trainer

CPU = torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (70, 1, 8, 8), dtype=np.uint8)


def threads():
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_what_is_made_ahead_comes_in_order_and_its_error_in_its_place():
    def items():
        yield from range(20)
        raise OSError("the disk is gone")

    taken = ahead(items(), depth=3)
    assert list(itertools.islice(taken, 20)) == list(range(20))
    with pytest.raises(OSError, match="the disk is gone"):
        next(taken)
    assert threads() == 0


def test_who_leaves_early_ends_the_thread():
    taken = ahead(itertools.count())
    assert next(taken) == 0
    taken.close()
    assert threads() == 0


def test_training_on_draws_made_ahead_is_training_on_draws(monkeypatch):
    settings = TrainSettings(widths=(4, 8), epochs=2, batch_size=16, precision="float32")
    place = choose("cpu", "float32")
    plain = Trainer(settings, IMAGES, IMAGES[:30], place)
    wanted = [(r.train_mean, r.train_min, r.test_mean) for r in plain.epochs()]
    monkeypatch.setattr(trainer, "fed", lambda items, device: ahead(items))
    found = [(r.train_mean, r.train_min, r.test_mean) for r in Trainer(settings, IMAGES, IMAGES[:30], place).epochs()]
    assert found == wanted


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 3, 3), (3, 5, 7)])
def test_noise_made_ahead_is_the_noise_whatever_is_drawn_between(shape):
    """Both by one's own calls of the generators, which is the order that images depend on."""

    def draws(noise):
        yield from (noise(), noise(), noise())
        yield noise.each(lambda source: torch.rand(shape, generator=source))
        yield noise()
        yield torch.stack([torch.randint(9, (3,), generator=source) for source in noise.generators])
        yield noise()
        noise.close()

    found = list(draws(ImageNoise(5, range(3, 7), shape, CPU, ahead=True)))
    wanted = list(draws(ImageNoise(5, range(3, 7), shape, CPU)))
    assert all(map(torch.equal, found, wanted))
    assert threads() == 0


@dataclass(frozen=True)
class Pair:
    x: Tensor
    told: str


def test_tensors_are_found_wherever_they_lie():
    tree = {"a": [torch.ones(2), (Pair(torch.zeros(3), "b"), 4)]}
    doubled = mapped(lambda one, other: one + other, tree, tree)
    assert doubled["a"][0].tolist() == [2, 2]
    assert doubled["a"][1][0].told == "b"
    assert doubled["a"][1][1] == 4
    assert layout(tree) == layout(mapped(Tensor.clone, tree))
    assert layout(tree) != layout({"a": [torch.ones(2), (Pair(torch.zeros(3), "c"), 4)]})
    assert layout(tree) != layout({"a": [torch.ones(2), (Pair(torch.zeros(4), "b"), 4)]})


def test_a_cpu_takes_the_usual_batch_without_trying():
    assert fitting(lambda count: 1 / 0, 5000, choose("cpu", "float32")) == 128


def test_compiling_without_cuda_is_refused():
    with pytest.raises(ValueError, match="--compile is for CUDA, and cpu computes here"):
        choose("cpu", "float32", compiles=True)


@pytest.mark.parametrize(("batch", "fits"), [(512, 48), (512, None), (1, 48)])
def test_a_card_that_is_too_small_is_told_with_the_batch_that_would_fit(batch, fits, monkeypatch):
    def find():
        if fits is None:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return fits

    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    advice = "--batch-size 48 would fit" if fits and batch > 1 else "wait for what else is on it, or take another"
    with pytest.raises(TooLargeError, match=advice), told_what_fits(batch, find, choose("cpu", "float32")):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_the_captures_of_a_thread_share_a_stream_that_no_other_thread_has(monkeypatch):
    streams = iter(range(99))
    monkeypatch.setattr(torch.cuda, "Stream", lambda: next(streams))
    monkeypatch.setattr(graphs, "MINE", threading.local())
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        found = [pool.submit(graphs.Captured, abs, "it").result().stream for pool in (one, other, one, other)]
    assert found == [0, 1, 0, 1]
