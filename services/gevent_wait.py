"""Waiting for PostgreSQL under gevent, straight on its event loop.

psycopg's own way makes a selector, registers the socket and throws both away for every result;
gevent can resume a greenlet straight from its event loop. Compare `benchmarks/` when psycopg is
upgraded, and delete this file when it does as well by itself.
"""

import select
import selectors
from typing import Any

from gevent import get_hub, getcurrent, monkey
from psycopg import errors, waiting

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

    Results are nearly always waited for by reading, here for `timeout` seconds of silence at most.
    Everything else, like sending more than the socket takes at once, goes psycopg's way.
    """
    try:
        state = next(generator)
        while state == waiting.WAIT_R:
            _wait_readable(descriptor, timeout)
            state = generator.send(waiting.READY_R)
    except StopIteration as result:
        return result.value
    return waiting.wait_selector(_resumed(generator, state), descriptor, interval, timeout)


def _wait_readable(descriptor: int, timeout: float | None) -> None:
    # Never kept for the next time: the number may then be another socket's, of which the event
    # loop is told only by a new watcher. That costs a microsecond; a stale one waits for ever.
    hub = get_hub()
    watcher = hub.loop.io(descriptor, READ)
    timer = None
    if timeout is not None:
        timer = hub.loop.timer(timeout)
        # The loop's clock stands while a greenlet computes: by it, the time might be up already.
        timer.start(getcurrent().throw, errors._WaitTimeout, update=True)
    try:
        hub.wait(watcher)
    except errors._WaitTimeout:
        if not _is_readable(descriptor):  # else it was this process that stood still
            raise
    finally:
        watcher.close()
        if timer is not None:
            timer.close()


def _is_readable(descriptor: int) -> bool:
    poll = monkey.get_original("select", "poll")()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _resumed(generator: Any, state: Any) -> Any:
    """Return a generator that goes on where `generator` stands, having yielded `state`."""
    while True:
        ready = yield state
        try:
            state = generator.send(ready)
        except StopIteration as result:
            return result.value
