"""What goes wrong in the database, and what callers hear of it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from threading import Barrier, Event
from typing import Any

import pytest

from config import Settings, settings
from services.database_errors import _CONFLICTS
from services.db_client import DatabaseClient
from tests.crowd import at_once
from tests.sql import connect, number, rows, run
from tests.waiting import wait_until
from utils.errors import ConflictError, UnavailableError

POOL_SIZE = 3

VIOLATE = """
    DO $$ BEGIN
        RAISE EXCEPTION USING ERRCODE = '{state}', CONSTRAINT = '{constraint}', MESSAGE = 'no';
    END $$
"""

CONSTRAINTS = """
    SELECT conname AS name FROM pg_constraint UNION SELECT relname FROM pg_class WHERE relkind = 'i'
"""


@pytest.fixture
def make_client(database: str) -> Iterator[Callable[..., DatabaseClient]]:
    """Makes clients with a small pool of their own and other changed settings."""
    clients = []

    def make(**changes: Any) -> DatabaseClient:
        options: Settings = settings.model_copy(update={"database_pool_size": POOL_SIZE} | changes)
        clients.append(DatabaseClient(lambda: database, options))
        return clients[-1]

    yield make
    for client in clients:
        client.dispose()


@pytest.fixture
def client(make_client: Callable[..., DatabaseClient]) -> DatabaseClient:
    return make_client()


def backend(client: DatabaseClient) -> int:
    pid: int = run(client, "SELECT pg_backend_pid()")
    return pid


def backends_of_the_whole_pool(client: DatabaseClient) -> set[int]:
    """Use as many connections at once as the pool has places; fails when one is blocked."""
    all_connected = Barrier(POOL_SIZE)

    def work() -> int:
        pid = backend(client)
        all_connected.wait(10)
        return pid

    return set(at_once([partial(client.reading, work)] * POOL_SIZE))


def is_gone(database: str, pid: int) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %(pid)s"
    return number(database, query, {"pid": pid}) == 0


def kill(database: str, *pids: int) -> None:
    """End these connections' processes in the server, and wait until they are gone."""
    for pid in pids:
        rows(database, "SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})
        wait_until(partial(is_gone, database, pid))


def test_a_reading_does_not_notice_that_its_idle_connection_was_killed(
    client: DatabaseClient, database: str
) -> None:
    pid = client.reading(lambda: backend(client))
    kill(database, pid)
    assert client.reading(lambda: backend(client)) != pid


def test_a_transaction_does_not_notice_that_its_idle_connection_was_killed(
    client: DatabaseClient, database: str
) -> None:
    pid = client.transaction(lambda: backend(client))
    kill(database, pid)
    assert client.transaction(lambda: backend(client)) != pid


@pytest.mark.parametrize("unit", ["reading", "transaction"])
def test_nobody_notices_that_all_idle_connections_were_killed(
    client: DatabaseClient, database: str, unit: str
) -> None:
    pids = backends_of_the_whole_pool(client)
    assert len(pids) == POOL_SIZE
    kill(database, *pids)
    for _ in range(POOL_SIZE):
        assert getattr(client, unit)(lambda: backend(client)) not in pids


def test_a_reading_whose_connection_is_killed_meanwhile_runs_again(
    client: DatabaseClient, database: str
) -> None:
    pids = []

    def work() -> int:
        pids.append(backend(client))
        if len(pids) == 1:
            kill(database, pids[0])
        return backend(client)

    assert client.reading(work) == pids[1]


def test_a_reading_that_runs_again_does_not_meet_another_killed_connection(
    client: DatabaseClient, database: str
) -> None:
    """Somebody else holds the new connection then, and the next in the pool is as dead."""
    kill(database, *backends_of_the_whole_pool(client))
    attempts, held, over = count(1), Event(), Event()

    def hold() -> None:
        backend(client)
        held.set()
        over.wait(10)

    with ThreadPoolExecutor(1) as elsewhere:

        def work() -> int:
            if next(attempts) == 2:
                elsewhere.submit(client.reading, hold)
                held.wait(10)
            return backend(client)

        assert client.reading(work)
        over.set()


def test_a_transaction_whose_connection_is_killed_meanwhile_does_not_run_again(
    client: DatabaseClient, database: str
) -> None:
    pids = []

    def work() -> int:
        pids.append(backend(client))
        kill(database, pids[0])
        return backend(client)

    with pytest.raises(UnavailableError) as refusal:
        client.transaction(work)
    assert (refusal.value.status, refusal.value.code, len(pids)) == (503, "database_away", 1)


@pytest.mark.parametrize("unit", ["reading", "transaction"])
def test_killed_connections_leave_their_places_in_the_pool_to_others(
    client: DatabaseClient, database: str, unit: str
) -> None:
    def work() -> int:
        kill(database, backend(client))
        return backend(client)

    for _ in range(2 * POOL_SIZE):
        with pytest.raises(UnavailableError):
            getattr(client, unit)(work)
    assert len(backends_of_the_whole_pool(client)) == POOL_SIZE


def test_work_that_fails_leaves_its_place_in_the_pool_to_others(client: DatabaseClient) -> None:
    def work() -> None:
        run(client, "SELECT 1")
        raise KeyError("a defect")

    for _ in range(2 * POOL_SIZE):
        with pytest.raises(KeyError):
            client.transaction(work)
    assert len(backends_of_the_whole_pool(client)) == POOL_SIZE


@pytest.mark.parametrize("constraint", _CONFLICTS)
def test_a_violated_constraint_is_explained_by_its_name(
    client: DatabaseClient, constraint: str
) -> None:
    statement = VIOLATE.format(state="23505", constraint=constraint)
    with pytest.raises(ConflictError) as refusal:
        client.transaction(lambda: client.current.driver.execute(statement.encode()))
    assert (refusal.value.code, refusal.value.detail) == _CONFLICTS[constraint]


@pytest.mark.parametrize("constraint", _CONFLICTS)
def test_every_constraint_that_is_explained_exists(database: str, constraint: str) -> None:
    assert constraint in {row["name"] for row in rows(database, CONSTRAINTS)}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("23503", "reference_gone"),
        ("23505", "conflict"),
        ("23514", "conflict"),
        ("23P01", "conflict"),
    ],
)
def test_a_violated_constraint_without_a_message_of_its_own_is_a_conflict_too(
    client: DatabaseClient, state: str, code: str
) -> None:
    statement = VIOLATE.format(state=state, constraint="unheard_of")
    with pytest.raises(ConflictError) as refusal:
        client.transaction(lambda: client.current.driver.execute(statement.encode()))
    assert (refusal.value.status, refusal.value.code) == (409, code)


