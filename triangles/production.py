"""Rendering spread over processes: chunks of triangles in, the same chunks of images out, in order."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from triangles import workers as worker_process
from triangles.rendering import render, render_plain

__all__ = ["produce"]

PIXELS_A_CHUNK = 2**28  # drawn pixels: about a fifth of a second of work


def produce(vertices, settings, workers=1, folder=None):
    """Yield uint8 (n, size, size) chunks for each split of {split: vertices (N, 3, 2)}, in order.

    With a `folder` the image files are left in folder/split. A chunk never spans two splits.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}, but at least 1 is needed")
    step = max(1, PIXELS_A_CHUNK // max(settings.draw_size, 128) ** 2)
    tasks = [
        (corners[i : i + step], settings, folder and folder / split, i)
        for split, corners in vertices.items()
        for i in range(0, len(corners), step)
    ]
    workers = min(workers, len(tasks) // 2)  # for less a fresh process takes longer to start than to work
    yield from map(_render_task, tasks) if workers <= 1 else _spread(tasks, workers)


def _render_task(task):
    vertices, settings, folder, first = task
    return render(vertices, settings) if folder is None else render_plain(vertices, settings, folder, first)


def _spread(tasks, workers):
    # Fresh processes: a forked one would inherit the parent's threads and locks in an unknown state.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=worker_process.start)
    try:
        yield from pool.map(_render_task, tasks)
    except BrokenProcessPool as error:
        message = "a worker process ended before its work, perhaps for want of memory; lower --workers"
        raise ChildProcessError(message) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
