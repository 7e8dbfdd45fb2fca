"""Statements that take the BEGIN or the COMMIT of their transaction along: one round trip for both.

PostgreSQL does nothing of what was sent along behind a statement that fails. psycopg's own
pipelines send each statement by itself, and wait for the socket in a slower way.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg._preparing import Prepare
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from config import settings
from services.cursors import RawCursor
from services.patient_connection import PatientConnection

LOST = "the server closed the connection"

# Where traces are recorded each statement is sent by itself: a span tells how long it took.
IS_USED = settings.otel_exporter_otlp_endpoint is None


def begin_with(
    driver: PatientConnection, begin: bytes, statement: bytes, values: Sequence[Any]
) -> "PipelinedCursor | None":
    """Begin a transaction, and send its first statement along if it is prepared already.

    Returns as soon as it has begun: that takes no time, however long the statement may take.
    """
    cursor = PipelinedCursor(driver)
    if cursor.takes(statement, values):
        cursor.begin(begin)
        return cursor
    driver.execute_promptly(begin)
    return None


def commit_with(
    driver: PatientConnection, statement: bytes, values: Sequence[Any]
) -> psycopg.RawCursor[Any]:
    """Run the last statement of a transaction, and commit if it went well."""
    cursor = PipelinedCursor(driver)
    if cursor.takes(statement, values):
        cursor.end(b"COMMIT")
        return cursor
    ordinary = RawCursor(driver).execute(statement, values)
    driver.execute("COMMIT")
    return ordinary


class PipelinedCursor(psycopg.RawCursor[Any]):
    """Runs one statement that psycopg has prepared, with another one before or behind it."""

    _conn: PatientConnection
    _name: bytes
    _prepared_query: PostgresQuery

    def takes(self, statement: bytes, values: Sequence[Any]) -> bool:
        """Tell whether the statement may be sent so, and have it ready."""
        if not IS_USED:
            return False
        self._tx = self._conn.transformer
        query = self._prepared_query = self._convert_query(statement, values)
        prepared, self._name = self._get_prepared(query)
        return prepared is Prepare.YES

    def begin(self, begin: bytes) -> None:
        """Send both and wait for the first."""
        with self._conn.lock:
            self._conn.wait_promptly(self._begin(begin))

    def finish(self) -> None:
        """Wait for the second."""
        with self._conn.lock:
            self._conn.wait(self._finish())

    def end(self, end: bytes) -> None:
        """Send both and wait for both."""
        with self._conn.lock:
            self._conn.wait(self._run_and_end(end))

    def _begin(self, begin: bytes) -> PQGen[None]:
        self._pgconn.enter_pipeline_mode()
        self._pgconn.send_query_params(begin, None)
        self._pgconn.send_flush_request()
        self._send()
        yield from self._flush()
        self._check_results((yield from self._answer()))

    def _run_and_end(self, end: bytes) -> PQGen[None]:
        self._pgconn.enter_pipeline_mode()
        self._send()
        self._pgconn.send_query_params(end, None)
        yield from self._flush()
        yield from self._finish()

    def _send(self) -> None:
        query = self._prepared_query
        self._pgconn.send_query_prepared(
            self._name, query.params, param_formats=query.formats, result_format=self.format
        )
        self._conn._prepared.maybe_add_to_cache(query, Prepare.YES, self._name)

    def _flush(self) -> PQGen[None]:
        self._pgconn.pipeline_sync()
        yield from send(self._pgconn)

    def _finish(self) -> PQGen[None]:
        """Take all that is still to come: only then does the connection take anything else."""
        answers: list[list[PGresult]] = []
        try:
            while not (answers and answers[-1][0].status == ExecStatus.PIPELINE_SYNC):
                answers.append((yield from self._answer()))
        except psycopg.OperationalError:
            self._check(answers)  # the server may have said why it goes away
            raise
        self._pgconn.exit_pipeline_mode()
        self._check(answers[:-1])
        self._set_results(answers[0])

    def _answer(self) -> PQGen[list[PGresult]]:
        answer: list[PGresult] = yield from fetch_many(self._pgconn)
        if not answer:
            raise psycopg.OperationalError(LOST)
        return answer

    def _check(self, answers: Iterable[list[PGresult]]) -> None:
        for answer in answers:
            self._check_results(answer)
