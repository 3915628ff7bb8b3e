"""Images a second in training: the thesis's listing, a bare loop, ours in float32 and as it picks for itself."""

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from benchmarks.timing import alternate, speeds
from diffusion.devices import choose
from diffusion.images import to_network
from diffusion.networks.thesis_unet import ThesisUNet
from diffusion.schedules import schedule
from diffusion.settings import TrainSettings
from diffusion.training import Trainer

WIDTHS = {"1/8": (8, 16, 32, 64, 128), "1/4": (16, 32, 64, 128, 256), "full": (64, 128, 256, 512, 1024)}
FULL_BATCH = 8  # at full widths a step of 128 images takes many seconds on one thread


def gathered(values, t, shape):
    return values.gather(-1, t).reshape(t.shape[0], *((1,) * (len(shape) - 1)))


def listing_loader(images, batch_size):
    return DataLoader(to_network(torch.from_numpy(images), "symmetric"), batch_size, shuffle=True, drop_last=True)


def listing_step(network, optimizer, batch, abar):
    """Listing 4.2, one batch: coefficients computed again, the loss read. Returns the loss."""
    t = torch.randint(0, len(abar), (len(batch),)).long()
    noise = torch.randn_like(batch)
    noisy = gathered(abar.sqrt(), t, batch.shape) * batch + gathered((1 - abar).sqrt(), t, batch.shape) * noise
    predicted = network(noisy, t)
    optimizer.zero_grad()
    loss = functional.mse_loss(noise, predicted)
    value = loss.item()
    loss.backward()
    optimizer.step()
    return value


def linear_abar():
    return torch.from_numpy(schedule("linear").abar).float()


def listing(images, widths, batch_size):
    """Listing 4.2: a loader, coefficients computed at every step, the loss read at every step."""
    abar = linear_abar()
    network = ThesisUNet(1, TrainSettings(widths=widths))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    loader = listing_loader(images, batch_size)

    def epoch():
        losses = [listing_step(network, optimizer, batch, abar) for batch in loader]
        return len(losses) * batch_size

    return epoch


def bare(images, widths, batch_size):
    """The network and Adam on one ready batch, nothing else: what float32 in the default layout can do at most."""
    network = ThesisUNet(1, TrainSettings(widths=widths))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    x, t = torch.randn(batch_size, 1, 32, 32), torch.randint(0, 1000, (batch_size,))
    steps = len(images) // batch_size

    def epoch():
        for _ in range(steps):
            optimizer.zero_grad()
            functional.mse_loss(network(x, t), x).backward()
            optimizer.step()
        return steps * batch_size

    return epoch


def ours(images, widths, batch_size, precision):
    settings = TrainSettings(widths=widths, batch_size=batch_size, precision=precision)
    return epoch_of(Trainer(settings, images, None, choose(precision=precision)))


def epoch_of(trainer):
    """A call that trains for one epoch and returns the number of images."""

    def epoch():
        return trainer.settings.batch_size * sum(1 for _ in trainer.steps(trainer.order(), trainer.source()))

    return epoch


def contest(widths: str, threads: int, batch_size: int = 128, rounds: int = 7, steps: int = 4):
    """Images a second of each contender, as ratios to the listing: by wall time and, the last column, by CPU time."""
    torch.set_num_threads(threads)
    channels = WIDTHS[widths]
    images = np.random.default_rng(0).integers(0, 256, (steps * batch_size, 1, 32, 32), dtype=np.uint8)
    contenders = {
        "listing": listing(images, channels, batch_size),
        "bare loop": bare(images, channels, batch_size),
        "ours, float32": ours(images, channels, batch_size, "float32"),
        "ours, auto": ours(images, channels, batch_size, "auto"),
    }
    for contender in contenders.values():
        contender()  # warm-up, left out
    table = alternate(contenders, rounds)
    by_cpu = speeds(table.assign(seconds=table["cpu_seconds"]), "listing")
    return speeds(table, "listing").assign(by_cpu=by_cpu["ratio"])


def run(widths=tuple(WIDTHS), threads=(1, 2), batch_size: int = 128, rounds: int = 7, steps: int = 4):
    """Yield (widths, threads, batch size, table) for each of widths x threads; at full widths the batch is 8."""
    for name in widths:
        for count in threads:
            batch = min(batch_size, FULL_BATCH) if name == "full" else batch_size
            yield name, count, batch, contest(name, count, batch, rounds, steps)
