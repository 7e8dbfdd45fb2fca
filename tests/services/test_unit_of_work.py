"""Units of work: transactions, their retries, and what happens around their commit."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from threading import Barrier
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from config import settings
from models.task import TaskRow
from services import db_client
from services.db_client import DatabaseClient
from tests.crowd import at_once
from tests.factories import Person
from tests.records import done, make_task
from tests.sql import number, rows, run
from utils.errors import UnavailableError

NOTES = "SELECT count(*) FROM notes WHERE text = %(text)s"


@pytest.fixture(scope="module")
def notes(database: str) -> Iterator[str]:
    """A table of these tests' own, in the database whose URL this is."""
    rows(database, "CREATE TABLE notes (text text CONSTRAINT uq_notes_text UNIQUE)")
    yield database
    rows(database, "DROP TABLE notes")


@pytest.fixture
def client(notes: str) -> Iterator[DatabaseClient]:
    """A client with a pool of its own."""
    client = DatabaseClient(lambda: notes, settings)
    yield client
    client.dispose()


def write(client: DatabaseClient, text: str) -> None:
    run(client, "INSERT INTO notes VALUES (%s)", text)


def is_written(notes: str, text: str) -> bool:
    return number(notes, NOTES, {"text": text}) == 1


def fail(error: Exception) -> None:
    raise error


def test_what_a_transaction_wrote_is_there_when_it_returns(
    client: DatabaseClient, notes: str
) -> None:
    client.transaction(lambda: write(client, "kept"))
    assert is_written(notes, "kept")


def test_what_a_transaction_wrote_is_undone_when_its_work_fails(
    client: DatabaseClient, notes: str
) -> None:
    def work() -> None:
        write(client, "undone")
        fail(KeyError("a defect"))

    with pytest.raises(KeyError):
        client.transaction(work)
    assert not is_written(notes, "undone")


def test_what_follows_a_failed_transaction_on_its_connection_starts_afresh(
    client: DatabaseClient, notes: str
) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        client.transaction(lambda: run(client, "SELECT FROM nowhere"))
    client.transaction(lambda: write(client, "afresh"))
    assert is_written(notes, "afresh")


@pytest.mark.parametrize("outer", ["transaction", "reading"])
@pytest.mark.parametrize("inner", ["transaction", "reading"])
def test_units_of_work_do_not_nest(client: DatabaseClient, outer: str, inner: str) -> None:
    with pytest.raises(RuntimeError, match="open already"):
        getattr(client, outer)(lambda: getattr(client, inner)(lambda: None))


def test_outside_of_a_unit_of_work_there_is_no_connection(client: DatabaseClient) -> None:
    with pytest.raises(RuntimeError, match="no unit of work is open"):
        run(client, "SELECT 1")


def test_after_a_failure_the_unit_of_work_is_closed(client: DatabaseClient) -> None:
    with pytest.raises(KeyError):
        client.transaction(lambda: fail(KeyError("a defect")))
    assert client.transaction(lambda: run(client, "SELECT 1")) == 1


def test_a_reading_unit_of_work_has_no_session(client: DatabaseClient) -> None:
    with pytest.raises(RuntimeError, match="changes nothing"):
        client.reading(lambda: client.session)


def test_each_statement_of_a_reading_sees_what_was_committed_before_it(
    client: DatabaseClient, notes: str
) -> None:
    def work() -> tuple[int, int]:
        before = run(client, "SELECT count(*) FROM notes WHERE text = 'seen'")
        rows(notes, "INSERT INTO notes VALUES ('seen')")
        return before, run(client, "SELECT count(*) FROM notes WHERE text = 'seen'")

    assert client.reading(work) == (0, 1)


def test_each_statement_of_a_snapshot_sees_the_same(client: DatabaseClient, notes: str) -> None:
    def work() -> tuple[int, int]:
        before = run(client, "SELECT count(*) FROM notes WHERE text = 'unseen'")
        rows(notes, "INSERT INTO notes VALUES ('unseen')")
        return before, run(client, "SELECT count(*) FROM notes WHERE text = 'unseen'")

    assert client.snapshot(work) == (0, 0)


def test_a_snapshot_changes_nothing(client: DatabaseClient, notes: str) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        client.snapshot(lambda: write(client, "unwritten"))
    assert client.transaction(lambda: run(client, "SELECT 1")) == 1


@pytest.mark.parametrize("unit", ["reading", "snapshot"])
def test_what_only_reads_runs_again_when_its_connection_was_lost(
    client: DatabaseClient, notes: str, unit: str
) -> None:
    attempts: list[int] = []

    def work() -> int:
        pid: int = run(client, "SELECT pg_backend_pid()")
        attempts.append(pid)
        if len(attempts) == 1:
            rows(notes, "SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": pid})
        found: int = run(client, "SELECT 1")
        return found

    assert getattr(client, unit)(work) == 1
    assert len(set(attempts)) == 2


def test_rows_come_in_batches(client: DatabaseClient) -> None:
    statement = client.prepare(sa.text("SELECT n FROM generate_series(1, CAST(:last AS int)) AS n"))

    def work(last: int) -> list[list[int]]:
        return [[row["n"] for row in batch] for batch in statement.batches(2, last=last)]

    assert client.snapshot(lambda: work(5)) == [[1, 2], [3, 4], [5]]
    assert client.transaction(lambda: work(0)) == []


