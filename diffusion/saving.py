"""When a training's state is saved: often enough to lose little, seldom enough to cost little, before every stop."""

import json
import threading
import time
from pathlib import Path

import torch

from diffusion.checkpoints import IDENTITY, tensors_of, told_of, write_tensors
from diffusion.store.locks import saving
from diffusion.store.names import CHECKPOINT
from diffusion.training import Trainer

__all__ = ["Saver"]

MOST_LOST = 50.0  # seconds of work between two saves; with the writing, a kill loses less than 60
SHARE = 0.02  # of a run's time that may go into saving


class Saver:
    """The checkpoint of a training in its locked folder, written by a thread from a copy of the state.

    identity: of the run; the checkpoint tells it, so that no other run goes on from it.
    Used as a context: at its end what is being written is written.
    """

    def __init__(self, trainer: Trainer, folder: Path, identity: dict):
        self.trainer, self.folder = trainer, folder
        self._identity = {IDENTITY: json.dumps(identity)}
        self._thread, self._error = None, None
        self._last, self._cost = time.monotonic(), 0.0  # when the state was last copied; seconds that a save took

    def __enter__(self) -> "Saver":
        return self

    def __exit__(self, kind, error, trace) -> None:
        if error:
            self._wait()
        else:
            self.join()

    def step_ended(self) -> None:
        """Save if too much would be lost."""
        self._save_after(MOST_LOST)

    def epoch_ended(self) -> None:
        """Save if it is cheap beside the work since the last time, or too much would be lost."""
        self._save_after(min(self._cost / SHARE, MOST_LOST))

    def _save_after(self, seconds: float) -> None:
        busy = self._thread and self._thread.is_alive()
        if not busy and time.monotonic() - self._last >= seconds:
            self.save()

    def save(self) -> None:
        """Copy the state now; a thread writes it. OSError where the last one could not be written."""
        self.join()
        self._last = time.monotonic()
        # a GPU's tensors are copied by this, and a CPU's too: training goes on changing them
        state = {name: value.detach().to("cpu", copy=True) for name, value in tensors_of(self.trainer).items()}
        self._thread = threading.Thread(
            target=self._write, args=(state, told_of(self.trainer) | self._identity), name="save"
        )
        self._thread.start()

    def _write(self, state: dict[str, torch.Tensor], told: dict[str, str]) -> None:
        try:
            # what has diverged is found at the epoch's end; the last good state must not be gone by then
            if all(value.isfinite().all() for value in state.values()):
                with saving(self.folder):
                    write_tensors(self.folder / CHECKPOINT, state, told, sealed=True)
            self._cost = time.monotonic() - self._last
        except BaseException as error:
            self._error = error

    def _wait(self) -> None:
        if self._thread:
            self._thread.join()

    def join(self) -> None:
        """Wait until what is saved is written.

        Raises:
            OSError: it could not be.
        """
        self._wait()
        error, self._error = self._error, None
        if error:
            raise error
