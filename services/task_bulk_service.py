"""Bulk changes of tasks: many in one transaction, all of them or none."""

from functools import singledispatchmethod

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
)
from services.access_service import require_version
from services.operation_service import OperationService, operation_service
from services.task_move_service import TaskMoveService, task_move_service
from services.task_service import TaskService, task_service
from utils.errors import ServiceError
from utils.helpers import new_id
from utils.preconditions import IfMatch


class TaskBulkService:
    """Carries out changes one after the other, each as it would be on its own."""

    def __init__(
        self, tasks: TaskService, moves: TaskMoveService, operations: OperationService
    ) -> None:
        self._tasks = tasks
        self._moves = moves
        self._operations = operations

    def run(self, principal: Principal, body: TaskBulk) -> BulkOutcome:
        """Make all the changes; an error names the index of the change that it is about."""
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


def _expected(principal: Principal, change: BulkUpdate | BulkMove | BulkDelete) -> IfMatch:
    tags = () if change.if_version is None else (f'"v{change.if_version}"',)
    return require_version(principal, IfMatch(tags))


task_bulk_service = TaskBulkService(task_service, task_move_service, operation_service)
