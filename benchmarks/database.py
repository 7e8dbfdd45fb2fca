"""The database that all sides work on: made for one run, migrated, filled, dropped."""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url
from uuid_utils import uuid7

from benchmarks.processes import cpu_seconds, is_named, parent_of, process_tree
from services.postgres.embedded import SERVER_SETTINGS, EmbeddedPostgres
from utils.positions import last_position

USERS = 100
TASKS = 100_000
COLUMNS = "id, created_by, position, title, description, labels, metadata"
# All sides fill their pools at once, and what is filled in before should not wait for checkpoints.
BENCH_SETTINGS = {"max_connections": "250", "max_wal_size": "4GB"}
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Database:
    """One PostgreSQL database."""

    url: URL

    @property
    def for_stint(self) -> str:
        """DATABASE_URL for Stint."""
        return self._render("postgresql+psycopg")

    @property
    def for_peer(self) -> str:
        """The same database by way of asyncpg."""
        return self._render("postgresql+asyncpg")

    def _render(self, driver: str) -> str:
        return self.url.set(drivername=driver).render_as_string(hide_password=False)

    def connect(self) -> psycopg.Connection:
        """Open a connection in autocommit mode."""
        return psycopg.connect(self._render("postgresql"), autocommit=True)

    def version(self) -> str:
        """What the server says it is, like 18.1."""
        with self.connect() as connection:
            return connection.info.parameter_status("server_version") or "unknown"

    def vacuum_when_told(self) -> None:
        """Leave no table that is there to autovacuum: once a minute it would hit one side alone."""
        with self.connect() as connection:
            tables = connection.execute(
                "SELECT relname FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            for (table,) in tables:
                statement = sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)")
                connection.execute(statement.format(sql.Identifier(table)))

    def vacuum(self) -> None:
        """Do what autovacuum would have done since the last time."""
        with self.connect() as connection:
            connection.execute("VACUUM (ANALYZE)")

    def cpu_seconds(self) -> float | None:
        """CPU time of PostgreSQL so far; None unless it runs on this machine.

        All of it: connections may have ended meanwhile, and others than theirs write and sync.
        """
        if not self._is_local:
            return None
        with self.connect() as connection:
            pid = connection.info.backend_pid
            return cpu_seconds(process_tree(parent_of(pid))) if is_named(pid, "postgres") else None

    def backends(self) -> list[int]:
        """The processes that serve its connections; none unless they run on this machine."""
        if not self._is_local:
            return []
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        return [pid for (pid,) in rows if is_named(pid, "postgres")]

    @property
    def _is_local(self) -> bool:
        host = str(self.url.query.get("host") or self.url.host or "localhost")
        return host.startswith("/") or host in LOCAL_HOSTS


@contextmanager
def temporary_database(server_url: str | None) -> Iterator[Database]:
    """Make a database on that server, or on a PostgreSQL of our own; nothing of it remains."""
    if server_url is not None:
        with _temporary_database_on(make_url(server_url)) as database:
            yield database
        return
    with (
        tempfile.TemporaryDirectory(prefix="stint-bench-") as directory,
        EmbeddedPostgres(
            Path(directory) / "postgres", SERVER_SETTINGS | BENCH_SETTINGS
        ).running() as url,
    ):
        yield Database(make_url(url))


@contextmanager
def _temporary_database_on(server: URL) -> Iterator[Database]:
    name = sql.Identifier(f"bench_{secrets.token_hex(6)}")
    admin = Database(server)
    with admin.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield Database(server.set(database=name.as_string().strip('"')))
    finally:
        with admin.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def migrate(environment: dict[str, str]) -> None:
    """Build Stint's schema by its own migrations."""
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "main", "db", "upgrade"],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def fill(database: Database, signed_up: list[str]) -> dict[str, list[str]]:
    """Bring the users to 100 and give each 1,000 tasks, in turn; return the ids by user.

    `signed_up` are the ids of the users who exist already, made by the API.
    """
    users = signed_up + [str(uuid7()) for _ in range(USERS - len(signed_up))]
    tasks: dict[str, list[str]] = {user: [] for user in users}
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Bench') ON CONFLICT DO NOTHING",
            [(user, f"{user}@example.org") for user in users],
        )
        with cursor.copy(f"COPY tasks ({COLUMNS}) FROM STDIN") as copy:
            for number in range(TASKS):
                user = users[number % len(users)]
                tasks[user].append(str(uuid7()))
                copy.write_row(
                    (
                        tasks[user][-1],
                        user,
                        last_position(),
                        f"Prepare the quarterly figures, part {number}",
                        "Collect what the teams sent, check the sums, and note what is missing.",
                        ["finance", "quarterly"],
                        '{"source": "benchmark"}',
                    )
                )
        connection.execute("VACUUM (ANALYZE) users, tasks")
        connection.execute("CHECKPOINT")
    return tasks
