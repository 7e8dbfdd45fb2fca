"""Items: the inbox, and the checklists of tasks."""

from flask import Blueprint

from api.endpoint import endpoint
from models.item import Item, ItemCreate, ItemPromote, ItemQuery, ItemUpdate
from models.principal import Principal
from models.scope import Scope
from models.task import Task
from services.item_service import item_service
from utils.pages import Page
from utils.preconditions import IfMatch

items = Blueprint("items", __name__)


@items.post("/items")
@endpoint(access=Scope.TASKS_WRITE, within=("task_id",), status=201)
def create_item(principal: Principal, body: ItemCreate) -> Item:
    """Capture a line in your inbox, or add one to a task's checklist."""
    return item_service.create(principal, body)


@items.get("/items")
@endpoint(access=Scope.TASKS_READ, within=("task_id",))
def list_items(principal: Principal, query: ItemQuery) -> Page[Item]:
    """List your inbox, or with task_id the checklist of a task, in its order."""
    return item_service.page(principal, query)


@items.get("/items/<id:item_id>")
@endpoint(access=Scope.TASKS_READ, within=("item_id",))
def get_item(principal: Principal, item_id: str) -> Item:
    """Read an item."""
    return item_service.get(principal, item_id)


@items.patch("/items/<id:item_id>")
@endpoint(access=Scope.TASKS_WRITE, within=("item_id",))
def update_item(principal: Principal, item_id: str, body: ItemUpdate, if_match: IfMatch) -> Item:
    """Change an item, tick it off, or move it within its list."""
    return item_service.update(principal, item_id, body, if_match)


@items.delete("/items/<id:item_id>")
@endpoint(access=Scope.TASKS_WRITE, within=("item_id",), status=204)
def delete_item(principal: Principal, item_id: str, if_match: IfMatch) -> None:
    """Put an item into the trash."""
    item_service.delete(principal, item_id, if_match)


@items.post("/items/<id:item_id>/promote")
@endpoint(access=Scope.TASKS_WRITE, within=("item_id", "project_id"), status=201)
def promote_item(principal: Principal, item_id: str, body: ItemPromote) -> Task:
    """Make a task of an item, which is done with that.

    A line of the inbox becomes a personal task, or with project_id one of a project; a line of a
    checklist becomes a subtask. This happens once; after that it is refused with
    already_promoted and the id of the task.
    """
    return item_service.promote(principal, item_id, body)
