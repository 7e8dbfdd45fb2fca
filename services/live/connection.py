"""One client's open WebSocket."""

from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Protocol

from simple_websocket import ConnectionClosed
from wsproto.utilities import LocalProtocolError

from models.live import CLOSE_REASONS, MESSAGE_MAX_BYTES, CloseCode, ServerMessage
from services.live.frames import frame_of
from services.live.live_socket import LiveSocket
from utils.helpers import new_id
from utils.token_bucket import TokenBucket

if TYPE_CHECKING:
    from models.principal import Principal

MESSAGES_PER_SECOND = 50
MESSAGES_AT_ONCE = 200
LOOK_SECONDS = 1.0  # whether somebody who does not read was sent away meanwhile
REASON_MAX_LENGTH = 85  # a close frame has room for 123 bytes, and the request is named behind it


class WebSocket(Protocol):
    """What is used of simple_websocket's Server."""

    event: Event
    thread: Thread
    input_buffer: list[str | bytes]
    connected: bool

    def receive(self, timeout: float | None = None) -> str | bytes | None:
        """Return the next message, None after `timeout` seconds; raises ConnectionClosed."""

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """Send a close frame."""


class Connection:
    """Sends to one client and closes its socket; never waits for the client."""

    def __init__(
        self, websocket: WebSocket, sock: LiveSocket, client_id: str, request_id: str
    ) -> None:
        self.id = new_id()
        self.request_id = request_id
        self.client_id = client_id
        self.principal: Principal  # set when somebody is signed in
        self.socket = sock
        self.rooms: set[str] = set()
        self.refusals = 0  # messages that were not followed
        self.pinged_at = sock.heard_at
        self._websocket = websocket
        self._messages = TokenBucket(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)
        self.closed_with: CloseCode | None = None
        sock.backlog = websocket.input_buffer.__len__
        sock.on_full = lambda: self.close(CloseCode.TOO_SLOW)

    def receive(self, seconds: float | None = None) -> str | bytes | None:
        """Return the next message of the client, None after `seconds` or when it is over."""
        try:
            message = self._websocket.receive(seconds)
        except ConnectionClosed:
            return None
        if message is None or self.closed_with is not None:
            return None
        if not self._messages.take():
            self.close(CloseCode.FLOODING)
            return None
        if isinstance(message, str) and len(message.encode()) > MESSAGE_MAX_BYTES:
            self.close(CloseCode.TOO_LARGE)  # the library counts characters
            return None
        return message

    @property
    def is_open(self) -> bool:
        """False once either side has closed it."""
        return self._websocket.connected and self.closed_with is None

    def send(self, message: ServerMessage) -> None:
        """Send a message to this client alone."""
        self.send_frame(frame_of(message))

    def send_frame(self, frame: bytes) -> None:
        """Send frames that are encoded already, many receivers sharing them."""
        self.socket.send(frame)

    def wait_until_read(self) -> bool:
        """Wait until nothing more is on its way to the client; False when it is over."""
        while self.is_open and not self.socket.wait_until_sent(LOOK_SECONDS):
            pass
        return self.is_open

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """Tell the client why and hang up; whoever serves the connection cleans up."""
        if self.closed_with is not None:
            return
        self.closed_with = code
        self.socket.finish(lambda: self._say_goodbye(code, reason or CLOSE_REASONS[code]))
        self._websocket.event.set()  # wakes up whoever waits in receive

    def _say_goodbye(self, code: CloseCode, reason: str) -> None:
        with suppress(ConnectionClosed, LocalProtocolError):  # the client was faster
            words = reason[:REASON_MAX_LENGTH]
            self._websocket.close(code, f"{words} [{self.request_id}]")

    def linger(self) -> None:
        """Give the client a moment to read why it was closed."""
        self.socket.linger(self._websocket.thread)
