"""Waiting for PostgreSQL under gevent, with one cached watcher for each connection.

psycopg's own way makes a selector, registers the socket and throws both away for every result;
gevent can resume a greenlet straight from its event loop. Compare `benchmarks/` when psycopg is
upgraded, and delete this file when it does as well by itself.
"""

from typing import Any

from gevent import get_hub
from psycopg import waiting

READ = 1  # gevent's, that is libev's, name for readable

_psycopg_wait = waiting.wait
_watchers: dict[int, Any] = {}


def install() -> None:
    """Make every psycopg connection of this process wait this way."""
    waiting.wait = wait  # type: ignore[assignment]  # looser types, the same use


def wait(
    generator: Any, descriptor: int, interval: float = 0.0, timeout: float | None = None
) -> Any:
    """Run a psycopg generator to its end; a drop-in for `psycopg.waiting.wait`.

    Results are nearly always waited for by reading. Everything else, like sending more than the
    socket takes at once or a deadline, goes psycopg's way.
    """
    if timeout is not None:
        return _psycopg_wait(generator, descriptor, interval, timeout)
    try:
        state = next(generator)
        while state == waiting.WAIT_R:
            _wait_readable(descriptor)
            state = generator.send(waiting.READY_R)
    except StopIteration as result:
        return result.value
    return _psycopg_wait(_resumed(generator, state), descriptor, interval)


def _wait_readable(descriptor: int) -> None:
    hub = get_hub()
    watcher = _watchers.get(descriptor)
    if watcher is None or watcher.loop is not hub.loop:
        watcher = _watchers[descriptor] = hub.loop.io(descriptor, READ)
    hub.wait(watcher)


def _resumed(generator: Any, state: Any) -> Any:
    """Return a generator that goes on where `generator` stands, having yielded `state`."""
    while True:
        ready = yield state
        try:
            state = generator.send(ready)
        except StopIteration as result:
            return result.value
