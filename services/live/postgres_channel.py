"""Hints over LISTEN and NOTIFY: for every installation, as the database is there anyway."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ARRAY, Text, bindparam, func, select

from services.db_client import DatabaseClient

CHANNEL = "stint"
PROBE_SECONDS = 5.0

NOTIFY = select(func.pg_notify(CHANNEL, func.unnest(bindparam("messages", type_=ARRAY(Text)))))


class PostgresChannel:
    """Sends on pooled connections and listens on one of its own."""

    def __init__(self, database: DatabaseClient) -> None:
        self._db = database
        self._notify = database.prepare(NOTIFY)

    def send(self, messages: Sequence[str]) -> None:
        """Notify, in autocommit: NOTIFY holds a lock of the whole server until its commit."""
        self._db.reading(lambda: self._notify.execute(messages=list(messages)))

    def listen(self) -> Iterator[str | None]:
        """Yield what is notified; a connection that died without a word is noticed in time."""
        with self._db.own_connection() as connection:
            connection.execute("SET application_name = 'stint bus'")
            connection.execute(f"LISTEN {CHANNEL}")
            yield None
            while True:
                for notification in connection.notifies(timeout=PROBE_SECONDS):
                    yield notification.payload
                connection.execute_promptly(b"SELECT 1")
