"""Stop a workflow by Ctrl-C in one line, which says what is saved, and with exit code 130."""

import signal
import sys
import threading
from collections.abc import Callable

from diffusion.store.stops import Stops

__all__ = ["CODE", "Stop"]

MOST = 4  # half-done runs that the last line names
CODE = 128 + signal.SIGINT


class Stop:
    """Remembers that the user pressed Ctrl-C, and passes it on to the jobs: they save what they have and end."""

    def __init__(self):
        self.asked, self.stops = False, Stops(KeyboardInterrupt)

    def __bool__(self) -> bool:
        return self.asked

    def install(self) -> None:
        """Mind Ctrl-C from now on; no traceback, wherever it comes."""
        if threading.current_thread() is not threading.main_thread():
            return
        self.stops.__enter__()  # for as long as the process lives
        signal.signal(signal.SIGINT, self._note)
        before = sys.excepthook

        def hook(kind, error, traceback):
            if issubclass(kind, KeyboardInterrupt):
                print("stopped: nothing was under way; the same command starts it", file=sys.stderr)
            else:
                before(kind, error, traceback)

        sys.excepthook = hook

    def _note(self, number, frame) -> None:
        again, self.asked = self.stops.lost, True
        for child in _list_children() if not again else ():
            child.send_signal(number)  # those of a terminal have it already, and mind only the first
        if self.stops.is_due(number, frame):
            raise KeyboardInterrupt

    def end(self, say: Callable[[str], None], half_done: list[str]) -> None:
        """Say what is saved, and leave with the exit code of Ctrl-C."""
        shown, more = half_done[:MOST], len(half_done) - MOST
        shown += [f"as much of {more} more runs"] if more > 0 else []
        saved = f", and {', '.join(shown)}" if shown else ""
        say(f"stopped: finished jobs are saved{saved}; the same command goes on")
        sys.exit(CODE)


def _list_children() -> list:
    import psutil

    try:
        return psutil.Process().children(recursive=True)
    except psutil.Error:
        return []
