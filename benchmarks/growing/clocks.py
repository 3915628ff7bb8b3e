"""The clocks of a piece of work."""

import time


def clocked(call):
    """Return what `call()` returns, and {"seconds": wall, "cpu_seconds": of this process}."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
