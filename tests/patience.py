"""How long tests wait for what takes seconds on an idle machine, before they take it for stuck: one limit for all."""

import time

PATIENCE = 1800.0  # seconds


def wait_until(condition, lives=lambda: True, look=0.02):
    """Wait until the condition holds; AssertionError where what makes it true lives no more, or after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert lives(), "it ended before"
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s"
        time.sleep(look)
