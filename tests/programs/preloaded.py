"""Programs that start in milliseconds: a server has the libraries imported, and forks a process for each call.

A workflow of a hundred jobs is then a hundred forks instead of a hundred imports of torch. Everything else is as when
the console scripts run: the project's own modules are imported by each job, from the folder that PYTHONPATH names.
Each program's stand-in hands its words, surroundings and open streams to the server, passes signals on, and ends as
the program did. Run as a script, this file is the server.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PROGRAMS = {name: f"{name}.__main__" for name in ("triangles", "diffusion", "studies")} | {"snakemake": "snakemake.cli"}
LIBRARIES = (
    *(
        "torch",
        "torch._dynamo",
        "numpy",
        "pandas",
        "scipy.stats",
        "scipy.ndimage",
        "scipy.optimize",
        "scipy.spatial",
        "pydantic",
    ),
    *("sklearn.neighbors", "PIL.Image", "PIL.ImageDraw", "skimage.transform", "yaml", "jinja2", "click", "tqdm"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "seaborn"),
    *("safetensors.torch", "filelock", "threadpoolctl", "snakemake.cli", "snakemake.workflow"),
)
STREAMS = range(4)  # standard streams, and the terminal that jobs of the workflow are handed as 3
PR_SET_PDEATHSIG = 1

STAND_IN = """\
#!{python} -IS
import json, os, signal, socket, sys

def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False

streams = [number for number in {streams} if is_open(number)]
server = socket.socket(socket.AF_UNIX)
server.connect({place!r})
call = {{"program": {program!r}, "words": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
socket.send_fds(server, [b"."], streams)
server.sendall(json.dumps(call | {{"streams": streams}}).encode() + b"\\n")
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: server.sendall(bytes([number])))
code = int(server.recv(9))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@functools.cache
def programs() -> Path:
    """Start this process's server and return a folder with a stand-in for each program, to put first in PATH."""
    folder = Path(tempfile.mkdtemp(prefix="programs-"))
    place = str(folder / "server")
    server = subprocess.Popen(
        [sys.executable, "-P", __file__, place],
        env=os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert server.stdout.readline() == b"ready\n"
    for name in PROGRAMS:
        text = STAND_IN.format(python=sys.executable, streams=list(STREAMS), place=place, program=name)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def die_with_parent() -> None:
    with contextlib.suppress(AttributeError):  # Linux: nothing outlives the tests
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def serve(place: str) -> dict:
    """Fork for each connection; return in the process that is to become a program, with its call."""
    die_with_parent()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(place)
    listening.listen(64)
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not os.fork():
            listening.close()
            return attend(connection)
        connection.close()


def attend(connection: socket.socket) -> dict:
    """Return the call in a process of its own; pass signals to that process, and its end back."""
    streams = socket.recv_fds(connection, 1, len(STREAMS))[1]
    call = json.loads(connection.makefile().readline())
    minder, process = os.getpid(), os.fork()
    if not process:
        die_with_parent()
        connection.close()
        if os.getppid() != minder:
            os._exit(1)
        return call | {"handed": streams}
    for stream in {*streams, 0, 1, 2}:
        os.close(stream)
    mind(connection, process)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with contextlib.suppress(OSError):
        connection.sendall(str(code).encode())
    os._exit(0)


def mind(connection: socket.socket, process: int) -> None:
    """Wait for the end of the process; signals that come meanwhile are for it, and it dies with who called."""
    end = os.pidfd_open(process)
    while end not in (ready := select.select([end, connection], [], [])[0]):
        if connection in ready:
            numbers = connection.recv(9) or bytes([signal.SIGKILL])
            for number in numbers:
                os.kill(process, number)
            if signal.SIGKILL in numbers:
                return


def become(call: dict) -> None:
    """Take on the caller's words, surroundings and streams."""
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    handed = dict(zip(call["streams"], call["handed"], strict=True))
    spare = max([*STREAMS, *handed.values()]) + 1
    for number, stream in handed.items():  # out of the way of the numbers that they are to get
        os.dup2(stream, spare + number)
        os.close(stream)
    for number in STREAMS:
        if number in handed:
            os.dup2(spare + number, number)
            os.close(spare + number)
        else:
            with contextlib.suppress(OSError):
                os.close(number)
    sys.argv, sys.dont_write_bytecode = call["words"], "PYTHONDONTWRITEBYTECODE" in os.environ
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def leave(main) -> None:
    """Run the program and end as the interpreter would, but without taking down every library, which takes a second."""
    code = 1
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # else each process copies what it never changes
    CALL = serve(sys.argv[1])
    become(CALL)
    leave(importlib.import_module(PROGRAMS[CALL["program"]]).main)
