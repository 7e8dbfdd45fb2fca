"""The database client: the pool, units of work and prepared statements.

Every connection is in autocommit mode, so that a read is one round trip. A transaction is an
explicit BEGIN and COMMIT around the work of an entry point, sent by its unit of work alone.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, TypeVar

import orjson
import psycopg
from gevent import monkey
from psycopg.types.json import JsonbDumper
from psycopg.types.string import TextLoader
from sqlalchemy import ClauseElement, Engine, create_engine, event, exc
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from config import Settings, settings
from services import gevent_wait
from services.connection_pool import ConnectionPool, open_connection
from services.cursors import Cursor
from services.database_errors import RETRYABLE, TOO_BUSY, ConnectionLostError, translate
from services.patient_connection import TCP_LIMITS, PatientConnection, patience_with
from services.postgres.embedded import embedded_postgres
from services.prepared import Prepared
from services.unit_of_work import UnitOfWork
from utils.errors import UnavailableError
from utils.logger import get_logger
from utils.metrics import TRANSACTIONS_RETRIED

T = TypeVar("T")

ATTEMPTS = 4
POOL_WAIT_SECONDS = 5
LONG_TRANSACTION_MS = 600_000

logger = get_logger(__name__)


class DatabaseClient:
    """The one way to the database; `find_url` is asked when the first connection is made."""

    def __init__(self, find_url: Callable[[], str], options: Settings) -> None:
        self._find_url = find_url
        self._options = options
        self._current: ContextVar[UnitOfWork] = ContextVar("unit_of_work")

    def reading(self, work: Callable[[], T]) -> T:
        """Run `work` in autocommit: each of its statements sees the newest committed state."""
        return self._read(work, begin=None)

    def snapshot(self, work: Callable[[], T]) -> T:
        """Run `work`, which only reads: all of its statements see one and the same state."""
        return self._read(work, begin=b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def _read(self, work: Callable[[], T], begin: bytes | None) -> T:
        """Run `work`, and once more when the connection was lost: nothing can happen twice."""
        try:
            return self._perform(work, begin)
        except ConnectionLostError:
            return self._perform(work, begin)

    def transaction(self, work: Callable[[], T]) -> T:
        """Run `work` in one transaction and commit it; entry points call this, services never.

        After a serialization failure, a deadlock or a change of a row that somebody else changed
        meanwhile `work` runs again, following a short random pause.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._perform(work, begin=b"BEGIN")
            except RETRYABLE:
                TRANSACTIONS_RETRIED.inc()
                time.sleep(random.uniform(0.0, 0.01 * 2**attempt))  # noqa: S311 - jitter
        raise UnavailableError(TOO_BUSY, code="too_busy")

    def _perform(self, work: Callable[[], T], begin: bytes | None) -> T:
        if self._current.get(None) is not None:
            raise RuntimeError("a unit of work is open already; only entry points open one")
        unit = UnitOfWork(lambda: self.pool, begin)
        token = self._current.set(unit)
        try:
            result = work()
            if begin is not None:
                unit.commit()
        except (psycopg.Error, exc.SQLAlchemyError) as error:
            raise translate(error, connection_lost=unit.connection_lost) from error
        finally:
            self._current.reset(token)
            unit.release()
        for callback in unit.after_commit:
            _run_logged(callback)
        return result

    @contextmanager
    def own_connection(self) -> Iterator[PatientConnection]:
        """Yield a connection beside the pool, for listening; it is closed at the end."""
        try:
            opened = open_connection(self.engine)
            opened.proxy.detach()
            with opened.driver:
                yield opened.driver
        except (psycopg.Error, exc.SQLAlchemyError) as error:
            raise translate(error, connection_lost=True) from error

    @property
    def current(self) -> UnitOfWork:
        """The unit of work that the entry point opened."""
        try:
            return self._current.get()
        except LookupError:
            raise RuntimeError("no unit of work is open; the entry point opens one") from None

    @property
    def session(self) -> Session:
        """The ORM session of the current transaction."""
        return self.current.session

    def allow_long_transaction(self) -> None:
        """Let the current transaction take minutes; servers before PostgreSQL 17 set no limit.

        The clock runs from BEGIN; only switching it off and on again winds it up anew.
        """
        for milliseconds in (0, LONG_TRANSACTION_MS):
            self.current.driver.execute(
                "SELECT set_config(name, %s, true) FROM pg_settings "
                "WHERE name = 'transaction_timeout'",
                [str(milliseconds)],
            )

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Undo at the end what was done; events, jobs and plans for the commit included."""
        unit = self.current
        unit.driver.execute("SAVEPOINT rehearsal")
        yield
        unit.driver.execute("ROLLBACK TO SAVEPOINT rehearsal")
        unit.session.expunge_all()
        unit.pending_events.clear()
        unit.pending_jobs.clear()
        unit.before_commit.clear()
        unit.last_before_commit.clear()

    def before_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` as the last thing inside the current transaction."""
        self.current.before_commit.append(callback)

    def last_before_commit(self, callback: Callable[[], None]) -> None:
        """Like `before_commit`, after all that was asked for there."""
        self.current.last_before_commit.append(callback)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the current transaction is committed; its failure is only logged."""
        self.current.after_commit.append(callback)

    def prepare(self, statement: ClauseElement) -> Prepared:
        """Return `statement` in a form that runs on the current connection without the ORM."""
        return Prepared(statement, lambda: self.current, on_server=None)

    def prepare_for_values(self, statement: ClauseElement) -> Prepared:
        """Like `prepare`, but PostgreSQL plans each run anew, for the values of its parameters.

        Worth it where the best plan depends on how common a value is.
        """
        return Prepared(statement, lambda: self.current, on_server=False)

    def pool_use(self) -> tuple[int, int]:
        """Return how many connections this process may have, and how many are in use now."""
        return self._options.database_pool_size, self.pool.in_use

    def dispose(self) -> None:
        """Close the connections that nobody uses."""
        self.pool.dispose()

    @cached_property
    def pool(self) -> ConnectionPool:
        """The pool; made at first use, so after a worker process has forked."""
        return ConnectionPool(self.engine, self._options.database_pool_size, POOL_WAIT_SECONDS)

    @cached_property
    def engine(self) -> Engine:
        """What opens connections, and what the ORM writes its statements by."""
        if monkey.is_module_patched("select"):
            gevent_wait.install()
        engine = create_engine(
            self._find_url(),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # they may be secrets, and errors are logged
            json_deserializer=orjson.loads,
            poolclass=NullPool,
            pool_reset_on_return=None,
            connect_args={
                "cursor_factory": Cursor,
                "connect_timeout": self._options.database_connect_seconds,
                "application_name": "stint",
                # To compile a statement takes a hundred times longer than any of ours may run.
                "options": "-c timezone=UTC -c jit=off",
                **TCP_LIMITS,
            },
        )
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", self._set_up_connection)
        return engine

    def _connect(
        self, _dialect: Any, _record: Any, arguments: Any, options: Any
    ) -> PatientConnection:
        driver = PatientConnection.connect(*arguments, **options)
        driver.patience = patience_with(self._options.database_statement_ms)
        return driver

    def _set_up_connection(self, driver: PatientConnection, _record: Any) -> None:
        options = self._options
        limits = {
            "statement_timeout": options.database_statement_ms,
            "lock_timeout": options.database_lock_ms,
            "idle_in_transaction_session_timeout": options.database_idle_transaction_ms,
        }
        if driver.info.server_version >= 170_000:
            limits["transaction_timeout"] = options.database_transaction_ms
        for name, milliseconds in limits.items():
            driver.execute("SELECT set_config(%s, %s, false)", (name, str(milliseconds)))
        driver.adapters.register_loader("uuid", TextLoader)
        driver.adapters.register_dumper(dict, _JsonDumper)


class _JsonDumper(JsonbDumper):
    """Dictionaries are JSONB wherever they are a parameter."""

    _dumps = orjson.dumps


def _run_logged(callback: Callable[[], None]) -> None:
    """The transaction is committed: what follows it may fail without undoing anything."""
    try:
        callback()
    except Exception:
        logger.exception("on_commit.failed", callback=getattr(callback, "__qualname__", ""))


def configured_url() -> str | None:
    """Return the URL of DATABASE_URL with the driver that we use, None when it is unset."""
    if settings.database_url is None:
        return None
    return f"postgresql+psycopg://{settings.database_url.get_secret_value().partition('://')[2]}"


def find_database_url() -> str:
    """Return the URL of DATABASE_URL, or else of the embedded PostgreSQL when it runs."""
    url = configured_url() or embedded_postgres.running_url()
    if url is None:
        raise UnavailableError(
            "The embedded PostgreSQL does not run; start it with `make run` or set DATABASE_URL.",
            code="database_away",
        )
    return url


@contextmanager
def running_database() -> Iterator[str]:
    """Yield the URL of the database for a command; the embedded one is started if need be."""
    url = configured_url()
    if url is not None:
        yield url
        return
    with embedded_postgres.running() as embedded_url:
        yield embedded_url


db = DatabaseClient(find_database_url, settings)
