"""Exports: everything of somebody's in one archive."""

from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import BinaryIO

from sqlalchemy import text

from models.archive import NOTIFICATIONS_TABLE
from models.download import ZipDownload
from models.membership import ProjectRole
from models.principal import Principal
from services.archives.file import ArchiveFile
from services.archives.queries import MY_PROJECTS, NOTIFICATIONS, STATEMENTS
from services.db_client import DatabaseClient, db
from services.prepared import Row
from utils.errors import InProgressError
from utils.helpers import utc_now

BATCH = 250  # rows; other requests of the worker get their turn between batches

# One at a time for each person: it takes long and fills the disk. Held until the file is written.
CLAIM = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0)) AS claimed")

# Where records name users.
NAMING_ONE = ("user_id", "created_by", "assignee_id", "delegate_id")
NAMING_MANY = "mentions"


class ExportService:
    """Reads an account in one state and writes it into a temporary file."""

    def __init__(self, database: DatabaseClient) -> None:
        self._db = database
        self._claim = database.prepare(CLAIM)
        self._my_projects = database.prepare(MY_PROJECTS)
        self._notifications = database.prepare(NOTIFICATIONS)
        self._statements = {
            kind: database.prepare(statement) for kind, statement in STATEMENTS.items()
        }

    def export(self, principal: Principal) -> ZipDownload:
        """Return everything that is the caller's; see archives/queries.py for what that is.

        An entry point of its own: nothing is held while the file is sent.
        """
        name = f"stint-{utc_now():%Y-%m-%d}.zip"
        with ExitStack() as unless_done:
            file = unless_done.enter_context(TemporaryFile())  # it never has a name on the disk
            self._db.snapshot(lambda: self._write(principal, file))
            unless_done.pop_all()
        return ZipDownload(name, file)

    def _write(self, principal: Principal, file: BinaryIO) -> None:
        if not self._claim.one(name=f"export {principal.id}")["claimed"]:
            raise InProgressError(
                "An export of yours is being made; wait until it is done, then ask again.",
                code="export_running",
            )
        file.seek(0)
        file.truncate()
        self._db.allow_long_transaction()
        parameters = self._scopes(principal)
        users: set[str] = set()
        with ArchiveFile(file) as archive:
            for kind, statement in self._statements.items():
                known = {"ids": sorted(users)} if kind == "people" else {}
                batches = statement.batches(BATCH, **parameters, **known)
                archive.add(kind, _noting_users(batches, users))
            told = self._notifications.batches(BATCH, **parameters)
            archive.add_table(NOTIFICATIONS_TABLE, told)
            archive.finish(utc_now())

    def _scopes(self, principal: Principal) -> Row:
        mine = self._my_projects.all(me=principal.id)
        owned = [row["project_id"] for row in mine if row["role"] == ProjectRole.OWNER]
        others = [row["project_id"] for row in mine if row["role"] != ProjectRole.OWNER]
        return {"me": principal.id, "own": [principal.id, *owned], "shared": others}


def _noting_users(batches: Iterator[list[Row]], users: set[str]) -> Iterator[list[Row]]:
    """Pass batches on, and note whom they name."""
    for rows in batches:
        for row in rows:
            users.update(row[name] for name in NAMING_ONE if row.get(name))
            users.update(row.get(NAMING_MANY, ()))
        yield rows


export_service = ExportService(db)
