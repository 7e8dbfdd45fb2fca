"""What belongs into somebody's archive: one statement for each kind of record.

Everything private to them (`:me`) and in the projects that they own, whose ids are `:own` together
with `:me`. Of the other projects that they belong to (`:shared`): what they made, what is assigned
to them and their own time. Nothing in the trash. What a record refers to is in the archive too,
or left out. Columns that no record has are for the tables.
"""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Label,
    Select,
    and_,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlalchemy.orm.util import AliasedClass

from models.archive import (
    ArchivedAgent,
    ArchivedComment,
    ArchivedItem,
    ArchivedMember,
    ArchivedProject,
    ArchivedTask,
    ArchivedTimeEntry,
    ArchivedUser,
)
from models.base import Base, UuidText
from models.comment import CommentRow
from models.item import ItemRow
from models.membership import MembershipRow
from models.notification import NotificationRow
from models.project import ProjectRow
from models.task import TaskRow
from models.time_entry import TimeEntryRow
from models.user import UserKind, UserRow
from services.access_service import ME

OWN = bindparam("own", type_=ARRAY(UuidText))
SHARED = bindparam("shared", type_=ARRAY(UuidText))
IDS = bindparam("ids", type_=ARRAY(UuidText))

Tasks = type[TaskRow] | AliasedClass[TaskRow]


def is_archived(task: Tasks) -> ColumnElement[bool]:
    """Condition: the task goes into the archive."""
    is_theirs = or_(task.created_by == ME, task.assignee_id == ME)
    return and_(
        task.deleted_at.is_(None),
        or_(task.scope_id == any_(OWN), and_(task.scope_id == any_(SHARED), is_theirs)),
    )


def _columns(row: type[Base], record: type[BaseModel], **others: Any) -> list[Label[Any]]:
    """Return the columns of a kind of record; `others` are not those of the table's own name."""
    named = {name: getattr(row, name) for name in record.model_fields if name not in others}
    return [column.label(name) for name, column in (named | others).items()]


PARENT, BLOCKER = aliased(TaskRow), aliased(TaskRow)
TASK, PROMOTED = aliased(TaskRow), aliased(TaskRow)
PERSON = aliased(UserRow)

MY_PROJECTS = (
    select(MembershipRow.project_id, MembershipRow.role)
    .join(ProjectRow, ProjectRow.id == MembershipRow.project_id)
    .where(MembershipRow.user_id == ME, MembershipRow.active, ProjectRow.deleted_at.is_(None))
)

USER = select(*_columns(UserRow, ArchivedUser)).where(UserRow.id == ME)

AGENTS = (
    select(*_columns(UserRow, ArchivedAgent))
    .where(UserRow.owner_id == ME, UserRow.is_active)
    .order_by(UserRow.id)
)

PROJECTS = (
    select(*_columns(ProjectRow, ArchivedProject, role=MembershipRow.role))
    .join(MembershipRow, MembershipRow.project_id == ProjectRow.id)
    .where(MembershipRow.user_id == ME, ProjectRow.id == any_(OWN.concat(SHARED)))
    .order_by(ProjectRow.id)
)

MEMBERS = (
    select(
        *_columns(MembershipRow, ArchivedMember),
        ProjectRow.name.label("project"),
        PERSON.name.label("person"),
    )
    .join(ProjectRow, ProjectRow.id == MembershipRow.project_id)
    .join(PERSON, PERSON.id == MembershipRow.user_id)
    .where(
        or_(
            MembershipRow.project_id == any_(OWN),
            and_(MembershipRow.project_id == any_(SHARED), MembershipRow.user_id == ME),
        )
    )
    .order_by(MembershipRow.project_id, MembershipRow.user_id)
)

TASKS = (
    select(
        *_columns(
            TaskRow,
            ArchivedTask,
            metadata=TaskRow.task_metadata,
            parent_id=PARENT.id,
            blocked_by=func.array(
                select(BLOCKER.id)
                .where(
                    BLOCKER.id == any_(TaskRow.blocked_by),
                    BLOCKER.scope_id == TaskRow.scope_id,
                    is_archived(BLOCKER),
                )
                .order_by(func.array_position(TaskRow.blocked_by, BLOCKER.id))
                .scalar_subquery()
            ),
        ),
        ProjectRow.name.label("project"),
        PERSON.name.label("assignee"),
    )
    .outerjoin(ProjectRow, ProjectRow.id == TaskRow.project_id)
    .outerjoin(PERSON, PERSON.id == TaskRow.assignee_id)
    .outerjoin(
        PARENT,
        and_(
            PARENT.id == TaskRow.parent_id,
            PARENT.scope_id == TaskRow.scope_id,
            is_archived(PARENT),
        ),
    )
    .where(is_archived(TaskRow))
    .order_by(TaskRow.id)
)

