"""What tests/test_gevent.py runs in a process of its own, patched as gunicorn's workers are.

`python -m tests.under_gevent NAME` runs one function and prints what it returns as JSON.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - nothing may be imported before it is patched
import random  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from contextlib import suppress  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from sqlalchemy.pool import QueuePool  # noqa: E402

from config import settings  # noqa: E402
from services.db_client import DatabaseClient, find_database_url  # noqa: E402
from services.password_service import PasswordService  # noqa: E402
from tests.sql import run  # noqa: E402

SLEEPERS = 5
PRODUCTION_MEMORY_KIB = 19_456
GREENLETS, QUERIES = 8, 60


def client_with(pool_size: int) -> DatabaseClient:
    options = settings.model_copy(update={"database_pool_size": pool_size})
    return DatabaseClient(find_database_url, options)


def together(works: list[Callable[[], Any]]) -> list[Any]:
    """Run each in a greenlet of its own; an error of one is raised here."""
    greenlets = [gevent.spawn(work) for work in works]
    gevent.joinall(greenlets, raise_error=True)
    return [greenlet.get() for greenlet in greenlets]


class Ticker:
    """A greenlet that counts as long as the event loop lets it."""

    def __init__(self) -> None:
        self.ticks = 0
        self._greenlet = gevent.spawn(self._tick)
        gevent.sleep(0)

    def _tick(self) -> None:
        while True:
            gevent.sleep(0.001)
            self.ticks += 1

    def stop(self) -> int:
        self._greenlet.kill()
        return self.ticks


def sleep_in_the_database() -> dict[str, Any]:
    """Let the database sleep for several greenlets at once."""
    client = client_with(SLEEPERS)
    together([partial(client.reading, lambda: run(client, "SELECT 1"))] * SLEEPERS)
    begin = time.monotonic()
    together([partial(client.reading, lambda: run(client, "SELECT pg_sleep(0.5)"))] * SLEEPERS)
    return {"seconds": time.monotonic() - begin}


def hash_passwords() -> dict[str, Any]:
    """Hash passwords at the cost of production while another greenlet ticks."""
    passwords = PasswordService(
        settings.model_copy(update={"password_memory_kib": PRODUCTION_MEMORY_KIB})
    )
    passwords.hash_new("starts the threads")
    ticker = Ticker()
    hashes = together([partial(passwords.hash_new, f"of person {n}") for n in range(5)])
    return {"hashes": len(set(hashes)), "ticks": ticker.stop()}


def check_passwords_of_nobody() -> dict[str, Any]:
    """Check passwords of unknown accounts, which takes as long as that of known ones."""
    passwords = PasswordService(
        settings.model_copy(update={"password_memory_kib": PRODUCTION_MEMORY_KIB})
    )
    ticker = Ticker()
    together([partial(passwords.matches, f"of person {n}", None) for n in range(5)])
    return {"ticks": ticker.stop()}


def interrupt_a_query() -> dict[str, Any]:
    """Interrupt a query, then ask for something else on the only connection."""
    client = client_with(1)
    before = client.reading(lambda: run(client, "SELECT 'before'"))
    with gevent.Timeout(0.1, False):  # noqa: FBT003 - gevent's way to say: silently
        client.reading(lambda: run(client, "SELECT 'interrupted' FROM pg_sleep(60)"))
    return {"answers": [before, client.reading(lambda: run(client, "SELECT 'after'"))]}
