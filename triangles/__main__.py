"""Where the command `triangles` starts: a stop that comes while it is still being imported is one line, too.

`diffusion` has such a start of its own, as the two rooms know nothing of each other.
"""

import os
import signal


def _leave(number, frame):
    word = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    os.write(2, f"triangles: {word}\n".encode())
    os._exit(128 + number)


def main():
    """Run the command; from its first lines on it minds stops itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from triangles.cli import main as run

    run()


if __name__ == "__main__":
    main()
