"""The unit of work: what one entry point does with the database, on at most one connection."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from services.connection_pool import ConnectionPool, PooledConnection
from services.cursors import RawCursor
from services.pipelined_cursor import begin_with, commit_with

T = TypeVar("T")


class UnitOfWork:
    """A connection taken when first needed, and what is to happen around its commit.

    `begin` is the statement that opens the transaction; None reads in autocommit.
    """

    def __init__(self, pool: Callable[[], ConnectionPool], begin: bytes | None) -> None:
        self._pool = pool
        self._begin = begin
        self._pooled: PooledConnection | None = None
        self._session: Session | None = None
        self._is_in_last_step = False
        self._is_committed = False
        self.pending_events: list[Any] = []
        self.pending_jobs: list[Any] = []
        self.before_commit: list[Callable[[], None]] = []
        self.last_before_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []

    @property
    def driver(self) -> psycopg.Connection[Any]:
        """The connection; in a transaction its first use begins it."""
        return (self._pooled or self._take()).driver

    def run(
        self, statement: bytes, values: Sequence[Any], *, prepare: bool | None
    ) -> psycopg.RawCursor[Any]:
        """Run a statement; the first of a transaction begins it in the same round trip."""
        begin = self._begin
        if begin is None or self._pooled is not None:
            return RawCursor(self.driver).execute(statement, values, prepare=prepare)
        cursor = self._open(lambda pooled: begin_with(pooled.driver, begin, statement, values))
        return cursor or RawCursor(self.driver).execute(statement, values, prepare=prepare)

    def run_last(self, statement: bytes, values: Sequence[Any]) -> psycopg.RawCursor[Any]:
        """Run a statement, and commit in the same round trip when nothing else is to be done."""
        if not self._is_in_last_step or self._pooled is None:
            return self.run(statement, values, prepare=None)
        cursor = commit_with(self._pooled.driver, statement, values)
        self._is_committed = True
        return cursor

    def _take(self) -> PooledConnection:
        begin = self._begin
        if begin is None:
            return self._check_out()

        def begin_on(pooled: PooledConnection) -> PooledConnection:
            pooled.driver.execute_promptly(begin)
            return pooled

        return self._open(begin_on)

    def _open(self, begin: Callable[[PooledConnection], T]) -> T:
        """Begin on a connection of the pool, and on another one where that one is lost.

        It may have died unnoticed; and what it began can be begun anew: it was not committed.
        """
        pooled = self._check_out()
        try:
            return begin(pooled)
        except psycopg.OperationalError:
            if not pooled.driver.closed:
                raise
            self.release()
            return begin(self._check_out())

    def _check_out(self) -> PooledConnection:
        self._pooled = self._pool().take()
        return self._pooled

    @property
    def session(self) -> Session:
        """An ORM session on the same connection, in the same transaction."""
        if self._session is None:
            if self._begin is None:
                raise RuntimeError("a reading unit of work has no session: it changes nothing")
            pooled = self._pooled or self._take()
            connection = Connection(self._pool().engine, connection=pooled.proxy)
            self._session = Session(bind=connection, autoflush=False, expire_on_commit=False)
        return self._session

    def commit(self) -> None:
        """Write what is pending and commit; nothing is sent when nothing was used."""
        if self._session is not None:
            self._session.flush()
        while steps := self.before_commit or self.last_before_commit:
            if self._is_committed:
                raise RuntimeError("the transaction is over; what is last must not ask for more")
            step = steps.pop(0)
            self._is_in_last_step = not (self.before_commit or self.last_before_commit)
            step()
        if self._pooled is not None and not self._is_committed:
            self._pooled.driver.execute("COMMIT")

    @property
    def connection_lost(self) -> bool:
        """True when the connection that was in use is no more."""
        return self._pooled is not None and self._pooled.driver.closed

    def release(self) -> None:
        """Give the connection back clean, or close it when its state is not known."""
        if self._pooled is None:
            return
        driver = self._pooled.driver
        if driver.pgconn.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            with suppress(psycopg.Error):  # a connection that cannot roll back is closed below
                driver.execute("ROLLBACK")
        if driver.pgconn.transaction_status == TransactionStatus.IDLE:
            self._pool().give_back(self._pooled)
        else:
            self._pool().discard(self._pooled)
        self._pooled = self._session = None
