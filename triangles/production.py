"""Spread rendering over processes: chunks of parameters in, the same chunks of images out, in order."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from triangles import workers as worker_process
from triangles.kinds import KINDS

__all__ = ["produce"]

PIXELS_A_CHUNK = 2**28  # drawn pixels: about a fifth of a second of work


def produce(parameters, settings, workers=1, folder=None):
    """Yield uint8 chunks (n, size, size[, 3]) for each split of {split: parameters (N, ...)}, in order.

    A chunk never spans two splits.

    Args:
        parameters: {split: float64 (N, ...)}.
        settings: how to render them, `triangles.settings.Settings`.
        workers: processes, at least 1.
        folder: where to leave the image files, in folder/split; None leaves none.

    Raises:
        ValueError: fewer than 1 worker.
        ChildProcessError: a worker was killed.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}, but at least 1 is needed: give a larger number")
    step = max(1, PIXELS_A_CHUNK // max(settings.draw_size, 128) ** 2)
    kind = KINDS[settings.kind]  # sent along, as a fresh process has not imported the plugin that registered it
    tasks = [
        (kind, some[i : i + step], settings, folder and folder / split, i)
        for split, some in parameters.items()
        for i in range(0, len(some), step)
    ]
    workers = min(workers, len(tasks) // 2)  # for less a fresh process takes longer to start than to work
    yield from map(_render_task, tasks) if workers <= 1 else _spread(tasks, workers)


def _render_task(task):
    kind, parameters, settings, folder, first = task
    if folder is None:
        return kind.render(parameters, settings)
    return kind.render_plain(parameters, settings, folder, first)


def _spread(tasks, workers):
    """Yield the results of `_render_task` in order, each made by one of so many processes."""
    # Fresh processes: a forked one would inherit the parent's threads and locks in an unknown state.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=worker_process.start)
    worker_process.mind_the_dead(pool)
    try:
        with worker_process.starting():
            made = pool.map(_render_task, tasks)
        yield from made
    except BrokenProcessPool as error:
        message = "a worker process ended before its work, perhaps for lack of memory: lower --workers"
        raise ChildProcessError(message) from error
    finally:
        worker_process.let_go(pool)
        pool.shutdown(wait=True, cancel_futures=True)
