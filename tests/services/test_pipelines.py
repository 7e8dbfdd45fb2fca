"""Statements that take the BEGIN or the COMMIT of their transaction along."""

import uuid
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from config import settings
from services.db_client import DatabaseClient
from services.prepared import Prepared
from tests.proxy import DatabaseProxy
from tests.sql import number, rows, run
from tests.statements import count_statements
from utils.errors import ConflictError, UnavailableError

NOTES = "SELECT count(*) FROM pipelined_notes WHERE text = %(text)s"
INSERT = sa.text("INSERT INTO pipelined_notes VALUES (CAST(:text AS text)) RETURNING text")
SLEEP = sa.text("SELECT pg_sleep(CAST(:seconds AS float))")
IMPATIENT = settings.model_copy(update={"database_statement_ms": 500})
UNTIL_PREPARED = 7
EXCHANGES = 2  # the first statement with the BEGIN, and the last one with the COMMIT


@pytest.fixture(scope="module")
def notes(database: str) -> Iterator[str]:
    """A table of these tests' own, in the database whose URL this is."""
    rows(
        database,
        "CREATE TABLE pipelined_notes (text text CONSTRAINT uq_pipelined_notes_text UNIQUE "
        "DEFERRABLE INITIALLY IMMEDIATE)",
    )
    yield database
    rows(database, "DROP TABLE pipelined_notes")


@pytest.fixture
def proxy(notes: str) -> Iterator[DatabaseProxy]:
    with DatabaseProxy.before(notes) as proxy:
        yield proxy


class Writer:
    """Writes notes, of which it says the last with the commit."""

    def __init__(self, client: DatabaseClient) -> None:
        self.client = client
        self.insert = client.prepare(INSERT)
        self.attempts = 0

    def write(self, first: str, last: str, *, then: Callable[[], Any] | None = None) -> None:
        def work() -> None:
            self.attempts += 1
            self.insert.one(text=first)
            self.client.before_commit(lambda: _note(self.insert, last))
            if then is not None:
                self.client.last_before_commit(then)

        self.client.transaction(work)


def _note(insert: Prepared, text: str) -> None:
    assert insert.one_at_last(text=text) == {"text": text}


@pytest.fixture
def writer(proxy: DatabaseProxy) -> Iterator[Writer]:
    """On a connection that knows its statement."""
    client = DatabaseClient(lambda: proxy.url, settings)
    writer = Writer(client)
    for _ in range(UNTIL_PREPARED):
        writer.write(f"warm {uuid.uuid4()}", f"up {uuid.uuid4()}")
    writer.attempts = 0
    yield writer
    client.dispose()


def is_written(notes: str, text: str) -> bool:
    return number(notes, NOTES, {"text": text}) == 1


def test_begin_and_commit_cost_no_round_trips_of_their_own(writer: Writer, notes: str) -> None:
    assert count_statements(lambda: writer.write("first", "last")) == EXCHANGES
    assert is_written(notes, "first")
    assert is_written(notes, "last")


def test_what_is_not_the_last_is_committed_with_what_follows(writer: Writer, notes: str) -> None:
    seen: list[bool] = []

    def then() -> None:
        seen.append(is_written(notes, "not the last"))
        run(writer.client, "INSERT INTO pipelined_notes VALUES ('follows')")

    writer.write("before", "not the last", then=then)
    assert seen == [False]
    assert is_written(notes, "not the last")
    assert is_written(notes, "follows")


def test_nothing_can_follow_the_commit(writer: Writer) -> None:
    def work() -> None:
        def step() -> None:
            _note(writer.insert, "over")
            writer.client.before_commit(lambda: None)

        writer.insert.one(text="about to be over")
        writer.client.before_commit(step)

    with pytest.raises(RuntimeError, match="the transaction is over"):
        writer.client.transaction(work)


def test_when_the_last_statement_fails_nothing_is_committed(writer: Writer, notes: str) -> None:
    with pytest.raises(ConflictError):
        writer.write("twice", "twice")
    assert not is_written(notes, "twice")
    writer.write("afterwards", "as before")
    assert is_written(notes, "as before")


def test_when_the_first_statement_fails_the_transaction_does(writer: Writer, notes: str) -> None:
    writer.write("taken", "a name")
    with pytest.raises(ConflictError):
        writer.write("taken", "of another")
    assert not is_written(notes, "of another")
    writer.write("free", "again")
    assert is_written(notes, "again")


def test_when_the_commit_fails_it_is_told(writer: Writer, notes: str) -> None:
    def work() -> None:
        run(writer.client, "SET CONSTRAINTS uq_pipelined_notes_text DEFERRED")
        writer.insert.one(text="deferred")
        writer.client.before_commit(lambda: _note(writer.insert, "deferred"))

    with pytest.raises(ConflictError):
        writer.client.transaction(work)
    assert not is_written(notes, "deferred")


def cut_at(proxy: DatabaseProxy, answer: int) -> None:
    """Cut the connection instead of passing on this answer, of those to come."""
    answers = count(1)
    proxy.on_answer = lambda _: next(answers) != answer


def test_a_connection_that_is_lost_before_it_has_begun_is_replaced(
    writer: Writer, proxy: DatabaseProxy, notes: str
) -> None:
    proxy.cut()
    writer.write("replaced", "once")
    assert writer.attempts == 1
    assert is_written(notes, "replaced")


def test_a_connection_that_is_lost_at_its_begin_is_replaced(
    writer: Writer, proxy: DatabaseProxy, notes: str
) -> None:
    cut_at(proxy, 1)
    writer.write("begun anew", "once more")
    assert writer.attempts == 1
    assert is_written(notes, "begun anew")


def test_a_first_statement_that_takes_too_long_is_not_run_again(proxy: DatabaseProxy) -> None:
    client = DatabaseClient(lambda: proxy.url, IMPATIENT)
    nap = client.prepare(SLEEP)
    for _ in range(UNTIL_PREPARED):
        client.transaction(lambda: nap.one(seconds=0))

    def sleep() -> None:
        with pytest.raises(UnavailableError, match="longer than"):
            client.transaction(lambda: nap.one(seconds=30))

    assert count_statements(sleep) == 2  # and the end of its transaction
    client.dispose()


def test_a_commit_that_is_not_answered_is_not_repeated(
    writer: Writer, proxy: DatabaseProxy, notes: str
) -> None:
    proxy.on_answer = lambda piece: b"COMMIT\0" not in piece
    with pytest.raises(UnavailableError, match="cannot be reached"):
        writer.write("unanswered", "at last")
    assert writer.attempts == 1
    assert is_written(notes, "unanswered")
    assert is_written(notes, "at last")
