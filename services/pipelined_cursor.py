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
    """Begin a transaction, and run its first statement along if it is prepared already."""
    cursor = PipelinedCursor(driver)
    if cursor.takes(statement, values):
        cursor.run(before=[begin])
        return cursor
    driver.execute_promptly(begin)
    return None


def commit_with(
    driver: PatientConnection, statement: bytes, values: Sequence[Any]
) -> psycopg.RawCursor[Any]:
    """Run the last statement of a transaction, and commit if it went well."""
    cursor = PipelinedCursor(driver)
    if cursor.takes(statement, values):
        cursor.run(behind=[b"COMMIT"])
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

    def run(self, before: Sequence[bytes] = (), behind: Sequence[bytes] = ()) -> None:
        """Run it, and others that take no values around it."""
        with self._conn.lock:
            self._conn.wait(self._run(before, behind))

    def _run(self, before: Sequence[bytes], behind: Sequence[bytes]) -> PQGen[None]:
        self._pgconn.enter_pipeline_mode()
        for other in before:
            self._pgconn.send_query_params(other, None)
        self._send()
        for other in behind:
            self._pgconn.send_query_params(other, None)
        answers = yield from self._answers()
        self._set_results(answers[len(before)])

    def _send(self) -> None:
        query = self._prepared_query
        self._pgconn.send_query_prepared(
            self._name, query.params, param_formats=query.formats, result_format=self.format
        )
        self._conn._prepared.maybe_add_to_cache(query, Prepare.YES, self._name)

    def _answers(self) -> PQGen[list[list[PGresult]]]:
        """Take all that comes back: only then does the connection take anything else."""
        self._pgconn.pipeline_sync()
        yield from send(self._pgconn)
        answers: list[list[PGresult]] = []
        try:
            while not (answers and answers[-1][0].status == ExecStatus.PIPELINE_SYNC):
                answers.append((yield from self._answer()))
        except psycopg.OperationalError:
            self._check(answers)  # the server may have said why it goes away
            raise
        self._pgconn.exit_pipeline_mode()
        self._check(answers[:-1])
        return answers[:-1]

    def _answer(self) -> PQGen[list[PGresult]]:
        answer: list[PGresult] = yield from fetch_many(self._pgconn)
        if not answer:
            raise psycopg.OperationalError(LOST)
        return answer

    def _check(self, answers: Iterable[list[PGresult]]) -> None:
        for answer in answers:
            self._check_results(answer)
