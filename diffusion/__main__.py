"""Where the command `diffusion` starts, and `studies` with it: a stop while it is still imported is one line, too."""

import os
import signal
import sys
from importlib import import_module

from diffusion.store.surroundings.environment import find_shadow


def start(name: str) -> None:
    """Run the command of a room; from its first lines on it minds stops itself."""

    def leave(number, frame):
        word = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
        os.write(2, f"{name}: {word}\n".encode())
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    if shadow := find_shadow():
        os.write(2, f"{name}: error: {shadow}\n".encode(errors="backslashreplace"))
        sys.exit(2)
    import_module(f"{name}.cli").main()


def main():
    """Run `diffusion`."""
    start("diffusion")


if __name__ == "__main__":
    main()
