"""Recurring tasks: what one does with them beyond completing them."""

from models.event import EventType
from models.principal import Principal
from models.task import Skipped, Task, TaskStatus
from services.db_client import DatabaseClient, db
from services.task_service import TaskService, task_service
from utils.errors import BadRequestError, ConflictError
from utils.preconditions import IfMatch


class RecurrenceService:
    """Goes on to the next task of a series."""

    def __init__(self, database: DatabaseClient, tasks: TaskService) -> None:
        self._db = database
        self._tasks = tasks

    def skip(self, principal: Principal, task_id: str, if_match: IfMatch) -> Skipped:
        """Cancel a task of a series and make the next one, where there is one."""
        self._tasks.series.hold_place(principal, task_id)
        row = self._tasks.load(principal, task_id)
        if_match.check(Task.model_validate(row))
        if row.recurrence is None:
            raise BadRequestError(
                "This task does not recur; set its status to cancelled instead.",
                code="task_not_recurring",
            )
        if row.status in (TaskStatus.COMPLETED, TaskStatus.CANCELLED):
            raise ConflictError(
                "This task is completed or cancelled already; look at its next_id.",
                code="task_closed",
            )
        row.status = TaskStatus.CANCELLED
        following = self._tasks.series.follow(row)
        self._db.session.flush()
        skipped = self._tasks.changed(principal, Task.model_validate(row), EventType.TASK_UPDATED)
        if row.delegate_id is not None:
            self._tasks.leases.settle(principal, row)
        if following is None:
            return Skipped(skipped=skipped, next=None)
        return Skipped(skipped=skipped, next=self._tasks.series.announce(principal, row, following))


recurrence_service = RecurrenceService(db, task_service)
