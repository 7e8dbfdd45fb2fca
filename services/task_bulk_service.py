"""Bulk changes of tasks: many in one transaction, all of them or none."""

from collections.abc import Iterator
from functools import singledispatchmethod
from typing import TypeGuard

from sqlalchemy import ARRAY, any_, bindparam, select, union

from models.base import UuidText
from models.membership import MembershipRow
from models.principal import Principal
from models.task import (
    BulkChange,
    BulkCreate,
    BulkDelete,
    BulkMove,
    BulkOutcome,
    BulkUpdate,
    ChangedTask,
    TaskBulk,
    TaskRow,
    TaskStatus,
)
from services.access_service import ME, is_visible, require_version
from services.db_client import DatabaseClient, db
from services.operation_service import OperationService, operation_service
from services.task_move_service import TaskMoveService, task_move_service
from services.task_service import TaskService, task_service
from utils.errors import ServiceError
from utils.helpers import new_id
from utils.preconditions import IfMatch

# Only what the caller may see: nobody holds up the work of strangers.
SCOPES = union(
    select(TaskRow.scope_id.label("id")).where(
        TaskRow.id == any_(bindparam("task_ids", type_=ARRAY(UuidText))),
        TaskRow.deleted_at.is_(None),
        is_visible(TaskRow.scope_id),
    ),
    select(MembershipRow.project_id).where(
        MembershipRow.project_id == any_(bindparam("scope_ids", type_=ARRAY(UuidText))),
        MembershipRow.user_id == ME,
        MembershipRow.active,
    ),
)


class TaskBulkService:
    """Carries out changes one after the other, each as it would be on its own."""

    def __init__(
        self,
        database: DatabaseClient,
        tasks: TaskService,
        moves: TaskMoveService,
        operations: OperationService,
    ) -> None:
        self._scopes = database.prepare(SCOPES)
        self._tasks = tasks
        self._moves = moves
        self._operations = operations

    def run(self, principal: Principal, body: TaskBulk) -> BulkOutcome:
        """Make all the changes; an error names the index of the change that it is about."""
        self._lock_scopes(principal, body.changes)
        operation_id = new_id()
        deleted: list[TaskRow] = []
        tasks: list[ChangedTask | None] = []
        for index, change in enumerate(body.changes):
            try:
                if isinstance(change, BulkDelete):
                    expected = _expected(principal, change)
                    if not any(row.id == change.id for row in deleted):  # below another, perhaps
                        deleted += self._tasks.put_away(
                            principal, change.id, expected, operation_id
                        )
                    tasks.append(None)
                else:
                    tasks.append(self._make(change, principal))
            except ServiceError as error:
                error.extra["index"] = index
                raise
        if deleted:
            scopes = {row.scope_id for row in deleted}
            scope_id = scopes.pop() if len(scopes) == 1 else None
            counts = {"task": len(deleted)}
            self._operations.record(deleted[0], scope_id, deleted[0].title, counts)
        return BulkOutcome(operation_id=operation_id, tasks=tasks)

    def _lock_scopes(self, principal: Principal, changes: list[BulkChange]) -> None:
        """Lock all scopes whose graph or order changes, in one order: bulks do not cross."""
        task_ids: set[str] = set()
        scope_ids: set[str] = set()
        for change in changes:
            if _is_of_graph(change):
                task_ids.update(_tasks_of(change))
                scope_ids.update(_scopes_of(change, principal))
        locked = {principal.id} & scope_ids
        if task_ids or scope_ids:
            found = self._scopes.all(
                task_ids=list(task_ids), scope_ids=list(scope_ids), me=principal.id
            )
            locked.update(row["id"] for row in found)
        completed = [change.id for change in changes if _completes(change)]
        if completed:
            locked.update(self._tasks.series.places(principal, completed))
        self._tasks.graph.lock(*locked)

    @singledispatchmethod
    def _make(self, change: BulkChange, principal: Principal) -> ChangedTask:
        raise NotImplementedError(type(change).__name__)

    @_make.register
    def _create(self, change: BulkCreate, principal: Principal) -> ChangedTask:
        return self._tasks.create(principal, change.task)

    @_make.register
    def _update(self, change: BulkUpdate, principal: Principal) -> ChangedTask:
        return self._tasks.update(principal, change.id, change.task, _expected(principal, change))

    @_make.register
    def _move(self, change: BulkMove, principal: Principal) -> ChangedTask:
        return self._moves.move(principal, change.id, change.to, _expected(principal, change))


def _is_of_graph(change: BulkChange) -> bool:
    """Tell whether a change is one of the graph or the order of tasks."""
    match change:
        case BulkCreate():
            return bool(change.task.parent_id or change.task.blocked_by)
        case BulkUpdate():
            return bool({"parent_id", "blocked_by"} & change.task.model_fields_set)
    return True


def _completes(change: BulkChange) -> TypeGuard[BulkUpdate]:
    """Tell whether a change completes a task, which may make the next of its series."""
    return isinstance(change, BulkUpdate) and change.task.status is TaskStatus.COMPLETED


def _tasks_of(change: BulkChange) -> Iterator[str]:
    if not isinstance(change, BulkCreate):
        yield change.id


def _scopes_of(change: BulkChange, principal: Principal) -> Iterator[str]:
    match change:
        case BulkCreate():
            yield change.task.project_id or principal.id
        case BulkMove() if "project_id" in change.to.model_fields_set:
            yield change.to.project_id or principal.id


def _expected(principal: Principal, change: BulkUpdate | BulkMove | BulkDelete) -> IfMatch:
    tags = () if change.if_version is None else (f'"v{change.if_version}"',)
    return require_version(principal, IfMatch(tags))


task_bulk_service = TaskBulkService(db, task_service, task_move_service, operation_service)
