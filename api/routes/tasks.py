"""Tasks."""

from flask import Blueprint

from api.endpoint import endpoint
from models.history import HistoryEntry, HistoryQuery
from models.principal import Principal
from models.scope import Scope
from models.task import (
    BulkOutcome,
    ChangedTask,
    Skipped,
    Task,
    TaskBulk,
    TaskCreate,
    TaskMove,
    TaskQuery,
    TaskUpdate,
)
from services.history_service import history_service
from services.recurrence_service import recurrence_service
from services.task_bulk_service import task_bulk_service
from services.task_move_service import task_move_service
from services.task_service import task_service
from utils.pages import Page
from utils.preconditions import IfMatch

tasks = Blueprint("tasks", __name__)


@tasks.post("/tasks")
@endpoint(access=Scope.TASKS_WRITE, within=("project_id",), status=201)
def create_task(principal: Principal, body: TaskCreate) -> ChangedTask:
    """Make a task, personal or in a project."""
    return task_service.create(principal, body)


@tasks.get("/tasks")
@endpoint(access=Scope.TASKS_READ, within=("project_id",))
def list_tasks(principal: Principal, query: TaskQuery) -> Page[Task]:
    """List your personal tasks and those of your projects."""
    return task_service.page(principal, query)


@tasks.get("/tasks/<id:task_id>")
@endpoint(access=Scope.TASKS_READ, within=("task_id",))
def get_task(principal: Principal, task_id: str) -> Task:
    """Read a task."""
    return task_service.get(principal, task_id)


@tasks.get("/tasks/<id:task_id>/history")
@endpoint(access=Scope.TASKS_READ, within=("task_id",))
def list_history(principal: Principal, task_id: str, query: HistoryQuery) -> Page[HistoryEntry]:
    """List who changed a task, its checklist and its comments, and how, newest first.

    It goes back as far as the log of events is kept. Of a task that came from elsewhere it tells
    what happened where it is now.
    """
    return history_service.page(principal, task_id, query)


@tasks.patch("/tasks/<id:task_id>")
@endpoint(access=Scope.TASKS_WRITE, within=("task_id",))
def update_task(
    principal: Principal, task_id: str, body: TaskUpdate, if_match: IfMatch
) -> ChangedTask:
    """Change a task; its metadata is merged."""
    return task_service.update(principal, task_id, body, if_match)


@tasks.delete("/tasks/<id:task_id>")
@endpoint(access=Scope.TASKS_WRITE, within=("task_id",), status=204)
def delete_task(principal: Principal, task_id: str, if_match: IfMatch) -> None:
    """Put a task into the trash."""
    task_service.delete(principal, task_id, if_match)


@tasks.post("/tasks/<id:task_id>/move")
@endpoint(access=Scope.TASKS_WRITE, within=("task_id", "project_id"))
def move_task(principal: Principal, task_id: str, body: TaskMove, if_match: IfMatch) -> ChangedTask:
    """Put a task before or after another, under a parent, or into another project."""
    return task_move_service.move(principal, task_id, body, if_match)


@tasks.post("/tasks/<id:task_id>/skip")
@endpoint(access=Scope.TASKS_WRITE, within=("task_id",))
def skip_task(principal: Principal, task_id: str, if_match: IfMatch) -> Skipped:
    """Cancel a task that recurs, and make the next one."""
    return recurrence_service.skip(principal, task_id, if_match)


@tasks.post("/tasks/bulk")
@endpoint(access=Scope.TASKS_WRITE)
def change_tasks(principal: Principal, body: TaskBulk) -> BulkOutcome:
    """Make up to 200 changes in one transaction, or none.

    An error names the change that it is about by its index.
    """
    return task_bulk_service.run(principal, body)
