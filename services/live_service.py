"""Live rooms: what clients ask for over their sockets, and what happens in rooms, brought to them.

An entry point of its own: each message is handled in units of work that end before the next one.
"""

import time
from collections.abc import Sequence
from functools import partial, singledispatchmethod

from pydantic import ValidationError

from models.event import Event, EventType
from models.live import (
    INCOMING,
    Authenticate,
    ClientMessage,
    CloseCode,
    Echo,
    Echoed,
    EventMessage,
    LiveError,
    Outcome,
    Ping,
    Pong,
    Revoked,
    SetPresence,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Welcome,
)
from models.principal import Principal
from services.auth_service import AuthService, auth_service
from services.connection_manager import ConnectionManager, connection_manager
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.event_log import EventLog, Head, event_log
from services.event_service import EventService, event_service
from services.live.connection import Connection
from services.live.frames import frame_of
from services.live.loops import run_forever
from services.presence_service import PresenceService, presence_service
from services.room_feed import RoomFeed, room_feed
from utils.errors import BadRequestError, ServiceError, UnavailableError
from utils.helpers import utc_now
from utils.logger import get_logger

ROOMS_MAX = 200  # for one connection
REPLAY_BATCH = 200
BEHIND_SECONDS = 5.0
WATCH_SECONDS = 2.0

logger = get_logger(__name__)


