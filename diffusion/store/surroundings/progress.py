"""Say how far a long command is: a bar on a terminal, a plain line now and then elsewhere."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

from diffusion.store.stops import uninterrupted

__all__ = ["bar", "on_terminal", "say_now_and_then", "show_training"]

FIRST, SHARE = 5.0, 0.02  # seconds between two plain lines: at least so many, or this share of what has gone by


def on_terminal() -> bool:
    """Return whether stderr is a terminal that can redraw a line."""
    stream = sys.stderr
    return stream is not None and not stream.closed and stream.isatty() and os.environ.get("TERM") != "dumb"


def say_now_and_then(tell: Callable[[], str]) -> Callable[[], None]:
    """Return what to call after each step: it prints what `tell` returns, ever more seldom as time goes on."""
    import click

    start = last = time.monotonic()

    def look() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= max(FIRST, SHARE * (now - start)):
            last = now
            click.echo(tell())

    return look


@contextlib.contextmanager
def _drawn(**how):
    """Yield a bar that is taken away even if a stop comes while it is drawn for the first time."""
    from tqdm import tqdm

    with contextlib.ExitStack() as stack:
        with uninterrupted():
            shown = stack.enter_context(tqdm(**how))
        yield shown


@contextlib.contextmanager
def bar(unit: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show progress in steps of a unit; yields what to call with the number of steps just done."""
    if on_terminal():
        with _drawn(total=total, unit=f" {unit}", unit_scale=True) as shown:
            yield shown.update
        return
    done = 0
    look = say_now_and_then(lambda: f"{100 * done // total}% of {total:,} {unit}" if total else f"{done:,} {unit}")

    def count(steps: int) -> None:
        nonlocal done
        done += steps
        look()

    yield count


@contextlib.contextmanager
def show_training(trainer):
    """Yield what to call after an epoch and after a batch: a bar on a terminal, plain lines elsewhere."""
    per_epoch = trainer.steps_per_epoch * trainer.settings.batch_size
    if not on_terminal():
        yield _plainly(trainer, per_epoch)
        return
    total = trainer.settings.epochs * per_epoch
    with _drawn(
        total=total, initial=trainer.epoch * per_epoch, unit=" images", unit_scale=True, smoothing=0.05
    ) as shown:

        def on_batch(done: int, loss) -> None:
            shown.update(done)
            if shown.n // per_epoch != (shown.n - done) // per_epoch or shown.n % (10 * done) == 0:
                text = f"epoch {trainer.epoch + 1}/{trainer.settings.epochs}, loss {float(loss):.4f}"
                shown.set_postfix_str(text, refresh=False)

        yield lambda record: None, on_batch


def _plainly(trainer, per_epoch: int):
    """Return what says an epoch's losses, and what says now and then how far the epoch at hand is."""
    import click

    epochs, start, done, last = trainer.settings.epochs, time.monotonic(), 0, 0.0

    def on_epoch(record) -> None:
        nonlocal start, done
        click.echo(
            f"epoch {record.epoch}/{epochs}: train {record.train_mean:.5f} "
            f"({record.train_min:.5f} to {record.train_max:.5f}), test {record.test_mean:.5f}, "
            f"{per_epoch / record.seconds:.0f} images/s"
        )
        start, done = time.monotonic(), 0

    def tell() -> str:
        rate, share = done / (time.monotonic() - start), len(trainer.losses) / trainer.steps_per_epoch
        return f"epoch {trainer.epoch + 1}/{epochs}, {share:.0%}: loss {float(last):.4f}, {rate:.0f} images/s"

    look = say_now_and_then(tell)

    def on_batch(images: int, loss) -> None:
        nonlocal done, last
        done, last = done + images, loss
        look()

    return on_epoch, on_batch
