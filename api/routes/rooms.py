"""Rooms: the log of changes."""

from flask import Blueprint

from api.endpoint import endpoint
from models.event import Event, EventQuery
from models.principal import Principal
from models.scope import Scope
from models.snapshot import SnapshotDownload
from services.event_service import event_service
from services.long_poll_service import long_poll_service
from services.snapshot_service import snapshot_service

rooms = Blueprint("rooms", __name__)


@rooms.get("/rooms/<room>/events")
@endpoint(access=Scope.ROOMS_READ, within=("room",), before=long_poll_service.wait)
def list_events(principal: Principal, room: str, query: EventQuery) -> list[Event]:
    """Read what happened in a room, project:{id} or user:{id}, after a seq, oldest first.

    With `wait` it answers when there is something: ask again with the seq of the last event, and
    you see every change as it happens. Send along the `epoch` of the snapshot that you began with,
    or you do not learn that a backup was restored.
    """
    return event_service.read(principal, room, query)


@rooms.get("/rooms/<room>/snapshot")
@endpoint(access=Scope.ROOMS_READ, within=("room",), recorded=False, before=snapshot_service.take)
def get_snapshot(prepared: SnapshotDownload) -> SnapshotDownload:
    """Read everything in a room as it is at one seq of its log; the events after it go on."""
    return prepared