def test_of_batches_one_can_have_enough(client: DatabaseClient) -> None:
    statement = client.prepare(sa.text("SELECT n FROM generate_series(1, 5) AS n"))

    def work() -> list[Any]:
        return [next(iter(statement.batches(2))) for _ in range(2)]

    assert client.snapshot(work) == [[{"n": 1}, {"n": 2}]] * 2


def test_on_commit_runs_when_others_can_see_the_change(client: DatabaseClient, notes: str) -> None:
    seen: list[bool] = []

    def work() -> None:
        write(client, "announced")
        client.on_commit(lambda: seen.append(is_written(notes, "announced")))
        seen.append(is_written(notes, "announced"))

    client.transaction(work)
    assert seen == [False, True]


def test_on_commit_does_not_run_when_nothing_was_committed(client: DatabaseClient) -> None:
    called: list[str] = []

    def work() -> None:
        client.on_commit(lambda: called.append("called"))
        fail(KeyError("a defect"))

    with pytest.raises(KeyError):
        client.transaction(work)
    assert called == []


def test_on_commit_may_open_a_unit_of_work(client: DatabaseClient, notes: str) -> None:
    follow_up = partial(client.transaction, lambda: write(client, "follow-up"))
    client.transaction(lambda: client.on_commit(follow_up))
    assert is_written(notes, "follow-up")


def test_a_failure_of_on_commit_is_logged_and_not_raised(
    client: DatabaseClient, notes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Log:
        lines: list[str]

        def exception(self, event: str, **fields: Any) -> None:
            self.lines = [event, *fields]

    log, called = Log(), list[str]()
    monkeypatch.setattr(db_client, "logger", log)

    def work() -> None:
        write(client, "committed")
        client.on_commit(lambda: fail(ValueError("nobody listens")))
        client.on_commit(lambda: called.append("the next"))

    client.transaction(work)
    assert is_written(notes, "committed")
    assert (log.lines, called) == (["on_commit.failed", "callback"], ["the next"])


def test_a_deadlock_is_resolved_by_running_a_transaction_again(
    client: DatabaseClient, notes: str
) -> None:
    for text in ("one", "two"):
        client.transaction(partial(write, client, text))
    both_hold_one, attempts = Barrier(2), list[str]()

    def work(first: str, second: str) -> None:
        attempts.append(first)
        run(client, "SET LOCAL deadlock_timeout = '20ms'")
        run(client, "SELECT FROM notes WHERE text = %s FOR UPDATE", first)
        if attempts.count(first) == 1:
            both_hold_one.wait(10)
        run(client, "UPDATE notes SET text = text || %s WHERE text LIKE %s", "+", f"{second}%")

    at_once(
        [
            partial(client.transaction, partial(work, *pair))
            for pair in (("one", "two"), ("two", "one"))
        ]
    )
    assert len(attempts) > 2  # on a busy machine they get in each other's way more than once
    assert is_written(notes, "one+")
    assert is_written(notes, "two+")


def conflicting(client: DatabaseClient, notes: str, times: int) -> Callable[[], int]:
    """Return work that fails to serialize this often; it returns the number of its attempt."""
    client.transaction(lambda: run(client, "DELETE FROM notes WHERE text LIKE 'contested%%'"))
    client.transaction(lambda: write(client, "contested"))
    attempts = iter(range(1, 100))

    def work() -> int:
        run(client, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        run(client, "SELECT FROM notes")
        attempt = next(attempts)
        if attempt <= times:
            rows(notes, "UPDATE notes SET text = text || '.' WHERE text LIKE 'contested%%'")
        run(client, "UPDATE notes SET text = text || '!' WHERE text LIKE 'contested%%'")
        return attempt

    return work


def test_a_transaction_that_does_not_serialize_runs_again(
    client: DatabaseClient, notes: str
) -> None:
    assert client.transaction(conflicting(client, notes, times=2)) == 3
    assert is_written(notes, "contested..!")


def test_a_transaction_that_changes_what_others_changed_meanwhile_runs_again(
    client: DatabaseClient, notes: str, alice: Person
) -> None:
    task_id = {"id": make_task(alice)["id"]}
    attempts = count(1)

    def work() -> int:
        row = client.session.get_one(TaskRow, task_id["id"])
        attempt = next(attempts)
        if attempt == 1:
            rows(notes, "UPDATE tasks SET version = 7 WHERE id = %(id)s", task_id)
        row.title = "Read"
        return attempt

    assert client.transaction(work) == 2
    changed = done(alice.get(f"/tasks/{task_id['id']}"))
    assert (changed["title"], changed["version"]) == ("Read", 8)


def test_a_transaction_that_never_serializes_is_given_up(
    client: DatabaseClient, notes: str
) -> None:
    with pytest.raises(UnavailableError) as refusal:
        client.transaction(conflicting(client, notes, times=99))
    assert (refusal.value.status, refusal.value.code) == (503, "too_busy")
    assert refusal.value.headers["Retry-After"]


def test_on_commit_runs_once_however_often_the_work_ran(client: DatabaseClient, notes: str) -> None:
    called, work = list[str](), conflicting(client, notes, times=2)

    def announced() -> None:
        client.on_commit(lambda: called.append("called"))
        work()

    client.transaction(announced)
    assert called == ["called"]
