"""Snapshots of rooms, for clients that begin, or that were away for too long."""

from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import ClauseElement, ColumnElement, and_, bindparam, exists, or_, select

from models.agent import Agent
from models.base import UuidText, columns_of
from models.comment import Comment, CommentRow
from models.item import Item, ItemRow
from models.lease import Lease, LeaseRow
from models.membership import Member, MembershipRow
from models.notification import Notification, NotificationRow
from models.principal import Principal
from models.project import Project
from models.snapshot import SnapshotDownload, SnapshotHead
from models.task import Task, TaskRow
from models.time_entry import TimeEntry, TimeEntryRow
from models.user import User, UserRow
from services.db_client import DatabaseClient, db
from services.event_log import EventLog, event_log
from services.event_service import EventService, event_service, project_room
from services.membership_service import PLACES
from services.prepared import Row
from services.project_service import MINE
from utils.offload import offload

BATCH = 250  # rows; other requests of the worker get their turn between batches

SCOPE = bindparam("scope_id", type_=UuidText)  # the project or else the person whose room it is


def _of_live_task(task_id: Any) -> ColumnElement[bool]:
    return exists().where(
        TaskRow.id == task_id, TaskRow.scope_id == SCOPE, TaskRow.deleted_at.is_(None)
    )


# For each member of a snapshot: what its elements are, and where they come from.
PARTS: dict[str, tuple[type[BaseModel], ClauseElement]] = {
    "project": (Project, MINE.where(MembershipRow.project_id == SCOPE)),
    "members": (
        Member,
        PLACES.where(
            MembershipRow.active,
            or_(MembershipRow.project_id == SCOPE, MembershipRow.user_id == SCOPE),
        ),
    ),
    "user": (User, select(*columns_of(UserRow, User)).where(UserRow.id == SCOPE)),
    "agents": (Agent, select(*columns_of(UserRow, Agent)).where(UserRow.owner_id == SCOPE)),
    "tasks": (
        Task,
        select(*columns_of(TaskRow, Task)).where(
            TaskRow.scope_id == SCOPE, TaskRow.deleted_at.is_(None)
        ),
    ),
    "items": (
        Item,
        select(*columns_of(ItemRow, Item)).where(
            ItemRow.deleted_at.is_(None),
            or_(
                and_(ItemRow.task_id.is_(None), ItemRow.created_by == SCOPE),
                _of_live_task(ItemRow.task_id),
            ),
        ),
    ),
    "comments": (
        Comment,
        select(*columns_of(CommentRow, Comment)).where(
            CommentRow.deleted_at.is_(None), _of_live_task(CommentRow.task_id)
        ),
    ),
    "leases": (
        Lease,
        select(*columns_of(LeaseRow, Lease)).where(
            LeaseRow.project_id == SCOPE, LeaseRow.ended_at.is_(None)
        ),
    ),
    "time_entries": (
        TimeEntry,
        select(*columns_of(TimeEntryRow, TimeEntry)).where(
            TimeEntryRow.scope_id == SCOPE, TimeEntryRow.deleted_at.is_(None)
        ),
    ),
    "notifications": (
        Notification,
        select(*columns_of(NotificationRow, Notification)).where(
            NotificationRow.user_id == SCOPE,
            NotificationRow.shown,
            NotificationRow.read_at.is_(None),
        ),
    ),
}
SINGLE = {"project", "user"}


class SnapshotService:
    """Reads a whole room in one state."""

    def __init__(self, database: DatabaseClient, events: EventService, log: EventLog) -> None:
        self._db = database
        self._events = events
        self._log = log
        self._parts = {
            name: (TypeAdapter(model), database.prepare(statement))
            for name, (model, statement) in PARTS.items()
        }

    def take(self, principal: Principal, room: str) -> SnapshotDownload:
        """Return everything in a room, and the seq of its log that it goes with.

        An entry point of its own: nothing is held while it is sent.
        """
        with ExitStack() as unless_done:
            file = unless_done.enter_context(TemporaryFile())  # it never has a name on the disk
            self._db.snapshot(lambda: self._write(principal, room, file))
            unless_done.pop_all()
        return SnapshotDownload("snapshot.json", file)

    def take_of_project(self, principal: Principal, project_id: str) -> SnapshotDownload:
        """Return the snapshot of a project's room."""
        return self.take(principal, project_room(project_id))

    def _write(self, principal: Principal, room: str, file: BinaryIO) -> None:
        """Write a `Snapshot`, a few rows at a time."""
        file.seek(0)
        file.truncate()
        self._events.require_entry(principal, room)
        self._db.allow_long_transaction()
        state = self._log.state(room)
        head = SnapshotHead(room=room, epoch=state.epoch, seq=state.seq)
        file.write(head.model_dump_json().encode().removesuffix(b"}"))
        parameters = {"scope_id": room.partition(":")[2], "me": principal.id}
        for name, (adapter, statement) in self._parts.items():
            file.write(f',"{name}":'.encode())
            if name in SINGLE:
                row = statement.first(**parameters)
                file.write(b"null" if row is None else _json_of(adapter, row))
            else:
                file.write(b"[")
                file.writelines(_separated(adapter, statement.batches(BATCH, **parameters)))
                file.write(b"]")
        file.write(b"}")


def _json_of(adapter: TypeAdapter[Any], row: Row) -> bytes:
    return adapter.dump_json(adapter.validate_python(row))


def _separated(adapter: TypeAdapter[Any], batches: Iterator[list[Row]]) -> Iterator[bytes]:
    """Yield batches in JSON, off the event loop, with commas between them."""
    for number, rows in enumerate(batches):
        if number:
            yield b","
        yield offload(_join, adapter, rows)


def _join(adapter: TypeAdapter[Any], rows: list[Row]) -> bytes:
    return b",".join(_json_of(adapter, row) for row in rows)


snapshot_service = SnapshotService(db, event_service, event_log)
