"""The history of tasks, read from the log of events.

An event holds what its subject is afterwards; what was changed is told by the event before it of
the same subject.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, literal_column, select, text, true
from sqlalchemy.orm import aliased

from models.base import UuidText
from models.event import ABOUT, OF_HISTORY, EventRow
from models.history import FieldChange, HistoryEntry, HistoryQuery
from models.principal import Principal
from services.db_client import DatabaseClient, db
from services.event_service import scope_room
from services.listing import LIMIT, OFFSET, Listing, Order
from services.prepared import Row
from services.task_service import TaskService, task_service
from utils.pages import Page

ORDERS = {"newest": Order({"seq": EventRow.seq}, descending=True)}

# What changes with every change, or never.
UNTOLD = frozenset({"id", "updated_at", "version"})
CHANGED = ("task.updated", "item.updated")


def _of_task(event: type[EventRow]) -> ColumnElement[bool]:
    """Condition: an event is in this room and about this task.

    IS TRUE keeps PostgreSQL from reading all of the room, which may be a million times as much.
    """
    return and_(
        (event.room == bindparam("room")).is_(true()),
        literal_column(ABOUT, UuidText) == bindparam("task_id", type_=UuidText),
        text(OF_HISTORY),
    )


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    """Read a page, and of each event the one before it of the same subject."""
    page = (
        select(EventRow)
        .where(_of_task(EventRow), *conditions)
        .order_by(*order.clauses())
        .limit(LIMIT)
        .offset(OFFSET)
        .subquery("page")
    )
    earlier = aliased(EventRow, name="earlier")
    before = (
        select(earlier.data)
        .where(
            _of_task(earlier),
            earlier.subject_id == page.c.subject_id,
            earlier.seq < page.c.seq,
            text(f"page.type IN {CHANGED}"),
        )
        .order_by(earlier.seq.desc())
        .limit(1)
        .lateral("before")
    )
    keys = Order({"seq": page.c.seq}, descending=True)
    return (
        select(
            page.c.seq,
            page.c.type,
            page.c.at,
            page.c.actor_id.label("actor"),
            page.c.subject_id.label("subject"),
            page.c.version,
            page.c.data,
            before.c.data.label("before"),
            *keys.cursor_columns(),
        )
        .select_from(page.outerjoin(before, true()))
        .order_by(*keys.clauses())
    )


class HistoryService:
    """Tells who changed a task, and how."""

    def __init__(self, database: DatabaseClient, tasks: TaskService) -> None:
        self._tasks = tasks
        self._listing = Listing("history", database, _select_page, {}, ORDERS)

    def page(self, principal: Principal, task_id: str, query: HistoryQuery) -> Page[HistoryEntry]:
        """Return what happened to a task in the room that it is in, newest first.

        What happened elsewhere before is for those who are there.
        """
        task = self._tasks.get(principal, task_id)
        room = scope_room(task.project_id, task.created_by)
        return self._listing.page(query, {"room": room, "task_id": task_id}, "newest").map(_entry)


def _entry(row: Row) -> HistoryEntry:
    title = row["data"].get("title", row["data"].get("name"))
    return HistoryEntry.model_validate({**row, "title": title, "changes": _changes(row)})


def _changes(row: Row) -> list[FieldChange] | None:
    """Return what changed; of what came in or went away nothing is known but that it did."""
    if row["type"] not in CHANGED:
        return []
    after, before = row["data"], row["before"] or {}
    names = [name for name in after if name in before and name not in UNTOLD]
    if not names:
        return None
    return [
        FieldChange(field=name, old=before[name], new=after[name])
        for name in names
        if before[name] != after[name]
    ]


history_service = HistoryService(db, task_service)
