"""Tasks: what is to be done, in projects and for oneself."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import array

from models.base import apply_changes, columns_of, patch_json
from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.task import Task, TaskCreate, TaskQuery, TaskRow, TaskStatus, TaskUpdate
from services.access_service import (
    ME,
    AccessService,
    access_service,
    is_visible,
    not_found,
    refuse_below,
)
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, scope_room
from services.listing import LIMIT, OFFSET, Build, Listing, Order
from services.project_service import ProjectService, project_service
from utils.errors import BadRequestError
from utils.helpers import new_id, utc_now
from utils.pages import Page
from utils.preconditions import IfMatch

COLUMNS = columns_of(TaskRow, Task)

GET = select(*COLUMNS).where(
    TaskRow.id == bindparam("id"), TaskRow.deleted_at.is_(None), is_visible(TaskRow.scope_id)
)

LOAD = (
    select(TaskRow, MembershipRow.role)
    .outerjoin(
        MembershipRow,
        and_(
            MembershipRow.project_id == TaskRow.scope_id,
            MembershipRow.user_id == ME,
            MembershipRow.active,
        ),
    )
    .where(
        TaskRow.deleted_at.is_(None),
        or_(TaskRow.scope_id == ME, MembershipRow.role.is_not(None)),
    )
    .with_for_update(of=TaskRow)
)

CREATED = (
    "id", "project_id", "created_by", "assignee_id", "title", "description", "status",
    "priority", "due_at", "labels", "task_metadata", "started_at", "completed_at",
)  # fmt: skip
CREATE = (
    insert(TaskRow)
    .values({name: bindparam(name, type_=getattr(TaskRow, name).type) for name in CREATED})
    .returning(*COLUMNS)
)

NO_DUE_DATE = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
DUE = func.coalesce(TaskRow.due_at, NO_DUE_DATE)

ORDERS = {
    "-created_at": Order({"id": TaskRow.id}, descending=True),
    "created_at": Order({"id": TaskRow.id}, descending=False),
    "due_at": Order({"due_at": DUE, "id": TaskRow.id}, descending=False),
    "-priority": Order({"priority": TaskRow.priority, "id": TaskRow.id}, descending=True),
    "-updated_at": Order({"updated_at": TaskRow.updated_at, "id": TaskRow.id}, descending=True),
}

FILTERS = {
    "status": TaskRow.status == bindparam("status"),
    "assignee": TaskRow.assignee_id == bindparam("assignee"),
    "label": TaskRow.labels.contains(array([bindparam("label")])),
    "priority": TaskRow.priority == bindparam("priority"),
    # Said of DUE, so that the index of this order finds the range.
    "due_before": bindparam("due_before", type_=TaskRow.due_at.type) > DUE,
    "due_after": and_(bindparam("due_after", type_=TaskRow.due_at.type) <= DUE, DUE < NO_DUE_DATE),
    "search": TaskRow.search.bool_op("@@")(
        func.websearch_to_tsquery("simple", bindparam("search"))
    ),
}

ALL_SCOPES = union_all(
    select(ME.label("id")),
    select(MembershipRow.project_id).where(MembershipRow.user_id == ME, MembershipRow.active),
).cte("scopes")

ONE_PROJECT = (
    select(MembershipRow.project_id.label("id"))
    .where(
        MembershipRow.project_id == bindparam("project_id"),
        MembershipRow.user_id == ME,
        MembershipRow.active,
    )
    .cte("scopes")
)


def _page_over(scopes: CTE) -> Build:
    """Read at most a page from the index of each scope and merge them.

    So the cost of a page follows from the number of the reader's projects, not from how much
    is in them or in those of others.
    """

    def build(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
        page = (
            select(*COLUMNS, *(key.label(f"order_{label}") for label, key in order.keys.items()))
            .where(TaskRow.scope_id == scopes.c.id, TaskRow.deleted_at.is_(None), *conditions)
            .order_by(*order.clauses())
            .limit(LIMIT + OFFSET)
            .lateral("page")
        )
        keys = Order({label: page.c[f"order_{label}"] for label in order.keys}, order.descending)
        return (
            select(
                *(page.c[column.name] for column in COLUMNS),
                *keys.cursor_columns(),
            )
            .select_from(scopes.join(page, true()))
            .order_by(*keys.clauses())
            .limit(LIMIT)
            .offset(OFFSET)
        )

    return build


class TaskService:
    """Everything people do with tasks."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        projects: ProjectService,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._projects = projects
        self._get = database.prepare(GET)
        self._create = database.prepare(CREATE)
        self._everywhere = Listing("tasks", database, _page_over(ALL_SCOPES), FILTERS, ORDERS)
        self._in_project = Listing(
            "tasks of a project", database, _page_over(ONE_PROJECT), FILTERS, ORDERS
        )

    def get(self, principal: Principal, task_id: str) -> Task:
        """Return a task that the caller may see."""
        row = self._get.first(id=task_id, me=principal.id)
        if row is None:
            raise not_found()
        return Task.model_validate(row)

    def page(self, principal: Principal, query: TaskQuery) -> Page[Task]:
        """Return the tasks that the caller may see, of all scopes or of one project."""
        values = query.set_filters() | {"me": principal.id}
        if values.get("assignee") == "me":
            values["assignee"] = principal.id
        if query.project_id is None:
            return self._everywhere.page(query, values, query.sort).map(Task.model_validate)
        page = self._in_project.page(query, values, query.sort)
        if not page.items:
            self._access.role_in(principal, query.project_id)
        return page.map(Task.model_validate)

    def create(self, principal: Principal, body: TaskCreate) -> Task:
        """Make a task; in a project it takes an editor."""
        if body.project_id is not None:
            self._projects.open_for_work(principal, body.project_id)
        self._check_assignee(body.assignee_id, body.project_id, principal.id)
        values = body.model_dump(exclude={"metadata"})
        row = self._create.one(
            **values,
            **_moments(body.status, None, None),
            id=new_id(),
            created_by=principal.id,
            task_metadata=body.metadata,
        )
        return self._changed(principal, Task.model_validate(row), "task.created")

    def update(
        self, principal: Principal, task_id: str, changes: TaskUpdate, if_match: IfMatch
    ) -> Task:
        """Change a task; metadata is merged, everything else replaced."""
        row = self._load(principal, task_id)
        if_match.check(Task.model_validate(row))
        values = changes.model_dump(exclude_unset=True)
        if "assignee_id" in values:
            self._check_assignee(values["assignee_id"], row.project_id, row.created_by)
        if "status" in values and values["status"] != row.status:
            values |= _moments(values["status"], row.started_at, row.completed_at)
        if "metadata" in values:
            patch_json(row, "task_metadata", values.pop("metadata"))
        if not apply_changes(row, values):
            return Task.model_validate(row)
        self._db.session.flush()
        return self._changed(principal, Task.model_validate(row), "task.updated")

    def delete(self, principal: Principal, task_id: str, if_match: IfMatch) -> None:
        """Put a task into the trash; the time spent on it stays."""
        row = self._load(principal, task_id)
        if_match.check(Task.model_validate(row))
        row.put_in_trash(principal.id)
        self._db.session.flush()
        self._changed(principal, Task.model_validate(row), "task.deleted")

    def _load(self, principal: Principal, task_id: str) -> TaskRow:
        """Load and lock a task: one's own personal one, or as an editor one of a project."""
        query = LOAD.where(TaskRow.id == task_id)
        found = self._db.session.execute(query, {"me": principal.id}).one_or_none()
        if found is None:
            raise not_found()
        row, role = found
        if row.project_id is not None:
            refuse_below(ProjectRole.EDITOR, ProjectRole(role))
        return row

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

    def _changed(self, principal: Principal, task: Task, event: str) -> Task:
        room = scope_room(task.project_id, task.created_by)
        self._events.record(principal, room, event, task)
        return task


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


task_service = TaskService(db, event_service, access_service, project_service)
