"""Rooms: the log of changes."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.event import Event, EventQuery
from models.principal import Principal
from services.event_service import event_service

rooms = Blueprint("rooms", __name__)


@rooms.get("/rooms/<room>/events")
@endpoint(access=Access.SIGNED_IN)
def list_events(principal: Principal, room: str, query: EventQuery) -> list[Event]:
    """Read what happened in a room, project:{id} or user:{id}, after a seq, oldest first."""
    return event_service.read(principal, room, query)
