"""Access to what belongs to a task: its items and comments are for those who may see the task."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.task import TaskRow
from services.access_service import ME, is_visible, not_found, refuse_below
from services.db_client import DatabaseClient, db
from services.event_service import scope_room


def select_with_my_role(*what: Any) -> Select[Any]:
    """Select of tasks that the reader (`:me`) may see, and last the reader's role there.

    The role is None for a personal task of their own.
    """
    is_mine = and_(
        MembershipRow.project_id == TaskRow.scope_id,
        MembershipRow.user_id == ME,
        MembershipRow.active,
    )
    return (
        select(*what, MembershipRow.role)
        .outerjoin(MembershipRow, is_mine)
        .where(
            TaskRow.deleted_at.is_(None),
            or_(TaskRow.scope_id == ME, MembershipRow.role.is_not(None)),
        )
    )


# key_share lets rows that refer to the task be written meanwhile.
LOCK_TASK = (
    select_with_my_role(TaskRow.project_id, TaskRow.created_by)
    .where(TaskRow.id == bindparam("task_id"))
    .with_for_update(of=TaskRow, key_share=True)
)

# Lets others work on the task meanwhile, but not move it or put it into the trash.
HOLD_TASK = (
    select(TaskRow.project_id)
    .where(
        TaskRow.id == bindparam("task_id"),
        TaskRow.deleted_at.is_(None),
        is_visible(TaskRow.scope_id),
    )
    .with_for_update(read=True, key_share=True, of=TaskRow)
)


def sees_task(task_id: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Condition: the reader (`:me`) may see this task, and it is not in the trash."""
    return exists().where(
        TaskRow.id == task_id, TaskRow.deleted_at.is_(None), is_visible(TaskRow.scope_id)
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is kept: in a project, or else with the person whose it is."""

    project_id: str | None
    owner_id: str
    role: ProjectRole

    @property
    def scope_id(self) -> str:
        """The project or else the person."""
        return self.project_id or self.owner_id

    @property
    def room(self) -> str:
        """The room that hears of changes."""
        return scope_room(self.project_id, self.owner_id)


class TaskAccess:
    """Decides who may change what belongs to a task, and keeps the task where it is."""

    def __init__(self, database: DatabaseClient) -> None:
        self._lock = database.prepare(LOCK_TASK)
        self._hold = database.prepare(HOLD_TASK)

    def hold(self, principal: Principal, task_id: str) -> str | None:
        """Return the project of a task that the caller may see; it stays there until the commit."""
        row = self._hold.first(task_id=task_id, me=principal.id)
        if row is None:
            raise not_found()
        project_id: str | None = row["project_id"]
        return project_id

    def lock(self, principal: Principal, task_id: str, least: ProjectRole) -> Place:
        """Lock a task, then require the role `least` where it is; a personal one has its owner.

        Until the commit nobody deletes or moves the task or writes anything else that belongs to
        it.
        """
        found = {"task_id": task_id, "me": principal.id}
        # One that moved while its lock was awaited is found at the second look only.
        row = self._lock.first(**found) or self._lock.first(**found)
        if row is None:
            raise not_found()
        role = ProjectRole(row["role"] or ProjectRole.OWNER)
        refuse_below(least, role)
        return Place(row["project_id"], row["created_by"], role)


task_access = TaskAccess(db)
