"""The unit of work: what one entry point does with the database, on at most one connection."""

from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection


class UnitOfWork:
    """A connection taken when first needed, and what is to happen around its commit.

    `begin` is the statement that opens the transaction; None reads in autocommit.
    """

    def __init__(
        self, engine: Callable[[], Engine], begin: str | None, on_lost: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._begin = begin
        self._on_lost = on_lost
        self._pooled: PoolProxiedConnection | None = None
        self._driver: psycopg.Connection[Any] | None = None
        self._session: Session | None = None
        self.pending_events: list[Any] = []
        self.pending_jobs: list[Any] = []
        self.before_commit: list[Callable[[], None]] = []
        self.last_before_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []

    @property
    def driver(self) -> psycopg.Connection[Any]:
        """The connection; in a transaction its first use begins it."""
        return self._driver or self._take_connection()

    def _take_connection(self) -> psycopg.Connection[Any]:
        driver = self._check_out()
        if self._begin is not None:
            try:
                driver.execute(self._begin.encode())
            except psycopg.OperationalError:
                # A pooled connection may have died unnoticed; nothing is lost before BEGIN.
                self.release()
                driver = self._check_out()
                driver.execute(self._begin.encode())
        return driver

    def _check_out(self) -> psycopg.Connection[Any]:
        self._pooled = self._engine().pool.connect()
        driver: psycopg.Connection[Any] = self._pooled.driver_connection  # type: ignore[assignment]  # SQLAlchemy does not know which driver
        self._driver = driver
        return driver

    @property
    def session(self) -> Session:
        """An ORM session on the same connection, in the same transaction."""
        if self._session is None:
            if self._begin is None:
                raise RuntimeError("a reading unit of work has no session: it changes nothing")
            if self._pooled is None:
                self._take_connection()
            connection = Connection(self._engine(), connection=self._pooled)
            self._session = Session(bind=connection, autoflush=False, expire_on_commit=False)
        return self._session

    def commit(self) -> None:
        """Write what is pending and commit; nothing is sent when nothing was used."""
        if self._session is not None:
            self._session.flush()
        for callback in chain(self.before_commit, self.last_before_commit):
            callback()
        if self._driver is not None:
            self._driver.execute("COMMIT")

    @property
    def connection_lost(self) -> bool:
        """True when the connection that was in use is no more."""
        return self._driver is not None and self._driver.closed

    def release(self) -> None:
        """Give the connection back clean, or close it when its state is not known."""
        if self._pooled is None or self._driver is None:
            return
        state = self._driver.pgconn
        if state.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            with suppress(psycopg.Error):  # a connection that cannot roll back is closed below
                self._driver.execute("ROLLBACK")
        if state.transaction_status == TransactionStatus.IDLE:
            self._pooled.close()
        else:
            if self._pooled.is_valid:  # the ORM may have noticed first
                self._pooled.invalidate()
            self._on_lost()
        self._pooled = self._driver = self._session = None
