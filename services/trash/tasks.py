"""Bringing back tasks."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from models.membership import ProjectRole
from models.principal import Principal
from models.task import Task, TaskRow
from services.access_service import AccessService
from services.comment_service import CommentService
from services.db_client import DatabaseClient
from services.event_service import EventService, scope_room
from services.item_service import ItemService
from services.task_service import TaskService
from services.trash.outcome import Outcome
from utils.errors import ConflictError, ForbiddenError, ServiceError


class TaskRestorer:
    """Tasks come back with their items and comments, below their parents where those are."""

    kind = "task"

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        tasks: TaskService,
        items: ItemService,
        comments: CommentService,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._tasks = tasks
        self._items = items
        self._comments = comments

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back tasks where the caller may work; one without its parent goes to the top."""
        outcome = Outcome()
        deleted = TaskRow.operation_id == operation_id
        scopes = self._db.session.scalars(select(TaskRow.scope_id).where(deleted).distinct())
        self._tasks.graph.lock(*scopes)
        query = select(TaskRow).where(deleted).order_by(TaskRow.id).with_for_update()
        restored = []
        for row in _parents_first(self._db.session.scalars(query).all()):
            try:
                self._check_may_restore(principal, row)
            except ServiceError as error:
                outcome.note(self.kind, row.id, error.code, error.detail)
                continue
            row.take_out_of_trash()
            if row.parent_id is not None:
                self._find_parent(row, outcome)
            restored.append(row)
        self._db.session.flush()
        self._tell(principal, restored)
        outcome.restored = len(restored)
        return outcome

    def _check_may_restore(self, principal: Principal, row: TaskRow) -> None:
        if row.project_id is None:
            if row.created_by != principal.id:
                raise ForbiddenError("It is somebody else's personal task.")
        elif not self._access.is_in(principal.id, row.project_id):
            raise ConflictError(
                "Its project is in the trash, or you left it; restore the project first.",
                code="project_gone",
            )
        else:
            self._access.require(principal, row.project_id, ProjectRole.EDITOR)

    def _find_parent(self, row: TaskRow, outcome: Outcome) -> None:
        """Check the parent, which may have come back a moment ago."""
        self._db.session.flush()
        try:
            self._tasks.graph.check_parent(row.id, row.parent_id or "", row.scope_id)
        except ServiceError:
            row.parent_id = None
            message = "It came back without its parent, which is gone or has no room for it."
            outcome.note(self.kind, row.id, "parent_gone", message)

    def _tell(self, principal: Principal, rows: Sequence[TaskRow]) -> None:
        tasks = {row.id: Task.model_validate(row) for row in rows}
        rooms = {row.id: scope_room(row.project_id, row.created_by) for row in rows}
        for task in tasks.values():
            self._events.record(principal, rooms[task.id], "task.restored", task)
        for item in self._items.of_tasks(list(tasks)):
            self._events.record(principal, rooms[item.task_id or ""], "item.restored", item)
        for comment in self._comments.of_tasks(list(tasks)):
            self._events.record(principal, rooms[comment.task_id], "comment.restored", comment)


def _parents_first(rows: Sequence[TaskRow]) -> Iterator[TaskRow]:
    """Yield each row after its parent, where that is among them."""
    waiting = {row.id: row for row in rows}
    while waiting:
        ready = [row for row in waiting.values() if row.parent_id not in waiting]
        for row in ready:
            del waiting[row.id]
        yield from ready
