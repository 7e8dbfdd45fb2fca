"""Waiting for what another process does, instead of sleeping."""

import time
from collections.abc import Callable

# Seconds: how fast things are is measured in benchmarks; here the machine may be busy.
PATIENCE = 60.0


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return as soon as the condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
