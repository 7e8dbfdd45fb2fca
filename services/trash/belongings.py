"""Bringing back what belongs to tasks: items and comments."""

from sqlalchemy import select

from models.comment import Comment, CommentRow
from models.event import EventType
from models.item import Item, ItemRow
from models.membership import ProjectRole
from models.principal import Principal
from services.comment_service import CommentService
from services.db_client import DatabaseClient
from services.event_service import EventService, user_room
from services.trash.outcome import Outcome
from services.trash.places import Places
from utils.errors import ForbiddenError, ServiceError


class ItemRestorer:
    """Lines of one's inbox and of the checklists of tasks that one may change."""

    kind = "item"

    def __init__(self, database: DatabaseClient, events: EventService, places: Places) -> None:
        self._db = database
        self._events = events
        self._places = places

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back items whose list is still there."""
        outcome = Outcome()
        query = select(ItemRow).where(ItemRow.operation_id == operation_id).with_for_update()
        for row in self._db.session.scalars(query):
            try:
                room = self._room(principal, row)
            except ServiceError as error:
                outcome.note(self.kind, row.id, error.code, error.detail)
                continue
            row.take_out_of_trash()
            self._db.session.flush()
            self._events.record(principal, room, EventType.ITEM_RESTORED, Item.model_validate(row))
            outcome.restored += 1
        return outcome

    def _room(self, principal: Principal, row: ItemRow) -> str:
        if row.task_id is not None:
            return self._places.lock_task(principal, row.task_id, ProjectRole.EDITOR).room
        if row.created_by != principal.id:
            raise ForbiddenError("It is a line of somebody else's inbox.")
        return user_room(principal.id)


class CommentRestorer:
    """One's own comments, and as an owner all."""

    kind = "comment"

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        places: Places,
        comments: CommentService,
    ) -> None:
        self._db = database
        self._events = events
        self._places = places
        self._comments = comments

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back comments on tasks that are still there."""
        outcome = Outcome()
        query = select(CommentRow).where(CommentRow.operation_id == operation_id)
        for row in self._db.session.scalars(query.with_for_update()):
            try:
                room = self._room(principal, row)
            except ServiceError as error:
                outcome.note(self.kind, row.id, error.code, error.detail)
                continue
            row.take_out_of_trash()
            self._db.session.flush()
            self._comments.index_discussion(row.task_id)
            comment = Comment.model_validate(row)
            self._events.record(principal, room, EventType.COMMENT_RESTORED, comment)
            outcome.restored += 1
        return outcome

    def _room(self, principal: Principal, row: CommentRow) -> str:
        place = self._places.lock_task(principal, row.task_id, ProjectRole.VIEWER)
        if row.created_by != principal.id and place.role is not ProjectRole.OWNER:
            raise ForbiddenError("Its author and the project's owners can restore it.")
        return place.room
