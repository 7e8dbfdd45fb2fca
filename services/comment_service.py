"""Comments: what is said about a task."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    any_,
    bindparam,
    func,
    insert,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from models.base import UuidText, columns_of
from models.comment import Comment, CommentCreate, CommentQuery, CommentRow, CommentUpdate
from models.event import EventType
from models.membership import MembershipRow, ProjectRole
from models.notification import NotificationKind
from models.principal import Principal
from models.user import UserRow
from services.access_service import not_found
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service
from services.listing import LIMIT, OFFSET, Listing, Order
from services.notification_service import NotificationService, notification_service
from services.operation_service import OperationService, operation_service
from services.project_service import ProjectService, project_service
from services.task_access import Place, TaskAccess, sees_task, task_access
from services.task_service import TaskService, task_service
from utils.errors import ForbiddenError
from utils.helpers import new_id
from utils.mentions import Mentionable, find_mentions
from utils.pages import Page
from utils.preconditions import IfMatch

COLUMNS = columns_of(CommentRow, Comment)
LIVE = CommentRow.deleted_at.is_(None)

GET = select(*COLUMNS).where(CommentRow.id == bindparam("id"), LIVE, sees_task(CommentRow.task_id))

OF_TASKS = (
    select(*COLUMNS)
    .where(CommentRow.task_id == any_(bindparam("task_ids", type_=ARRAY(UuidText))), LIVE)
    .order_by(CommentRow.task_id, CommentRow.id)
)

CREATED = ("id", "task_id", "created_by", "body", "mentions")
CREATE = (
    insert(CommentRow)
    .values({name: bindparam(name, type_=getattr(CommentRow, name).type) for name in CREATED})
    .returning(*COLUMNS)
)

# Of a project its members, of a personal task its owner.
MENTIONABLE = [
    UserRow.id,
    UserRow.name,
    func.coalesce(UserRow.email, UserRow.placeholder_email, "").label("email"),
]
PEOPLE = union_all(
    select(*MENTIONABLE).where(UserRow.id == bindparam("scope_id")),
    select(*MENTIONABLE)
    .join(MembershipRow, MembershipRow.user_id == UserRow.id)
    .where(MembershipRow.project_id == bindparam("scope_id"), MembershipRow.active),
)

INDEXED = 1_000  # comments of a task that are put into the search

# Text of ours: the ORM and Core would raise version or updated_at of a task that has not changed.
# What was said last comes first, so that it is found however long the discussion is; of what was
# said before the last thousand times nothing is read, lest every comment cost more than the last.
INDEX = text(
    f"""
    UPDATE tasks SET discussion = to_tsvector('simple', left(COALESCE((
        SELECT string_agg(body, ' ' ORDER BY id DESC) FROM (
            SELECT id, body FROM comments
            WHERE task_id = tasks.id AND deleted_at IS NULL
            ORDER BY id DESC LIMIT {INDEXED}
        ) AS latest
    ), ''), 100000))
    WHERE id = ANY(CAST(:task_ids AS uuid[]))
    """  # noqa: S608 - a constant
)

ORDERS = {"created_at": Order({"id": CommentRow.id}, descending=False)}


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    task_id = bindparam("task_id", type_=UuidText)
    return (
        select(*COLUMNS, *order.cursor_columns())
        .where(CommentRow.task_id == task_id, LIVE, sees_task(task_id), *conditions)
        .order_by(*order.clauses())
        .limit(LIMIT)
        .offset(OFFSET)
    )


class CommentService:
    """Saying something about a task, and taking it back."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        operations: OperationService,
        access: TaskAccess,
        projects: ProjectService,
        tasks: TaskService,
        notifications: NotificationService,
    ) -> None:
        self._db = database
        self._events = events
        self._operations = operations
        self._access = access
        self._projects = projects
        self._tasks = tasks
        self._notifications = notifications
        self._get = database.prepare(GET)
        self._of_tasks = database.prepare(OF_TASKS)
        self._create = database.prepare(CREATE)
        self._people = database.prepare(PEOPLE)
        self._index = database.prepare(INDEX)
        self._listing = Listing("comments", database, _select_page, {}, ORDERS)

    def get(self, principal: Principal, comment_id: str) -> Comment:
        """Return a comment on a task that one may see."""
        row = self._get.first(id=comment_id, me=principal.id)
        if row is None:
            raise not_found()
        return Comment.model_validate(row)

    def of_tasks(self, task_ids: Sequence[str]) -> list[Comment]:
        """Return the comments on tasks, which the caller has to be allowed to see."""
        return [Comment.model_validate(row) for row in self._of_tasks.all(task_ids=list(task_ids))]

    def page(self, principal: Principal, task_id: str, query: CommentQuery) -> Page[Comment]:
        """Return what was said about a task, oldest first."""
        page = self._listing.page(query, {"task_id": task_id, "me": principal.id}, "created_at")
        if not page.items:
            self._tasks.get(principal, task_id)
        return page.map(Comment.model_validate)

    def create(self, principal: Principal, task_id: str, body: CommentCreate) -> Comment:
        """Say something about a task; an archived project takes no new comments."""
        place = self._access.lock(principal, task_id, ProjectRole.EDITOR)
        if place.project_id is not None:
            self._projects.open_for_work(principal, place.project_id)
        mentions = self._mentions(place, body.body)
        row = self._create.one(
            id=new_id(),
            task_id=task_id,
            created_by=principal.id,
            body=body.body,
            mentions=mentions,
        )
        self._tell(principal, place, row["id"], task_id, mentions)
        return self._changed(
            principal, place, Comment.model_validate(row), EventType.COMMENT_CREATED
        )

    def update(
        self, principal: Principal, comment_id: str, changes: CommentUpdate, if_match: IfMatch
    ) -> Comment:
        """Change what one has said oneself."""
        row, place = self._load(principal, comment_id, ProjectRole.EDITOR)
        if row.created_by != principal.id:
            raise ForbiddenError("Only its author changes a comment; write one of your own.")
        if_match.check(Comment.model_validate(row))
        if "body" not in changes.model_fields_set or changes.body == row.body:
            return Comment.model_validate(row)
        mentions = self._mentions(place, changes.body)
        added = [each for each in mentions if each not in row.mentions]
        row.body, row.mentions = changes.body, mentions
        self._db.session.flush()
        self._tell(principal, place, row.id, row.task_id, added)
        return self._changed(
            principal, place, Comment.model_validate(row), EventType.COMMENT_UPDATED
        )

    def delete(self, principal: Principal, comment_id: str, if_match: IfMatch) -> None:
        """Put a comment into the trash: one's own, or as an owner any."""
        row, place = self._load(principal, comment_id, ProjectRole.VIEWER)
        if row.created_by != principal.id and place.role is not ProjectRole.OWNER:
            raise ForbiddenError("Its author and the project's owners may delete a comment.")
        if_match.check(Comment.model_validate(row))
        row.put_in_trash(principal.id)
        self._db.session.flush()
        first_line = row.body.strip().partition("\n")[0]
        self._operations.record(row, place.scope_id, first_line, {"comment": 1})
        self._changed(principal, place, Comment.model_validate(row), EventType.COMMENT_DELETED)

    def index_discussion(self, task_id: str) -> None:
        """Let the search find a task by its comments as they are now; the task must be locked."""
        self._index.execute(task_ids=[task_id])

    def _load(
        self, principal: Principal, comment_id: str, least: ProjectRole
    ) -> tuple[CommentRow, Place]:
        """Lock the task, require a role there, and load and lock the comment."""
        task_id = self.get(principal, comment_id).task_id
        place = self._access.lock(principal, task_id, least)
        query = select(CommentRow).where(CommentRow.id == comment_id, LIVE).with_for_update()
        row = self._db.session.scalars(query).one_or_none()
        if row is None:
            raise not_found()
        return row, place

    def _mentions(self, place: Place, body: str) -> list[str]:
        if "@" not in body:
            return []
        people = self._people.all(scope_id=place.scope_id)
        return find_mentions(body, [Mentionable(**person) for person in people])

    def _tell(
        self,
        principal: Principal,
        place: Place,
        comment_id: str,
        task_id: str,
        mentions: list[str],
    ) -> None:
        """Tell those that a comment mentions, once however often it is changed."""
        self._notifications.notify(
            NotificationKind.MENTIONED,
            mentions,
            key=f"mentioned {comment_id}",
            actor_id=principal.id,
            project_id=place.project_id,
            subject_id=task_id,
        )

    def _changed(
        self, principal: Principal, place: Place, comment: Comment, event: EventType
    ) -> Comment:
        self.index_discussion(comment.task_id)
        self._events.record(principal, place.room, event, comment)
        return comment


comment_service = CommentService(
    db,
    event_service,
    operation_service,
    task_access,
    project_service,
    task_service,
    notification_service,
)
