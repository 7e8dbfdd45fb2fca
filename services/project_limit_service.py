"""The limit of an API token to one project: what it names must lie there.

Beside the rights of whose token it is, which the other services look after.
"""

from collections.abc import Collection

from sqlalchemy import bindparam, select

from models.base import UuidText
from models.comment import CommentRow
from models.delivery import DeliveryRow
from models.item import ItemRow
from models.lease import LeaseRow
from models.principal import Principal
from models.task import TaskRow
from models.time_entry import TimeEntryRow
from models.webhook import WebhookRow
from services.access_service import not_found
from services.db_client import DatabaseClient, db
from services.event_service import project_room

ID = bindparam("id", type_=UuidText)
OF_TASK = select(TaskRow.scope_id)
OF_WEBHOOK = select(WebhookRow.project_id.label("scope_id"))

# For each name that requests know things by: the scope that the thing is kept in.
SCOPES = {
    "task_id": OF_TASK.where(TaskRow.id == ID),
    "item_id": OF_TASK.join(ItemRow, ItemRow.task_id == TaskRow.id).where(ItemRow.id == ID),
    "comment_id": OF_TASK.join(CommentRow, CommentRow.task_id == TaskRow.id).where(
        CommentRow.id == ID
    ),
    "lease_id": select(LeaseRow.project_id.label("scope_id")).where(LeaseRow.id == ID),
    "webhook_id": OF_WEBHOOK.where(WebhookRow.id == ID),
    "delivery_id": OF_WEBHOOK.join(DeliveryRow, DeliveryRow.webhook_id == WebhookRow.id).where(
        DeliveryRow.id == ID
    ),
    "entry_id": select(TimeEntryRow.scope_id).where(TimeEntryRow.id == ID),
}

# What never moves, and may be gone by the end.
FIXED = {"webhook_id", "delivery_id"}

Named = tuple[str, str]  # what kind of thing a request names, and which one


class ProjectLimitService:
    """Says whether a thing lies in the one project that a token is for."""

    def __init__(self, database: DatabaseClient) -> None:
        self._db = database
        self._scopes = {name: database.prepare(query) for name, query in SCOPES.items()}

    def check(self, principal: Principal, named: Collection[Named]) -> None:
        """Refuse things of elsewhere: for this caller they do not exist."""
        for name, value in named:
            if self._project_of(name, value) != principal.project_id:
                raise not_found()

    def check_again(self, principal: Principal, named: Collection[Named]) -> None:
        """Likewise, when it is done: what was moved out is not to be committed."""
        self._db.session.flush()
        self.check(principal, [each for each in named if each[0] not in FIXED])

    def _project_of(self, name: str, value: str) -> str | None:
        if name == "project_id":
            return value
        if name == "room":
            return value.removeprefix(project_room(""))
        row = self._scopes[name].first(id=value)
        return None if row is None else str(row["scope_id"])


project_limit_service = ProjectLimitService(db)
