"""Connections to the database are handed out in the order in which they were asked for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import exc

from config import settings
from services.connection_pool import ConnectionPool
from services.db_client import DatabaseClient
from tests.waiting import wait_until

WAITING = 5


@pytest.fixture
def client(database: str) -> Iterator[DatabaseClient]:
    client = DatabaseClient(lambda: database, settings)
    yield client
    client.dispose()


@pytest.fixture
def pool(client: DatabaseClient) -> Iterator[ConnectionPool]:
    """A pool of one connection."""
    pool = ConnectionPool(client.engine, size=1, seconds=10)
    yield pool
    pool.dispose()


def test_who_has_waited_is_served_before_who_comes_by(pool: ConnectionPool) -> None:
    served: list[Any] = []

    def ask(name: Any) -> None:
        connection = pool.take()
        served.append(name)
        pool.give_back(connection)

    with ThreadPoolExecutor(WAITING) as threads:
        held = pool.take()
        for number in range(WAITING):
            threads.submit(ask, number)
            wait_until(lambda: pool.waiting == number + 1)  # noqa: B023 - called here
        pool.give_back(held)
        ask("who comes by")
    assert served == [*range(WAITING), "who comes by"]


def test_who_gave_up_is_not_waited_for(client: DatabaseClient) -> None:
    pool = ConnectionPool(client.engine, size=1, seconds=0.01)
    held = pool.take()
    with pytest.raises(exc.TimeoutError, match="no connection was free"):
        pool.take()
    assert (pool.waiting, pool.in_use) == (0, 1)
    pool.give_back(held)
    assert pool.take() is held
    pool.discard(held)
    assert pool.in_use == 0


def test_a_server_that_is_away_costs_no_place(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise psycopg.OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(pool.engine, "raw_connection", refuse)
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError, match="away"):
                pool.take()
    pool.give_back(pool.take())


def test_after_one_was_lost_the_others_are_looked_at(client: DatabaseClient) -> None:
    pool = ConnectionPool(client.engine, size=3, seconds=10)
    alive, dead, lost = (pool.take() for _ in range(3))
    for connection in (alive, dead):
        pool.give_back(connection)
    dead.driver.close()
    pool.discard(lost)
    assert pool.take() not in (alive, dead, lost)  # where one is dead the others are no better
    assert (alive.driver.closed, pool.in_use) == (True, 1)


def test_what_was_not_used_for_long_is_looked_at(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pool.take()
    pool.give_back(first)
    monkeypatch.setattr("services.connection_pool.IDLE_SECONDS_TRUSTED", -1.0)
    assert pool.take() is first  # it answers
    pool.give_back(first)
    first.driver.close()
    assert not pool.take().driver.closed
