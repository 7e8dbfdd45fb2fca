"""Live rooms: what clients ask for over their sockets, one message after the other.

An entry point of its own: each message is handled in units of work that end before the next one.
"""

import time
from functools import singledispatchmethod
from threading import Event as Signal

from pydantic import ValidationError

from models.live import (
    INCOMING,
    Authenticate,
    ClientMessage,
    CloseCode,
    Echo,
    Echoed,
    Incoming,
    LiveError,
    Ping,
    Pong,
    SetPresence,
    Subscribe,
    Unsubscribe,
    Welcome,
)
from models.principal import Principal
from models.user import UserKind
from services.connection_manager import ConnectionManager, connection_manager
from services.credential_service import CredentialService, credential_service
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.live.connection import Connection
from services.live.loops import run_forever
from services.presence_service import PresenceService, presence_service
from services.room_feed import RoomFeed, room_feed
from services.subscription_service import SubscriptionService, subscription_service
from utils.errors import BadRequestError, ForbiddenError, ServiceError
from utils.helpers import utc_now
from utils.logger import get_logger
from utils.metrics import MESSAGES_REFUSED
from utils.trace_context import Errand, current_request_id, on_errand
from utils.tracing import Kind, span

INVALID = "invalid_message"
WATCH_SECONDS = 2.0
WATCH_PAUSE_SECONDS = 0.2  # of many who change at once one look takes care

logger = get_logger(__name__)


class LiveService:
    """Serves one connection after its sign-in, and keeps all of them up to date."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        credentials: CredentialService,
        feed: RoomFeed,
        connections: ConnectionManager,
        presence: PresenceService,
        subscriptions: SubscriptionService,
    ) -> None:
        self._db = database
        self._bus = bus
        self._credentials = credentials
        self._feed = feed
        self._connections = connections
        self._presence = presence
        self._subscriptions = subscriptions
        self._user_changed = Signal()
        bus.on("user", lambda _: self._user_changed.set())
        bus.on("credential", lambda hint: connections.close_credential(hint.subject))

    def start(self) -> None:
        """Begin to bring changes to clients, and those made here to others; once in a process."""
        self._bus.start()
        self._feed.start()
        self._presence.start()
        self._connections.start()
        run_forever("credential-watch", self._close_ended)

    def stop(self) -> None:
        """Send all clients away: this process is about to end, and others are there for them."""
        self._connections.close_all()
        self._feed.stop()

    def serve(self, connection: Connection, principal: Principal) -> None:
        """Follow what somebody who is signed in asks for, until the connection is over."""
        self._connections.connect(connection, principal)
        if not self._is_signed_in(connection):
            return
        connection.send(
            Welcome(
                connection_id=connection.id,
                client_id=connection.client_id,
                user_id=principal.id,
                request_id=connection.request_id,
                server_time=utc_now(),
            )
        )
        while (message := connection.receive()) is not None:
            self._handle(connection, message)

    def _is_signed_in(self, connection: Connection) -> bool:
        """Look once more, as no hint comes of a session that ended before it was connected."""
        credential_id = connection.principal.credential_id
        try:
            if self._db.reading(lambda: self._credentials.find_live([credential_id])):
                return True
            connection.close(CloseCode.UNAUTHENTICATED)
        except ServiceError as error:
            connection.close(CloseCode.RESTARTING, error.detail)
        return False

    def disconnect(self, connection: Connection) -> None:
        """Forget a connection and all that it had open."""
        for room in list(connection.rooms):
            self._subscriptions.close(connection, room)
        self._connections.disconnect(connection)

    def _handle(self, connection: Connection, data: str | bytes) -> None:
        """Follow one message; whatever is wrong with it, the connection lives on."""
        errand = Errand.new()
        with on_errand(errand):
            if isinstance(data, bytes):
                _refuse(connection, INVALID, "Messages are text; send this as text, too.")
                return
            try:
                message = INCOMING.validate_json(data)
            except ValidationError as error:
                _refuse(connection, INVALID, _explain(error), in_reply_to=_id_of(data))
                return
        with on_errand(errand.part_of(message.traceparent)), span(Kind.SERVER, message.type):
            self._follow_or_refuse(message, connection)

    def _follow_or_refuse(self, message: Incoming, connection: Connection) -> None:
        about = {"room": getattr(message, "room", None), "in_reply_to": message.id}
        try:
            self._follow(message, connection)
        except ServiceError as error:
            _refuse(connection, error.code, error.detail, **about)
        except Exception:
            logger.exception("socket.message_failed", type=message.type)
            detail = "This is a defect of the service; report it with the request_id."
            _refuse(connection, "internal_error", detail, **about)

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
        if connection.principal.kind is UserKind.AGENT:
            raise ForbiddenError(
                "What an agent is doing is derived, not set: claim a task, send heartbeats, or "
                "ask in a comment.",
                code="state_is_derived",
            )
        self._presence.set_state(connection, message.room, message.state)

    @_follow.register
    def _unsubscribe(self, message: Unsubscribe, connection: Connection) -> None:
        if message.room in connection.rooms:
            self._subscriptions.close(connection, message.room)

    @_follow.register
    def _subscribe(self, message: Subscribe, connection: Connection) -> None:
        self._subscriptions.open(connection, message)

    def _close_ended(self) -> None:
        """Close sockets whose session or token is over; hints tell sooner, and may get lost.

        Of API tokens there are none when their user is disabled: so it looks whenever one changed.
        """
        self._user_changed.wait(WATCH_SECONDS)
        time.sleep(WATCH_PAUSE_SECONDS)
        self._user_changed.clear()
        credential_ids = self._connections.credential_ids()
        if credential_ids:
            live = self._db.reading(lambda: self._credentials.find_live(credential_ids))
            for credential_id in credential_ids - live:
                self._connections.close_credential(credential_id)


def _refuse(connection: Connection, code: str, detail: str, **about: str | None) -> None:
    """Tell a client that its message was not followed, in the message's errand."""
    connection.refusals += 1  # told when it closes: a line for each would let clients fill the log
    MESSAGES_REFUSED.labels(code).inc()
    logger.debug("socket.message_refused", connection_id=connection.id, code=code)
    request_id = current_request_id()
    connection.send(LiveError(code=code, detail=detail, request_id=request_id, **about))


def _explain(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part)[:100] for part in problem["loc"]) or "the message"
    return f"Look at {place}: {problem['msg']}; see /docs."


def _id_of(data: str) -> str | None:
    """Return the id of a message that has one, whatever else is wrong with it."""
    try:
        return ClientMessage.model_validate_json(data, extra="ignore").id
    except ValidationError:
        return None


live_service = LiveService(
    db,
    event_bus,
    credential_service,
    room_feed,
    connection_manager,
    presence_service,
    subscription_service,
)
