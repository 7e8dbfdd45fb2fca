"""Tasks."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.principal import Principal
from models.task import Task, TaskCreate, TaskQuery, TaskUpdate
from services.task_service import task_service
from utils.pages import Page
from utils.preconditions import IfMatch

tasks = Blueprint("tasks", __name__)


@tasks.post("/tasks")
@endpoint(access=Access.SIGNED_IN, status=201)
def create_task(principal: Principal, body: TaskCreate) -> Task:
    """Make a task, personal or in a project."""
    return task_service.create(principal, body)


@tasks.get("/tasks")
@endpoint(access=Access.SIGNED_IN)
def list_tasks(principal: Principal, query: TaskQuery) -> Page[Task]:
    """List your personal tasks and those of your projects."""
    return task_service.page(principal, query)


@tasks.get("/tasks/<id:task_id>")
@endpoint(access=Access.SIGNED_IN)
def get_task(principal: Principal, task_id: str) -> Task:
    """Read a task."""
    return task_service.get(principal, task_id)


@tasks.patch("/tasks/<id:task_id>")
@endpoint(access=Access.SIGNED_IN)
def update_task(principal: Principal, task_id: str, body: TaskUpdate, if_match: IfMatch) -> Task:
    """Change a task; its metadata is merged."""
    return task_service.update(principal, task_id, body, if_match)


@tasks.delete("/tasks/<id:task_id>")
@endpoint(access=Access.SIGNED_IN, status=204)
def delete_task(principal: Principal, task_id: str, if_match: IfMatch) -> None:
    """Put a task into the trash."""
    task_service.delete(principal, task_id, if_match)
