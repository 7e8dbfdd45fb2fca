"""Changing the schema beside everybody's work: one process at a time, and no lock waited for long.

Whoever waits for a lock on a table has all others wait behind it. So a migration gives up soon,
which undoes it, and tries again. Indexes alone are built and dropped outside of a transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from psycopg import errors
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from services.schema_service import LOCK
from utils.errors import UnavailableError
from utils.logger import get_logger

LOCK_SECONDS = 1  # requests give up after DATABASE_LOCK_MS, which is twice as long
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 2.0  # for those who had to wait
TURN_SECONDS = 0.2

MAY_PASS = (errors.LockNotAvailable, errors.DeadlockDetected)

# A role that is no superuser learns of others' transactions only what they have locked.
IN_THE_WAY = text(
    """
    SELECT pid, COALESCE(NULLIF(application_name, ''), 'a program without a name') AS program,
           usename AS role, EXTRACT(epoch FROM clock_timestamp() - xact_start)::int AS seconds,
           ARRAY(
               SELECT DISTINCT relname::text FROM pg_locks
               JOIN pg_class ON pg_class.oid = relation AND relkind = 'r'
               WHERE pg_locks.pid = activity.pid AND granted
                 AND relnamespace = to_regnamespace('public')
           ) AS tables
    FROM pg_stat_activity AS activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND (xact_start < clock_timestamp() - make_interval(secs => :seconds)
           OR xact_start IS NULL AND EXISTS (
               SELECT FROM pg_locks
               WHERE pg_locks.pid = activity.pid AND granted AND locktype = 'relation'))
    ORDER BY xact_start LIMIT 3
    """
)

logger = get_logger(__name__)


class SchemaBusyError(UnavailableError):
    """The locks that a migration needs are held by others."""

    default_code = "schema_busy"


@contextmanager
def changing_schema(url: str) -> Iterator[Connection]:
    """Yield a connection for migrations as soon as no other process is at them."""
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "application_name": "stint-migration",
            "options": f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout=0",
        },
    )
    with engine.connect() as connection:
        _await_turn(connection)
        yield connection


def _await_turn(connection: Connection) -> None:
    """Take the lock of whoever changes the schema, until the connection is closed.

    By asking: who waits inside of a statement has a snapshot, which CREATE INDEX CONCURRENTLY of
    the one before would wait for.
    """
    is_told = False
    while not _takes_lock(connection):
        if not is_told:
            logger.warning("schema.waits_for_another_migration")
            is_told = True
        sleep(TURN_SECONDS)


def _takes_lock(connection: Connection) -> bool:
    with connection.begin():
        return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}))


def migrate_patiently(
    connection: Connection, migrate: Callable[[], None], may_repeat: Callable[[], bool]
) -> None:
    """Call `migrate` until it gets its locks; SchemaBusyError says who has them.

    It has a minute from the first refusal on: what was done before may have taken hours.
    """
    deadline: float | None = None
    while True:
        try:
            return migrate()
        except OperationalError as error:
            connection.rollback()
            if not isinstance(error.orig, MAY_PASS):
                raise
            deadline = deadline or monotonic() + PATIENCE_SECONDS
            if monotonic() >= deadline or not may_repeat():
                told = f"{_who_is_in_the_way(connection)} That migration {what_is_left(error)}"
                raise SchemaBusyError(f"{told}, those before it stay.") from error
        logger.warning("schema.waits_for_locks", seconds=PAUSE_SECONDS)
        sleep(PAUSE_SECONDS)


def what_is_left(error: DBAPIError) -> str:
    """Say what there is now of a migration that failed."""
    if "CONCURRENTLY" in (error.statement or ""):
        return "may have left an index that is not valid, which running this again mends"
    return "was undone"


def _who_is_in_the_way(connection: Connection) -> str:
    with connection.begin():
        found = connection.execute(IN_THE_WAY, {"seconds": LOCK_SECONDS}).mappings().all()
    named = [
        f"process {each['pid']} ({each['program']}, role {each['role']})"
        + ("" if each["seconds"] is None else f" in a transaction for {each['seconds']} s")
        + (f" with locks on {', '.join(each['tables'])}" if each["tables"] else "")
        for each in found
    ]
    return (
        "A migration needs locks that others hold: "
        + ("; ".join(named) or "many short transactions")
        + ". Let them end, or end one with SELECT pg_terminate_backend(<process>), and run this "
        "again."
    )
