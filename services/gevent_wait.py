"""Waiting for PostgreSQL under gevent, straight on its event loop.

psycopg's own way makes a selector, registers the socket and throws both away for every result;
gevent can resume a greenlet straight from its event loop. Compare `benchmarks/` when psycopg is
upgraded, and delete this file when it does as well by itself.
"""

import selectors
from typing import Any

from gevent import get_hub
from psycopg import waiting

READ = 1  # gevent's, that is libev's, name for readable


def install() -> None:
    """Make every psycopg connection of this process wait this way.

    Connecting, and whatever is not waited for here, goes through the selector that psycopg found
    when it was imported: in gunicorn's master, so before the worker was patched.
    """
    waiting.wait = wait  # type: ignore[assignment]  # looser types, the same use
    waiting.DefaultSelector = selectors.DefaultSelector  # type: ignore[attr-defined]  # see above


def wait(
    generator: Any, descriptor: int, interval: float = 0.0, timeout: float | None = None
) -> Any:
    """Run a psycopg generator to its end; a drop-in for `psycopg.waiting.wait`.

    Results are nearly always waited for by reading. Everything else, like sending more than the
    socket takes at once or a deadline, goes psycopg's way.
    """
    if timeout is not None:
        return waiting.wait_selector(generator, descriptor, interval, timeout)
    try:
        state = next(generator)
        while state == waiting.WAIT_R:
            _wait_readable(descriptor)
            state = generator.send(waiting.READY_R)
    except StopIteration as result:
        return result.value
    return waiting.wait_selector(_resumed(generator, state), descriptor, interval)


def _wait_readable(descriptor: int) -> None:
    # Never kept for the next time: the number may then be another socket's, of which the event
    # loop is told only by a new watcher. That costs a microsecond; a stale one waits for ever.
    hub = get_hub()
    watcher = hub.loop.io(descriptor, READ)
    try:
        hub.wait(watcher)
    finally:
        watcher.close()


def _resumed(generator: Any, state: Any) -> Any:
    """Return a generator that goes on where `generator` stands, having yielded `state`."""
    while True:
        ready = yield state
        try:
            state = generator.send(ready)
        except StopIteration as result:
            return result.value
