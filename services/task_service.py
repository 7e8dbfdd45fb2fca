"""Tasks: what is to be done, in projects and for oneself."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select

from models.base import apply_changes, patch_json
from models.event import EventType
from models.membership import ProjectRole
from models.notification import NotificationKind
from models.principal import Principal
from models.task import (
    REVIEW,
    ChangedTask,
    Task,
    TaskCreate,
    TaskQuery,
    TaskRow,
    TaskStatus,
    TaskUpdate,
    TaskWarning,
)
from services.access_service import (
    AccessService,
    access_service,
    is_visible,
    not_found,
    refuse_below,
)
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.notification_service import NotificationService, notification_service
from services.operation_service import OperationService, operation_service
from services.project_service import ProjectService, project_service
from services.task_access import select_with_my_role
from services.tasks.delegates import TaskDelegates
from services.tasks.graph import TaskGraph
from services.tasks.leases import TaskLeases
from services.tasks.lists import COLUMNS, TaskLists
from services.tasks.rules import CompletionRules
from services.tasks.series import TaskSeries
from services.time_entry_service import TimeEntryService, time_entry_service
from utils.errors import BadRequestError, ConflictError
from utils.helpers import new_id, utc_now
from utils.pages import Page
from utils.positions import last_position
from utils.preconditions import IfMatch

GET = select(*COLUMNS).where(
    TaskRow.id == bindparam("id"), TaskRow.deleted_at.is_(None), is_visible(TaskRow.scope_id)
)

# What refers to a task names its project too: until the commit the task stays where it is.
LOAD = select_with_my_role(TaskRow).with_for_update(of=TaskRow)

CREATED = (
    "id", "project_id", "created_by", "assignee_id", "title", "description", "status",
    "priority", "due_at", "labels", "task_metadata", "started_at", "completed_at", "parent_id",
    "blocked_by", "position", "recurrence", "series", "delegate_id",
)  # fmt: skip
CREATE = (
    insert(TaskRow)
    .values({name: bindparam(name, type_=getattr(TaskRow, name).type) for name in CREATED})
    .returning(*COLUMNS)
)


class TaskService:
    """What people do with single tasks; moving, bulk and the trash have services of their own."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        projects: ProjectService,
        operations: OperationService,
        notifications: NotificationService,
        entries: TimeEntryService,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._projects = projects
        self._operations = operations
        self._notifications = notifications
        self._lists = TaskLists(database, access)
        self.rules = CompletionRules(database, projects)
        self.graph = TaskGraph(database)
        self.delegates = TaskDelegates(database, access)
        self.leases = TaskLeases(database, events, projects, entries)
        self.series = TaskSeries(database, events, access, self.graph, self.delegates)
        self._get = database.prepare(GET)
        self._create = database.prepare(CREATE)

    def get(self, principal: Principal, task_id: str) -> Task:
        """Return a task that the caller may see."""
        row = self._get.first(id=task_id, me=principal.id)
        if row is None:
            raise not_found()
        return Task.model_validate(row)

    def page(self, principal: Principal, query: TaskQuery) -> Page[Task]:
        """Return the tasks that the caller may see, of all scopes or of one project."""
        return self._lists.page(principal, query)

    def create(self, principal: Principal, body: TaskCreate) -> ChangedTask:
        """Make a task; in a project it takes an editor."""
        if body.project_id is not None:
            self._projects.open_for_work(principal, body.project_id)
        self._check_assignee(body.assignee_id, body.project_id, principal.id)
        self.delegates.check(body.delegate_id, body.project_id)
        task_id, scope_id = new_id(), body.project_id or principal.id
        if body.parent_id or body.blocked_by:
            self.graph.lock(scope_id)
            self._check_graph(task_id, scope_id, body.parent_id, body.blocked_by)
        warnings: list[TaskWarning] = []
        if body.status is TaskStatus.COMPLETED:
            self.rules.require_right(principal, body.project_id)
            if body.blocked_by:
                warnings = self.rules.check(task_id, body.project_id, body.blocked_by)
        row = self._create.one(
            **body.model_dump(exclude={"metadata"}),
            **_moments(body.status, None, None),
            id=task_id,
            created_by=principal.id,
            position=last_position(),
            task_metadata=body.metadata,
            series=self.series.begin(body.recurrence, body.due_at, principal.timezone),
        )
        task = ChangedTask.model_validate(row)
        self.changed(principal, task, EventType.TASK_CREATED)
        self._tell_assignee(principal, task)
        task.warnings = warnings  # for whoever asked, not for those who hear of the event
        return task

    def update(
        self, principal: Principal, task_id: str, changes: TaskUpdate, if_match: IfMatch
    ) -> ChangedTask:
        """Change a task; metadata is merged, everything else replaced."""
        values = changes.model_dump(exclude_unset=True)
        row = self.load_for(principal, task_id, values)
        if_match.check(Task.model_validate(row))
        return self.change(principal, row, values)

    def change(self, principal: Principal, row: TaskRow, values: dict[str, Any]) -> ChangedTask:
        """Change a task that was loaded for these values."""
        if values.get("assignee_id", row.assignee_id) != row.assignee_id:
            self._check_assignee(values["assignee_id"], row.project_id, row.created_by)
        self.delegates.complete_changes(principal, row, values)
        # Those in the trash stay in it: what a client read it may send back.
        new_blockers = [each for each in values.get("blocked_by", []) if each not in row.blocked_by]
        self._check_graph(row.id, row.scope_id, values.get("parent_id"), new_blockers)
        warnings: list[TaskWarning] = []
        if "status" in values and values["status"] != row.status:
            values |= _moments(values["status"], row.started_at, row.completed_at)
            if self.leases.is_proposed(row):  # somebody has looked at it
                labels = values.get("labels", row.labels)
                values["labels"] = [label for label in labels if label != REVIEW]
            if values["status"] is TaskStatus.COMPLETED:
                self.rules.require_right(principal, row.project_id)
                blocked_by = values.get("blocked_by", row.blocked_by)
                warnings = self.rules.check(row.id, row.project_id, blocked_by)
        if values.get("recurrence", row.recurrence) != row.recurrence:
            due_at = values.get("due_at", row.due_at)
            values["series"] = self.series.begin(values["recurrence"], due_at, principal.timezone)
            values["next_id"] = None
        self._apply(principal, row, values)
        task = ChangedTask.model_validate(row)
        task.warnings = warnings
        return task

    def _apply(self, principal: Principal, row: TaskRow, values: dict[str, Any]) -> None:
        """Change a task, and tell of it where anything is different then."""
        before = row.assignee_id, row.status, row.delegate_id
        if "metadata" in values:
            patch_json(row, "task_metadata", values.pop("metadata"))
        if not apply_changes(row, values):
            return
        is_done = row.status == TaskStatus.COMPLETED and row.status != before[1]
        following = self.series.follow(row) if is_done else None
        self._db.session.flush()
        task = self.changed(principal, Task.model_validate(row), EventType.TASK_UPDATED)
        if task.assignee_id != before[0]:
            self._tell_assignee(principal, task)
        if before[2] is not None and (row.status, row.delegate_id) != before[1:]:
            self.leases.settle(principal, row)
        if following is not None:
            self.series.announce(principal, row, following)

    def delete(self, principal: Principal, task_id: str, if_match: IfMatch) -> None:
        """Put a task and its subtasks into the trash; the time spent on them stays."""
        rows = self.put_away(principal, task_id, if_match, new_id())
        self._operations.record(rows[0], rows[0].scope_id, rows[0].title, {"task": len(rows)})

    # What moving, bulk changes and the trash share:

    def put_away(
        self, principal: Principal, task_id: str, if_match: IfMatch, operation_id: str
    ) -> list[TaskRow]:
        """Put a task and its subtasks into the trash as part of an operation; return them all."""
        top = self.load_with_scope(principal, task_id)
        if_match.check(Task.model_validate(top))
        rows = self.load_subtree(task_id)
        for row in rows:
            if row.delegate_id is not None:
                self.leases.withdraw(principal, row)
            row.put_in_trash(principal.id, operation_id)
        self._db.session.flush()
        for row in rows:
            self.changed(principal, Task.model_validate(row), EventType.TASK_DELETED)
        return rows

    def load_for(self, principal: Principal, task_id: str, values: dict[str, Any]) -> TaskRow:
        """Lock a task, and before it whatever these changes need to stay as it is."""
        if {"parent_id", "blocked_by"} & set(values):
            return self.load_with_scope(principal, task_id)
        if values.get("status") is TaskStatus.COMPLETED:
            self.series.hold_place(principal, task_id)
        return self.load(principal, task_id)

    def load(self, principal: Principal, task_id: str) -> TaskRow:
        """Load and lock a task: one's own personal one, or as an editor one of a project."""
        found = self._look(principal, task_id) or self._look(principal, task_id)
        if found is None:
            raise not_found()
        row, role = found
        if row.project_id is not None:
            refuse_below(ProjectRole.EDITOR, ProjectRole(role))
        return row

    def _look(self, principal: Principal, task_id: str) -> Row[TaskRow, str] | None:
        """Find a task to change; not one that moved while its lock was awaited: look again."""
        query = LOAD.where(TaskRow.id == task_id)
        return self._db.session.execute(query, {"me": principal.id}).one_or_none()

    def load_with_scope(self, principal: Principal, task_id: str, *other_scopes: str) -> TaskRow:
        """Lock the scope of a task, and others, before the task itself."""
        seen = self.get(principal, task_id)
        scope_id = seen.project_id or seen.created_by
        self.graph.lock(scope_id, *other_scopes)
        row = self.load(principal, task_id)
        if row.scope_id != scope_id:
            raise ConflictError(
                "Somebody moved this task at the same moment; read it again.", code="task_moved"
            )
        return row

    def load_subtree(self, task_id: str) -> list[TaskRow]:
        """Load and lock a task and all below it, parents first; the scope is locked already."""
        ids = self.graph.subtree(task_id)
        query = select(TaskRow).where(TaskRow.id.in_(ids)).order_by(TaskRow.id).with_for_update()
        rows = {row.id: row for row in self._db.session.scalars(query)}
        return [rows[each] for each in ids]

    def changed(self, principal: Principal, task: Task, event: EventType) -> Task:
        """Record the event of a change; return the task."""
        room = scope_room(task.project_id, task.created_by)
        self._events.record(principal, room, event, task)
        return task

    def _tell_assignee(self, principal: Principal, task: Task) -> None:
        if task.assignee_id is not None:
            self._notifications.notify(
                NotificationKind.ASSIGNED,
                [task.assignee_id],
                key=f"assigned {task.id} {task.version}",
                actor_id=principal.id,
                project_id=task.project_id,
                subject_id=task.id,
            )

    def _check_graph(
        self, task_id: str, scope_id: str, parent_id: str | None, blocked_by: list[str]
    ) -> None:
        if parent_id is not None:
            self.graph.check_parent(task_id, parent_id, scope_id)
        if blocked_by:
            self.graph.check_blockers(task_id, blocked_by, scope_id)

    def _check_assignee(
        self, assignee_id: str | None, project_id: str | None, owner_id: str
    ) -> None:
        if assignee_id is None or (assignee_id == owner_id and project_id is None):
            return
        if project_id is None or not self._access.is_in(assignee_id, project_id):
            raise BadRequestError(
                "The assignee is not a member of the task's project; add them there first.",
                code="assignee_not_member",
            )


def _moments(
    status: TaskStatus, started_at: datetime | None, completed_at: datetime | None
) -> dict[str, datetime | None]:
    """Return started_at and completed_at of a task that crosses into `status`."""
    now = utc_now()
    match status:
        case TaskStatus.PENDING:
            return {"started_at": None, "completed_at": None}
        case TaskStatus.IN_PROGRESS:
            return {"started_at": started_at or now, "completed_at": None}
        case TaskStatus.COMPLETED:
            return {"started_at": started_at or now, "completed_at": completed_at or now}
        case TaskStatus.CANCELLED:
            return {"started_at": started_at, "completed_at": None}


task_service = TaskService(
    db,
    event_service,
    access_service,
    project_service,
    operation_service,
    notification_service,
    time_entry_service,
)
