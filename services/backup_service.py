"""Backups: everything that is in the database as one file, and back into a database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

from models.backup import Manifest, Restoration
from models.base import Base
from services.backups import file as backup_file
from services.backups.errors import BackupError
from services.backups.statements import (
    BEFORE,
    OTHERS,
    TABLES,
    UNHURRIED,
    after,
    count_all,
)
from services.backups.transfer import PASSING, Transfer
from services.postgres.client_programs import ClientPrograms
from services.schema_service import SchemaService, schema_service
from services.secret_box import SecretBox, secret_box
from utils.errors import ConflictError, UnavailableError
from utils.helpers import utc_now
from utils.logger import get_logger

CONNECT_SECONDS = 10
LEAVING_SECONDS = 2.0  # a connection that was closed is seen for a moment yet
OF_LIBRARIES = "procrastinate_"
VERSIONS = "alembic_version"
KEY_MISSING = (
    "Secrets in this backup were encrypted with a SECRET_KEY that is not here: second factors and "
    "webhooks do not work. List that key in OLD_SECRET_KEYS and run `flask rotate-secrets`, or set "
    "it as SECRET_KEY; see docs/operations.rst."
)

Connection = psycopg.Connection[tuple[Any, ...]]
Requirement = Callable[[Connection], None]

logger = get_logger(__name__)


class BackupService:
    """Makes backups while the service runs, and restores them while it does not."""

    def __init__(self, schema: SchemaService, secrets: SecretBox) -> None:
        self._schema = schema
        self._secrets = secrets

    def backup(self, url: str, path: Path) -> Manifest:
        """Write what is in the database at this moment to a new file.

        Nobody has to wait for it, and what is written meanwhile is not in it. The keys that read
        the secrets in there are not in it either.
        """
        with _connected(url) as connection, backup_file.written_beside(path) as file:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            revision = _revision(connection)
            if revision is None:
                raise BackupError("There is nothing of Stint in this database; look at its name.")
            server = _major(connection)
            rows = _count(connection)
            programs = ClientPrograms.find(server)

            def describe(length: int, digest: str) -> Manifest:
                return Manifest(
                    made_at=utc_now(),
                    schema_revision=revision,
                    postgres=server,
                    programs=programs.major,
                    keys=tuple(self._secrets.fingerprints()),
                    rows=rows,
                    dump_bytes=length,
                    dump_sha256=digest,
                )

            (snapshot,) = _row(connection, "SELECT pg_export_snapshot()")
            dump = Transfer(programs, url, server).dump(snapshot)
            manifest = backup_file.write(file, dump, describe)
        logger.info("backup.made", rows=manifest.row_count, bytes=manifest.dump_bytes)
        return manifest

    def restore(self, url: str, path: Path) -> Restoration:
        """Put a backup into a database in which nobody has an account yet."""
        return self._restore(url, path, _require_nobody)

    def restore_in_place(self, url: str, path: Path) -> Restoration:
        """Put a backup in the place of what is in the database, which is then gone."""
        return self._restore(url, path, _require_nothing_more)

    def _restore(self, url: str, path: Path, require: Requirement) -> Restoration:
        with _opened(path) as file:
            manifest, dump_at = backup_file.check(file)
            if not self._schema.knows(manifest.schema_revision):
                raise BackupError(
                    f"This backup is of revision {manifest.schema_revision}, newer than "
                    f"{self._schema.head} of this code; install the version that made it."
                )
            with _connected(url) as connection:
                server = _major(connection)
                if server < manifest.postgres:
                    raise BackupError(
                        f"This backup is of PostgreSQL {manifest.postgres} and the server is "
                        f"{server}; restore it into {manifest.postgres} or newer."
                    )
                self._require_only_ours(connection, manifest)
                _require_nobody_else(connection)
                require(connection)
            programs = ClientPrograms.find(max(server, manifest.programs))
            file.seek(dump_at)
            Transfer(programs, url, server).load(file, BEFORE, after(manifest.rows))
        logger.info("backup.restored", rows=manifest.row_count)
        return self._finish(url, manifest)

    def _finish(self, url: str, manifest: Manifest) -> Restoration:
        restoration = Restoration(manifest=manifest, warnings=self._missing_keys(manifest))
        if manifest.schema_revision != self._schema.head:
            self._schema.upgrade()
            restoration.migrated_to = self._schema.head
        with _connected(url) as connection:
            connection.execute("ANALYZE")  # or the first hours are slow: dumps hold no statistics
        return restoration

    def _missing_keys(self, manifest: Manifest) -> list[str]:
        missing = set(manifest.keys) - set(self._secrets.fingerprints())
        return [KEY_MISSING] if missing else []

    def _require_only_ours(self, connection: Connection, manifest: Manifest) -> None:
        ours = {*Base.metadata.tables, *manifest.rows, *PASSING, VERSIONS}
        strange = [
            name
            for name in _tables(connection)
            if name not in ours and not name.startswith(OF_LIBRARIES)
        ]
        if strange:
            raise BackupError(
                f"The database holds tables that are not Stint's ({', '.join(strange[:5])}); "
                "restore into a database of its own."
            )


def _require_nobody_else(connection: Connection) -> None:
    deadline = monotonic() + LEAVING_SECONDS
    while (others := connection.execute(OTHERS.encode()).fetchall()) and monotonic() < deadline:
        sleep(0.1)
    if others:
        named = ", ".join(f"{count} of {name}" for name, count in others)
        raise ConflictError(
            f"The database is in use ({named}); stop the web server, the worker and whatever else "
            "is connected, and restore then.",
            code="in_use",
        )


def _require_nobody(connection: Connection) -> None:
    """A schema alone is made by every start; what counts is whether anybody has an account."""
    if "users" not in _tables(connection):
        return
    (count,) = _row(connection, "SELECT count(*) FROM public.users")
    if count:
        raise ConflictError(
            f"This database is in use by people (accounts: {count}); make a backup of it, and say "
            "--replace to put this one in the place of all that is there.",
            code="not_empty",
        )


def _require_nothing_more(_connection: Connection) -> None:
    """What is there was said to be of no use."""


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        # A program reads on from where we are in it: nothing may have been read ahead.
        with path.open("rb", buffering=0) as file:
            yield file
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Yield a connection of our own, without the limits that requests have."""
    conninfo = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(
            conninfo,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="stint-backup",
        ) as connection:
            connection.execute(UNHURRIED)
            yield connection
    except psycopg.ProgrammingError as error:  # libpq's words about a bad URL quote the password
        raise UnavailableError("DATABASE_URL is not a PostgreSQL URL, or not Stint's.") from error
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0]
        raise UnavailableError(f"The database cannot be used: {reason}") from error


def _major(connection: Connection) -> int:
    return connection.info.server_version // 10_000


def _row(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise BackupError("The database holds no schema of Stint's.")
    return row


def _tables(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute(TABLES)]


def _revision(connection: Connection) -> str | None:
    if VERSIONS not in _tables(connection):
        return None
    (revision,) = _row(connection, f"SELECT version_num FROM public.{VERSIONS}")  # noqa: S608 - a constant
    return str(revision)


def _count(connection: Connection) -> dict[str, int]:
    tables = [name for name in _tables(connection) if name not in PASSING]
    return dict(connection.execute(count_all(tables).encode()).fetchall())


backup_service = BackupService(schema_service, secret_box)