@pytest.mark.parametrize("unit", ["reading", "transaction"])
def test_a_statement_that_takes_too_long_is_given_up(
    make_client: Callable[..., DatabaseClient], unit: str
) -> None:
    client = make_client(database_statement_ms=1_000)
    with pytest.raises(UnavailableError) as refusal:
        getattr(client, unit)(lambda: run(client, "SELECT pg_sleep(60)"))
    assert (refusal.value.status, refusal.value.code) == (503, "too_slow")
    assert client.reading(lambda: run(client, "SELECT 1")) == 1


def test_a_lock_that_somebody_else_holds_too_long_is_given_up(
    make_client: Callable[..., DatabaseClient], database: str
) -> None:
    client = make_client(database_lock_ms=50)
    with connect(database) as holder, holder.transaction():
        holder.execute("LOCK TABLE alembic_version")
        with pytest.raises(UnavailableError) as refusal:
            client.transaction(lambda: run(client, "SELECT 1 FROM alembic_version"))
    assert (refusal.value.status, refusal.value.code) == (503, "too_busy")


def test_a_transaction_that_dawdles_is_ended_by_the_database(
    make_client: Callable[..., DatabaseClient], database: str
) -> None:
    client = make_client(database_idle_transaction_ms=50)

    def dawdle() -> int:
        pid = backend(client)
        wait_until(lambda: is_gone(database, pid))
        return backend(client)

    with pytest.raises(UnavailableError) as refusal:
        client.transaction(dawdle)
    assert refusal.value.status == 503


def test_a_transaction_that_takes_too_long_is_ended_by_the_database(
    make_client: Callable[..., DatabaseClient],
) -> None:
    client = make_client(database_transaction_ms=1_000)
    if client.reading(lambda: client.current.driver.info.server_version) < 170_000:
        pytest.skip("PostgreSQL limits whole transactions from version 17 on")
    with pytest.raises(UnavailableError) as refusal:
        client.transaction(lambda: run(client, "SELECT pg_sleep(60)"))
    assert (refusal.value.status, refusal.value.code) == (503, "too_slow")
    assert client.transaction(lambda: run(client, "SELECT 1")) == 1


def test_a_mistake_in_a_statement_stays_a_defect(client: DatabaseClient) -> None:
    with pytest.raises(Exception, match="nowhere") as defect:
        client.reading(lambda: run(client, "SELECT FROM nowhere"))
    assert not isinstance(defect.value, UnavailableError)
