"""The connections of this process, and the rooms that they have open."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from config import Settings, settings
from models.live import CloseCode
from models.principal import Principal
from services.live.connection import Connection
from services.live.loops import run_forever
from utils.logger import get_logger
from utils.metrics import DELIVERIES, SOCKETS_CLOSED
from utils.websocket_frames import PING

PING_SECONDS = 25.0
SILENCE_SECONDS = 3 * PING_SECONDS  # two pings went unanswered
LOOK_SECONDS = 1.0

TOO_MANY = "You have too many sockets open; close some before you connect again."

logger = get_logger(__name__)


class ConnectionManager:
    """Knows who is connected and who hears what; nothing in here waits for a client."""

    def __init__(self, options: Settings) -> None:
        self._most_of_one = options.sockets_per_user
        self._counts: Counter[str] = Counter()  # by user
        self._connections: dict[str, Connection] = {}
        self._rooms: dict[str, set[Connection]] = defaultdict(set)
        self._is_ending = False

    def start(self) -> None:
        """Begin to look after those who are connected."""
        run_forever("keep-alive", self._keep_alive)

    def connect(self, connection: Connection, principal: Principal) -> None:
        """Count somebody in who is signed in; whoever has too many open already is sent away."""
        connection.principal = principal
        logger.info(
            "socket.opened",
            connection_id=connection.id,
            client_id=connection.client_id,
            user_id=principal.id,
        )
        self._connections[connection.id] = connection
        self._counts[principal.id] += 1
        if self._counts[principal.id] > self._most_of_one:
            connection.close(CloseCode.FLOODING, TOO_MANY)
        if self._is_ending:
            connection.close(CloseCode.RESTARTING)

    def disconnect(self, connection: Connection) -> None:
        """Count somebody out; does nothing for those who were never in."""
        if self._connections.pop(connection.id, None) is not None:
            self._count_out(connection.principal.id)
            code = connection.closed_with
            SOCKETS_CLOSED.labels(int(code) if code else "by the client").inc()
            logger.info(
                "socket.closed",
                connection_id=connection.id,
                code=code and int(code),
                refusals=connection.refusals,
            )

    def _count_out(self, user_id: str) -> None:
        self._counts[user_id] -= 1
        if not self._counts[user_id]:
            del self._counts[user_id]

    def join(self, connection: Connection, room: str) -> None:
        """Let a connection hear what is broadcast in a room that it has open."""
        self._rooms[room].add(connection)

    def leave(self, connection: Connection, room: str) -> None:
        """Let a connection hear nothing of a room any more; it may not have heard any yet."""
        connection.rooms.discard(room)
        members = self._rooms.get(room)
        if members is not None:
            members.discard(connection)
            if not members:
                del self._rooms[room]

    def broadcast(self, room: str, frames: bytes) -> None:
        """Send the same frames to everybody in a room."""
        members = self._rooms.get(room, ())
        for connection in members:
            connection.send_frame(frames)
        DELIVERIES.inc(len(members))

    def with_room(self, room: str) -> list[Connection]:
        """Return the connections that have a room open, heard or still being caught up with."""
        return [connection for connection in self if room in connection.rooms]

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections.values()))

    def __len__(self) -> int:
        return len(self._connections)

    def credential_ids(self) -> set[str]:
        """Return the sessions and API tokens that sockets here are open for."""
        return {each.principal.credential_id for each in self}

    def close_credential(self, credential_id: str) -> None:
        """Close the sockets of a session or API token that is over."""
        self._close(
            CloseCode.UNAUTHENTICATED,
            lambda each: each.principal.credential_id == credential_id,
        )

    def close_all(self) -> None:
        """Send everybody away, as this process is about to end; whoever still comes, too."""
        self._is_ending = True
        self._close(CloseCode.RESTARTING, lambda _: True)

    def _close(self, code: CloseCode, concerned: Callable[[Connection], bool]) -> None:
        for connection in self:
            if concerned(connection):
                connection.close(code)

    def _keep_alive(self) -> None:
        """Ping everybody every so often, each at their own time, and drop who never answers."""
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        for connection in self:
            if now - connection.socket.heard_at > SILENCE_SECONDS:
                connection.close(CloseCode.TOO_SLOW)
            elif now - connection.pinged_at > PING_SECONDS:
                connection.pinged_at = now - random.uniform(0.0, 1.0)  # noqa: S311 - jitter
                connection.send_frame(PING)


connection_manager = ConnectionManager(settings)
