"""Moving tasks: to another place in the order, under another parent, into another project."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, any_, bindparam, select

from models.base import UuidText
from models.event import EventType
from models.membership import MembershipRow
from models.principal import Principal
from models.task import BLOCKED, ChangedTask, Task, TaskMove, TaskRow
from models.time_entry import TimeEntry, TimeEntryRow
from services.comment_service import CommentService, comment_service
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.item_service import ItemService, item_service
from services.operation_service import OperationService, operation_service
from services.ordering import LIST_ID, Ordering
from services.project_service import ProjectService, project_service
from services.task_service import TaskService, task_service
from utils.errors import BadRequestError, ConflictError
from utils.preconditions import IfMatch

MEMBERS = select(MembershipRow.user_id).where(
    MembershipRow.project_id == bindparam("project_id"), MembershipRow.active
)
# Those in the trash too: they come back as they are.
WAITING = (
    select(TaskRow)
    .where(
        TaskRow.blocked_by.overlap(bindparam("ids", type_=ARRAY(UuidText))),
        BLOCKED,
    )
    .order_by(TaskRow.id)
    .with_for_update()
)
TIME = (
    select(TimeEntryRow)
    .where(TimeEntryRow.task_id == any_(bindparam("ids", type_=ARRAY(UuidText))))
    .order_by(TimeEntryRow.id)
    .with_for_update()
)


class TaskMoveService:
    """Moves tasks with everything that belongs to them."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        projects: ProjectService,
        tasks: TaskService,
        items: ItemService,
        comments: CommentService,
        operations: OperationService,
    ) -> None:
        self._db = database
        self._events = events
        self._projects = projects
        self._tasks = tasks
        self._items = items
        self._comments = comments
        self._operations = operations
        self._order = Ordering(database, TaskRow, TaskRow.scope_id == LIST_ID)
        self._members = database.prepare(MEMBERS)

    def move(
        self, principal: Principal, task_id: str, target: TaskMove, if_match: IfMatch
    ) -> ChangedTask:
        """Put a task where `target` says; what it does not name stays as it is."""
        values = target.model_dump(exclude_unset=True)
        row = self._load(principal, task_id, values)
        if_match.check(Task.model_validate(row))
        left_room = scope_room(row.project_id, row.created_by)
        belongings = Belongings()
        if values.get("project_id", row.project_id) != row.project_id:
            belongings = self._change_project(principal, row, values["project_id"])
            values.setdefault("parent_id", None)
        scope_id = row.project_id or row.created_by
        if "parent_id" in values:
            if values["parent_id"] is not None:
                self._tasks.graph.check_parent(row.id, values["parent_id"], scope_id)
            row.parent_id = values["parent_id"]
        before_id, after_id = values.get("before_id"), values.get("after_id")
        moved_aside: Sequence[TaskRow] = ()
        if before_id or after_id:
            moved_aside = self._order.place(scope_id, row, before_id, after_id)
        changed = [each for each in (row, *moved_aside) if self._db.session.is_modified(each)]
        self._db.session.flush()
        for each in changed:
            self._tasks.changed(principal, Task.model_validate(each), EventType.TASK_UPDATED)
        if belongings.tasks:
            self._tell(principal, left_room, row, belongings)
        return ChangedTask.model_validate(row)

    def _load(self, principal: Principal, task_id: str, values: dict[str, Any]) -> TaskRow:
        if "project_id" not in values:
            return self._tasks.load_with_scope(principal, task_id)
        target_scope = values["project_id"] or principal.id
        return self._tasks.load_with_scope(principal, task_id, target_scope)

    def _change_project(
        self, principal: Principal, top: TaskRow, project_id: str | None
    ) -> "Belongings":
        """Take a task, those below it and the time spent on them into another scope."""
        rows = self._tasks.load_subtree(top.id)
        ids = [row.id for row in rows]
        entries = list(self._db.session.scalars(TIME, {"ids": ids}))
        members = self._people_of(principal, project_id)
        _refuse_to_hide_time(entries, members)
        if project_id is None:
            _refuse_foreign(principal, rows)
        self._release_waiting(principal, ids)
        for row in rows:
            if row.delegate_id is not None:  # an agent at work does not follow; it claims it anew
                self._tasks.leases.withdraw(principal, row)
                row.delegate_id = self._tasks.delegates.still(row.delegate_id, project_id)
            row.project_id = project_id
            row.blocked_by = [each for each in row.blocked_by if each in ids]
            if row.assignee_id not in members:
                row.assignee_id = None
        for entry in entries:
            entry.project_id = project_id
        self._operations.follow(ids, project_id or principal.id)
        return Belongings(rows, entries)

    def _people_of(self, principal: Principal, project_id: str | None) -> set[str]:
        """Return who belongs to where tasks go, once it is sure that the caller may work there."""
        if project_id is None:
            return {principal.id}
        self._projects.open_for_work(principal, project_id)
        return {row["user_id"] for row in self._members.all(project_id=project_id)}

    def _release_waiting(self, principal: Principal, ids: list[str]) -> None:
        """Let the tasks that stay no longer wait for those that go."""
        waiting = [
            row for row in self._db.session.scalars(WAITING, {"ids": ids}) if row.id not in ids
        ]
        for row in waiting:
            row.blocked_by = [each for each in row.blocked_by if each not in ids]
        self._db.session.flush()
        for row in waiting:
            if row.deleted_at is None:
                self._tasks.changed(principal, Task.model_validate(row), EventType.TASK_UPDATED)

    def _tell(
        self, principal: Principal, left_room: str, top: TaskRow, belongings: "Belongings"
    ) -> None:
        """Tell the old room what left, and the new one what came along with the task."""
        room = scope_room(top.project_id, top.created_by)
        for row in belongings.tasks:
            task = Task.model_validate(row)
            self._events.record_departure(principal, left_room, EventType.TASK_MOVED, task)
            if row is not top:
                self._events.record(principal, room, EventType.TASK_UPDATED, task)
        ids = [row.id for row in belongings.tasks]
        for item in self._items.of_tasks(ids):
            self._events.record(principal, room, EventType.ITEM_UPDATED, item)
        for comment in self._comments.of_tasks(ids):
            self._events.record(principal, room, EventType.COMMENT_UPDATED, comment)
        for spent in belongings.entries:
            if spent.deleted_at is None:
                entry = TimeEntry.model_validate(spent)
                entry_room = scope_room(spent.project_id, spent.user_id)
                self._events.record_departure(
                    principal, left_room, EventType.TIME_ENTRY_MOVED, entry
                )
                self._events.record(principal, entry_room, EventType.TIME_ENTRY_UPDATED, entry)


@dataclass(frozen=True, slots=True)
class Belongings:
    """What goes along with a task that changes its project, itself included."""

    tasks: Sequence[TaskRow] = ()
    entries: Sequence[TimeEntryRow] = ()


def _refuse_to_hide_time(entries: list[TimeEntryRow], members: set[str]) -> None:
    """Somebody's time goes only where that person can see it."""
    strangers = sorted({entry.user_id for entry in entries} - members)
    if strangers:
        raise ConflictError(
            "People recorded time on this who do not belong there; add them first.",
            code="time_of_others",
            user_ids=strangers,
        )


def _refuse_foreign(principal: Principal, rows: list[TaskRow]) -> None:
    """A personal task belongs to whoever made it."""
    if any(row.created_by != principal.id for row in rows):
        raise BadRequestError(
            "Only tasks that you made can become personal ones of yours; copy the others.",
            code="made_by_others",
        )


task_move_service = TaskMoveService(
    db,
    event_service,
    project_service,
    task_service,
    item_service,
    comment_service,
    operation_service,
)
