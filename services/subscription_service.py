"""Subscriptions: rooms that connections have open, and what happens there brought to them."""

from collections.abc import Sequence
from functools import partial

from models.event import Event, EventType
from models.live import CloseCode, EventMessage, Outcome, Revoked, Subscribe, Subscribed
from services.connection_manager import ConnectionManager, connection_manager
from services.db_client import DatabaseClient, db
from services.event_log import EventLog, Head, event_log, is_gapless
from services.event_service import EventService, event_service
from services.live.connection import Connection
from services.live.frames import frame_of
from services.presence_service import PresenceService, presence_service
from services.room_feed import RoomFeed, room_feed
from utils.errors import BadRequestError, UnavailableError

ROOMS_MAX = 200  # for one connection
REPLAY_BATCH = 200
BEHIND_SECONDS = 5.0
ON_WHAT = ("time_entry.", "lease.", "comment.")  # changes what people and agents are on


class SubscriptionService:
    """Opens rooms without missing an event, and closes them as soon as somebody loses the right."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        log: EventLog,
        feed: RoomFeed,
        connections: ConnectionManager,
        presence: PresenceService,
    ) -> None:
        self._db = database
        self._events = events
        self._log = log
        self._feed = feed
        self._connections = connections
        self._presence = presence
        feed.deliver = self._deliver
        feed.reset = self._reset

    def open(self, connection: Connection, message: Subscribe) -> None:
        """Open a room, which may be revoked while that goes on."""
        room = message.room
        if room in connection.rooms:
            self.close(connection, room)
        if len(connection.rooms) >= ROOMS_MAX:
            raise BadRequestError(
                f"A connection has at most {ROOMS_MAX} rooms open; leave one or open another.",
                code="too_many_rooms",
            )
        with self._feed.following(room):
            self._open(connection, message)

    def _open(self, connection: Connection, message: Subscribe) -> None:
        """Follow a room and then read its log, so that nothing falls in between."""
        room = message.room
        self._feed.follow(room)
        connection.rooms.add(room)
        try:
            subscribed = self._db.reading(lambda: self._enter(connection, message))
            if room in connection.rooms:
                connection.send(subscribed)
                self._catch_up(connection, subscribed)
        except Exception:
            self.close(connection, room)
            raise
        if room not in connection.rooms:
            self.close(connection, room)

    def _enter(self, connection: Connection, message: Subscribe) -> Subscribed:
        """Find out, within a unit of work, where in the log the connection begins."""
        room = message.room
        self._events.require_entry(connection.principal, room)
        state = self._feed.locate(room)
        # Once more: what the log has already, like a removal, comes as no event.
        self._events.require_entry(connection.principal, room)
        answer = Subscribed(
            room=room,
            epoch=state.epoch,
            seq=state.seq,
            outcome=Outcome.RESYNC_REQUIRED,
            present=[],
            in_reply_to=message.id,
        )
        if message.since is not None and not state.continues(message.since, message.epoch):
            return answer
        answer.present = self._presence.enter(connection, room)
        answer.outcome = Outcome.OK
        if message.since is None:
            answer.seq = self._feed.position(room)
        else:
            answer.seq = message.since
            if message.since < state.seq:
                answer.outcome = Outcome.REPLAY
        return answer

    def _catch_up(self, connection: Connection, subscribed: Subscribed) -> None:
        """Send what was missed, then let the room be heard; it may be revoked meanwhile."""
        room, seq = subscribed.room, subscribed.seq
        if subscribed.outcome is Outcome.RESYNC_REQUIRED:
            self.close(connection, room)
            return
        if not self._feed.wait_beyond(room, seq - 1, BEHIND_SECONDS):
            raise UnavailableError("The log cannot be read at the moment; subscribe again.")
        while room in connection.rooms and seq < self._feed.position(room):
            events = self._db.reading(partial(self._log.read, room, seq, REPLAY_BATCH))
            if events and is_gapless(events, seq):
                # What lies beyond the feed's position the feed is going to deliver itself.
                seq = self._replay(connection, room, events[: self._feed.position(room) - seq])
            elif room in connection.rooms:
                self._require_resync(connection, room, Head(subscribed.epoch, seq))
        # Nothing else ran since the positions were compared: no event is missed or doubled.
        if room in connection.rooms:
            self._connections.join(connection, room)

    def _replay(self, connection: Connection, room: str, events: Sequence[Event]) -> int:
        """Send events no faster than they are read, while the room is open; return the last seq."""
        seq = events[0].seq - 1
        for event in events:
            if not connection.wait_until_read():
                self.close(connection, room)
            if room not in connection.rooms:
                break
            connection.send(EventMessage(event=event))
            seq = event.seq
        return seq

    def close(self, connection: Connection, room: str) -> None:
        """Let a connection hear nothing of a room any more."""
        self._presence.leave(connection, room)
        if room in connection.rooms:
            self._connections.leave(connection, room)
            self._feed.unfollow(room)

    def _deliver(self, room: str, events: Sequence[Event]) -> None:
        """Bring events to everybody who has the room open, except those who lost the right to."""
        is_project = room.startswith("project:")
        for event in events:
            if is_project and event.type == EventType.MEMBER_REMOVED:
                self._revoke(room, event.subject)
        frames = b"".join(frame_of(EventMessage(event=event)) for event in events)
        self._connections.broadcast(room, frames)
        if any(event.type.startswith(ON_WHAT) for event in events):
            self._presence.look_at(room)
        if any(event.type == EventType.PROJECT_DELETED for event in events):
            self._revoke(room, None)

    def _revoke(self, room: str, user_id: str | None) -> None:
        """Close a room for one user, or for all."""
        for connection in self._connections.with_room(room):
            if user_id in (None, connection.principal.id):
                self.close(connection, room)
                connection.send(Revoked(room=room))
                if not connection.rooms:
                    connection.close(CloseCode.NOT_A_MEMBER)

    def _reset(self, room: str, head: Head | None) -> None:
        """The log that was followed is no more; whoever has the room open starts over."""
        if head is None:
            self._revoke(room, None)
            return
        for connection in self._connections.with_room(room):
            self._require_resync(connection, room, head)

    def _require_resync(self, connection: Connection, room: str, head: Head) -> None:
        self.close(connection, room)
        connection.send(
            Subscribed(
                room=room,
                epoch=head.epoch,
                seq=head.seq,
                outcome=Outcome.RESYNC_REQUIRED,
                present=[],
            )
        )


subscription_service = SubscriptionService(
    db, event_service, event_log, room_feed, connection_manager, presence_service
)
