"""Bringing back tasks."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import or_, select

from models.event import EventType
from models.membership import ProjectRole
from models.principal import Principal
from models.task import Task, TaskRow, TaskStatus
from services.comment_service import CommentService
from services.db_client import DatabaseClient
from services.event_service import EventService, scope_room
from services.item_service import ItemService
from services.task_service import TaskService
from services.trash.outcome import Outcome
from services.trash.places import Places
from utils.errors import ForbiddenError, ServiceError


class TaskRestorer:
    """Tasks come back with their items and comments, below their parents where those are."""

    kind = "task"

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        places: Places,
        tasks: TaskService,
        items: ItemService,
        comments: CommentService,
    ) -> None:
        self._db = database
        self._events = events
        self._places = places
        self._tasks = tasks
        self._items = items
        self._comments = comments

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back tasks where the caller may work; one without its parent goes to the top."""
        outcome = Outcome()
        deleted = TaskRow.operation_id == operation_id
        scopes = self._db.session.scalars(select(TaskRow.scope_id).where(deleted).distinct())
        self._tasks.graph.lock(*scopes)
        query = select(TaskRow).where(deleted).order_by(TaskRow.scope_id, TaskRow.id)
        rows = self._db.session.scalars(query.with_for_update())
        restored: list[TaskRow] = []
        for _, group in groupby(rows, key=attrgetter("scope_id")):
            of_scope = list(group)
            try:
                self._check_may_restore(principal, of_scope[0])
            except ServiceError as error:
                for row in of_scope:
                    outcome.note(self.kind, row.id, error.code, error.detail)
            else:
                restored += of_scope
        for row in restored:
            row.take_out_of_trash()
        self._db.session.flush()  # what comes back counts when there has to be room below a parent
        self._mend_parents(restored, outcome)
        self._mend_blockers(restored, outcome)
        self._mend_delegates(restored, outcome)
        self._db.session.flush()
        self._tell(principal, restored)
        outcome.restored = len(restored)
        return outcome

    def _check_may_restore(self, principal: Principal, row: TaskRow) -> None:
        """Decide for all tasks of a scope by one of them."""
        if row.project_id is not None:
            self._places.lock_project(principal, row.project_id, ProjectRole.EDITOR)
        elif row.created_by != principal.id:
            raise ForbiddenError("It is somebody else's personal task.")

    def _mend_parents(self, rows: Sequence[TaskRow], outcome: Outcome) -> None:
        """Take tasks out of parents that did not come back with them and are no place for them."""
        scopes = {row.id: row.scope_id for row in rows}
        for row in rows:
            if row.parent_id is None or scopes.get(row.parent_id) == row.scope_id:
                continue
            try:
                self._tasks.graph.check_parent(row.id, row.parent_id, row.scope_id)
            except ServiceError:
                row.parent_id = None
                message = "It came back without its parent, which is gone or has no room for it."
                outcome.note(self.kind, row.id, "parent_gone", message)

    def _mend_blockers(self, rows: Sequence[TaskRow], outcome: Outcome) -> None:
        """Let tasks wait for none that has moved elsewhere or was deleted for good.

        They cannot wait for each other: what waits for a task in the trash is counted all along.
        """
        blockers = {each for row in rows for each in row.blocked_by}
        if not blockers:
            return
        query = select(TaskRow.id, TaskRow.scope_id).where(
            TaskRow.id.in_(blockers),
            or_(TaskRow.deleted_at.is_(None), TaskRow.operation_id.is_not(None)),
        )
        scopes = {found.id: found.scope_id for found in self._db.session.execute(query)}
        for row in rows:
            kept = [each for each in row.blocked_by if scopes.get(each) == row.scope_id]
            if kept != row.blocked_by:
                row.blocked_by = kept
                message = "It came back without tasks that blocked it and are elsewhere or gone."
                outcome.note(self.kind, row.id, "blockers_gone", message)

    def _mend_delegates(self, rows: Sequence[TaskRow], outcome: Outcome) -> None:
        """Let tasks wait for no agent that has left the project meanwhile."""
        given = [row for row in rows if row.delegate_id and row.status == TaskStatus.PENDING]
        places = {(row.delegate_id, row.project_id) for row in given}
        gone = {place for place in places if self._tasks.delegates.still(*place) is None}
        for row in given:
            if (row.delegate_id, row.project_id) in gone:
                row.delegate_id = None
                message = "It came back without its delegate, which works there no more."
                outcome.note(self.kind, row.id, "delegate_gone", message)

    def _tell(self, principal: Principal, rows: Sequence[TaskRow]) -> None:
        tasks = {row.id: Task.model_validate(row) for row in rows}
        rooms = {row.id: scope_room(row.project_id, row.created_by) for row in rows}
        for task in tasks.values():
            self._events.record(principal, rooms[task.id], EventType.TASK_RESTORED, task)
        for item in self._items.of_tasks(list(tasks)):
            self._events.record(principal, rooms[item.task_id or ""], EventType.ITEM_RESTORED, item)
        for comment in self._comments.of_tasks(list(tasks)):
            self._events.record(
                principal, rooms[comment.task_id], EventType.COMMENT_RESTORED, comment
            )