class LiveService:
    """Serves one connection after its sign-in, and keeps all of them up to date."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        auth: AuthService,
        events: EventService,
        log: EventLog,
        feed: RoomFeed,
        connections: ConnectionManager,
        presence: PresenceService,
    ) -> None:
        self._db = database
        self._auth = auth
        self._events = events
        self._log = log
        self._feed = feed
        self._connections = connections
        self._presence = presence
        self._watching = False
        feed.deliver = self._deliver
        feed.reset = self._reset
        bus.on("session", lambda hint: connections.close_session(hint.subject))

    def start(self) -> None:
        """Begin to bring changes to clients, and those made here to other processes."""
        self._feed.start()
        if not self._watching:
            self._watching = True
            run_forever("session-watch", self._close_ended_sessions)

    def stop(self) -> None:
        """Send all clients away: this process is about to end, and others are there for them."""
        self._connections.close_all()

    def serve(self, connection: Connection, principal: Principal) -> None:
        """Follow what somebody who is signed in asks for, until the connection is over."""
        self._connections.connect(connection, principal)
        connection.send(
            Welcome(
                connection_id=connection.id,
                client_id=connection.client_id,
                user_id=principal.id,
                server_time=utc_now(),
            )
        )
        while (message := connection.receive()) is not None:
            self._handle(connection, message)

    def disconnect(self, connection: Connection) -> None:
        """Forget a connection and all that it had open."""
        for room in list(connection.rooms):
            self._leave(connection, room)
        self._connections.disconnect(connection)

    def _handle(self, connection: Connection, data: str | bytes) -> None:
        """Follow one message; whatever is wrong with it, the connection lives on."""
        if isinstance(data, bytes):
            detail = "Messages are text; send this as text, too."
            connection.send(LiveError(code="invalid_message", detail=detail))
            return
        try:
            message = INCOMING.validate_json(data)
        except ValidationError as error:
            connection.send(_not_understood(data, error))
            return
        try:
            self._follow(message, connection)
        except ServiceError as error:
            self._refuse(connection, message, error.code, error.detail)
        except Exception:
            logger.exception("socket.message_failed", type=message.type)
            detail = "This is a defect of the service; report when it happened."
            self._refuse(connection, message, "internal_error", detail)

    def _refuse(
        self, connection: Connection, message: ClientMessage, code: str, detail: str
    ) -> None:
        room = getattr(message, "room", None)
        connection.send(LiveError(code=code, detail=detail, room=room, in_reply_to=message.id))

    @singledispatchmethod
    def _follow(self, message: ClientMessage, connection: Connection) -> None:
        raise NotImplementedError(type(message).__name__)

    @_follow.register
    def _authenticate(self, _message: Authenticate, _connection: Connection) -> None:
        raise BadRequestError(
            "You are signed in already; open another socket to be somebody else.",
            code="signed_in_already",
        )

    @_follow.register
    def _ping(self, message: Ping, connection: Connection) -> None:
        connection.send(Pong(id=message.id))

    @_follow.register
    def _echo(self, message: Echo, connection: Connection) -> None:
        connection.send(Echoed(data=message.data, in_reply_to=message.id))

    @_follow.register
    def _set_presence(self, message: SetPresence, connection: Connection) -> None:
        if message.room not in connection.rooms:
            raise BadRequestError("Subscribe to this room first.", code="not_subscribed")
        self._presence.set_state(connection, message.room, message.state)

    @_follow.register
    def _unsubscribe(self, message: Unsubscribe, connection: Connection) -> None:
        if message.room in connection.rooms:
            self._leave(connection, message.room)

    @_follow.register
    def _subscribe(self, message: Subscribe, connection: Connection) -> None:
        """Open a room, which may be revoked while that goes on."""
        room = message.room
        if room in connection.rooms:
            self._leave(connection, room)
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
        except Exception:
            self._leave(connection, room)
            raise
        if room not in connection.rooms:
            self._leave(connection, room)
            return
        connection.send(subscribed)
        if subscribed.outcome is Outcome.RESYNC_REQUIRED:
            self._leave(connection, room)
        else:
            self._catch_up(connection, subscribed)

    def _enter(self, connection: Connection, message: Subscribe) -> Subscribed:
        """Find out, within a unit of work, where in the log the connection begins."""
        room = message.room
        self._events.require_entry(connection.principal, room)
        state = self._feed.locate(room)
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
        """Send what was missed, no faster than it is read, then let the room be heard."""
        room, seq = subscribed.room, subscribed.seq
        if not self._feed.wait_beyond(room, seq - 1, BEHIND_SECONDS):
            self._leave(connection, room)
            raise UnavailableError("The log cannot be read at the moment; subscribe again.")
        while room in connection.rooms and seq < self._feed.position(room):
            events = self._db.reading(partial(self._log.read, room, seq, REPLAY_BATCH))
            if not events or events[0].seq != seq + 1:
                self._require_resync(connection, room, Head(subscribed.epoch, seq))
                return
            # What lies beyond the feed's position the feed is going to deliver itself.
            position = self._feed.position(room)
            for event in events[: position - seq]:
                connection.send(EventMessage(event=event))
                seq = event.seq
                if not connection.wait_until_read():
                    return
        # Nothing else ran since the positions were compared: no event is missed or doubled.
        if room in connection.rooms:
            self._connections.join(connection, room)

    def _leave(self, connection: Connection, room: str) -> None:
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
        if any(event.type.startswith("time_entry.") for event in events):
            self._presence.look_at(room)
        if any(event.type == EventType.PROJECT_DELETED for event in events):
            self._revoke(room, None)

    def _revoke(self, room: str, user_id: str | None) -> None:
        """Close a room for one user, or for all."""
        for connection in self._connections.with_room(room):
            if user_id in (None, connection.principal.id):
                self._leave(connection, room)
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
        self._leave(connection, room)
        connection.send(
            Subscribed(
                room=room,
                epoch=head.epoch,
                seq=head.seq,
                outcome=Outcome.RESYNC_REQUIRED,
                present=[],
            )
        )

    def _close_ended_sessions(self) -> None:
        """Close sockets whose session is over; hints tell sooner, and may get lost."""
        time.sleep(WATCH_SECONDS)
        session_ids = self._connections.session_ids()
        if session_ids:
            live = self._db.reading(lambda: self._auth.find_live(session_ids))
            for session_id in session_ids - live:
                self._connections.close_session(session_id)


def _not_understood(data: str, error: ValidationError) -> LiveError:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part)[:100] for part in problem["loc"]) or "the message"
    detail = f"Look at {place}: {problem['msg']}; see /docs."
    return LiveError(code="invalid_message", detail=detail, in_reply_to=_id_of(data))


def _id_of(data: str) -> str | None:
    """Return the id of a message that has one, whatever else is wrong with it."""
    try:
        return ClientMessage.model_validate_json(data, extra="ignore").id
    except ValidationError:
        return None


live_service = LiveService(
    db,
    event_bus,
    auth_service,
    event_service,
    event_log,
    room_feed,
    connection_manager,
    presence_service,
)
