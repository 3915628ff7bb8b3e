"""The three commands in processes of their own, started in milliseconds: their parent has the imports done already."""

import contextlib
import ctypes
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

from patience import PATIENCE

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        *("triangles.cli", "diffusion.cli", "diffusion.remaking", "diffusion.denoising.likelihood"),
        *("studies.cli", "studies.measures.measuring", "studies.report.html.page", "studies.report.tables.formatting"),
        *("studies.verdicts.judging", "pandas", "matplotlib.figure", "torch._dynamo"),
    ]
)

PR_SET_PDEATHSIG = 1
FAST = ["--precision", "float32", "--threads", "1"]
TRAINING = ["--widths", "4,8", "--batch-size", "16", "--ema", "0.9", *FAST]
SAMPLING = ["--count", "6", "--steps", "20", "--framed", "2", "--frames", "3", "--batch-size", "4", *FAST]


class Started:
    """A command under way in a session of its own; its words end up in files beside `folder`'s content."""

    def __init__(self, *words, folder: Path, memory: int | None = None):
        self.log = Path(folder) / f".log-{time.monotonic_ns()}"
        arguments = ([str(word) for word in words], str(folder), str(self.log), memory)
        self.process = FORKED.Process(target=_become, args=arguments)
        self.process.start()
        self.after(self.log.exists)

    def after(self, condition):
        """Wait until the condition holds; this command."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if not self.process.is_alive() or time.monotonic() > deadline:
                raise AssertionError(f"ended or late: {self.ended(0)}")
            time.sleep(0.005)
        return self

    def send(self, number: int):
        with contextlib.suppress(ProcessLookupError):  # it may end by itself between one line and the next
            if self.process.is_alive():
                os.kill(self.process.pid, number)
        return self

    def ended(self, seconds=PATIENCE) -> tuple[int, str]:
        """(exit code, all it said) once it has ended; a code of -9 is that of a killed process."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, "still running"
        said = self.log.read_text(errors="surrogateescape") if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return self.process.exitcode, said


def call(*words, folder: Path, memory: int | None = None) -> tuple[int, str]:
    """Run a command to its end: (exit code, all it said)."""
    return Started(*words, folder=folder, memory=memory).ended()


def refusal(said: str, name: str = "diffusion") -> str:
    """The one line of a refusal, which must be all that went wrong."""
    assert "Traceback" not in said, said
    lines = [line for line in said.splitlines() if line.startswith(f"{name}: error: ")]
    assert len(lines) == 1, said
    assert said.splitlines()[-1] == lines[0], said
    return lines[0]


def _become(words: list[str], folder: str, log: str, memory: int | None) -> None:
    import importlib

    import torch

    os.setsid()
    with contextlib.suppress(AttributeError):  # Linux: nothing outlives the tests
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(folder)
    for number in (signal.SIGINT, signal.SIGTERM):  # as in a shell's child, until the command minds them itself
        signal.signal(number, signal.SIG_DFL)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(stream, number)
    if memory:
        here = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (here + memory, here + memory))
    torch.set_num_threads(1)
    sys.argv = words
    if words[0] == "triangles":
        signal.signal(signal.SIGINT, signal.default_int_handler)
    importlib.import_module(f"{words[0]}.cli").main()


def fill(folder, leave):
    """Fill the disk but for so many bytes."""
    (folder / "filler").write_bytes(b"x")
    with (folder / "filler").open("wb") as stream:
        stream.write(b"x" * (shutil.disk_usage(folder).free - leave))