_INBOX = select(ItemRow.id).where(
    ItemRow.created_by == ME, ItemRow.task_id.is_(None), ItemRow.deleted_at.is_(None)
)
_CHECKLISTS = (
    select(ItemRow.id)
    .join(TASK, TASK.id == ItemRow.task_id)
    .where(ItemRow.deleted_at.is_(None), is_archived(TASK))
)
_ITEMS = union_all(_INBOX, _CHECKLISTS).subquery()

ITEMS = (
    select(
        *_columns(ItemRow, ArchivedItem, promoted_task_id=PROMOTED.id),
        TASK.title.label("task"),
    )
    .join(_ITEMS, _ITEMS.c.id == ItemRow.id)
    .outerjoin(TASK, TASK.id == ItemRow.task_id)
    .outerjoin(PROMOTED, and_(PROMOTED.id == ItemRow.promoted_task_id, is_archived(PROMOTED)))
    .order_by(ItemRow.id)
)

COMMENTS = (
    select(
        *_columns(CommentRow, ArchivedComment),
        TASK.title.label("task"),
        PERSON.name.label("author"),
    )
    .join(TASK, TASK.id == CommentRow.task_id)
    .join(PERSON, PERSON.id == CommentRow.created_by)
    .where(
        CommentRow.deleted_at.is_(None),
        is_archived(TASK),
        or_(TASK.scope_id == any_(OWN), CommentRow.created_by == ME),
    )
    .order_by(CommentRow.id)
)

SECONDS = func.round(func.extract("epoch", TimeEntryRow.ended_at - TimeEntryRow.started_at)).cast(
    BigInteger
)

# Of time in a project that they left, the project is not theirs to see any more.
TIME_ENTRIES = (
    select(
        *_columns(TimeEntryRow, ArchivedTimeEntry, project_id=ProjectRow.id, task_id=TASK.id),
        PERSON.name.label("person"),
        ProjectRow.name.label("project"),
        TASK.title.label("task"),
        SECONDS.label("seconds"),
    )
    .join(PERSON, PERSON.id == TimeEntryRow.user_id)
    .outerjoin(
        ProjectRow,
        and_(ProjectRow.id == TimeEntryRow.project_id, ProjectRow.id == any_(OWN.concat(SHARED))),
    )
    .outerjoin(
        TASK,
        and_(
            TASK.id == TimeEntryRow.task_id,
            TASK.project_id.is_not_distinct_from(ProjectRow.id),
            is_archived(TASK),
        ),
    )
    .where(
        TimeEntryRow.deleted_at.is_(None),
        or_(TimeEntryRow.user_id == ME, TimeEntryRow.scope_id == any_(OWN)),
    )
    .order_by(TimeEntryRow.id)
)

PEOPLE = (
    select(
        UserRow.id.label("id"),
        UserRow.kind.label("kind"),
        UserRow.name.label("name"),
        case(
            (
                and_(
                    UserRow.kind == UserKind.PERSON,
                    select(MembershipRow.user_id)
                    .where(
                        MembershipRow.project_id == any_(OWN), MembershipRow.user_id == UserRow.id
                    )
                    .exists(),
                ),
                func.coalesce(UserRow.email, UserRow.placeholder_email),
            ),
        ).label("email"),
    )
    .where(
        UserRow.id == any_(IDS),
        UserRow.id != ME,
        or_(UserRow.owner_id.is_distinct_from(ME), UserRow.is_active.is_(False)),
    )
    .order_by(UserRow.id)
)

# For people alone: nothing takes it back in.
NOTIFICATIONS = (
    select(
        *(
            getattr(NotificationRow, name).label(name)
            for name in ("created_at", "kind", "title", "message", "read_at", "id")
        ),
        PERSON.name.label("actor"),
        ProjectRow.name.label("project"),
    )
    .outerjoin(PERSON, PERSON.id == NotificationRow.actor_id)
    .outerjoin(
        ProjectRow,
        and_(
            ProjectRow.id == NotificationRow.project_id, ProjectRow.id == any_(OWN.concat(SHARED))
        ),
    )
    .where(NotificationRow.user_id == ME, NotificationRow.shown)
    .order_by(NotificationRow.id)
)

# People come last: by then it is known whom the others name, who have no record yet.
STATEMENTS: dict[str, Select[Any]] = {
    "user": USER,
    "agents": AGENTS,
    "projects": PROJECTS,
    "members": MEMBERS,
    "tasks": TASKS,
    "items": ITEMS,
    "comments": COMMENTS,
    "time_entries": TIME_ENTRIES,
    "people": PEOPLE,
}
