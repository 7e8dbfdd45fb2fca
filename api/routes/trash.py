"""The trash."""

from flask import Blueprint

from api.endpoint import endpoint
from models.operation import Operation, Restored, TrashQuery
from models.principal import Principal
from models.scope import Scope
from services.trash_service import trash_service
from utils.pages import Page

trash = Blueprint("trash", __name__)


@trash.get("/trash")
@endpoint(access=Scope.TRASH_READ, within=("project_id",))
def list_trash(principal: Principal, query: TrashQuery) -> Page[Operation]:
    """List what was deleted in your projects and of what is yours alone, one action a line."""
    return trash_service.page(principal, query)


@trash.post("/trash/<id:operation_id>/restore")
@endpoint(access=Scope.TRASH_WRITE)
def restore(principal: Principal, operation_id: str) -> Restored:
    """Undo an action that deleted something.

    Rights, parents and overlaps are checked anew; the answer names what could not come back.
    """
    return trash_service.restore(principal, operation_id)
