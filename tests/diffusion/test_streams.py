"""Random draws for one purpose each."""

from concurrent.futures import ThreadPoolExecutor

import torch

from diffusion.streams import seeded


def draw(seed: int) -> torch.Tensor:
    with seeded(seed):
        return torch.stack([torch.randn(1000) for _ in range(100)])


def test_threads_that_draw_weights_at_once_draw_what_each_would_alone():
    alone, before = [draw(seed) for seed in range(8)], torch.random.get_rng_state()
    with ThreadPoolExecutor(8) as pool:
        beside = list(pool.map(draw, range(8)))
    assert all(map(torch.equal, alone, beside))
    assert torch.equal(torch.random.get_rng_state(), before)
