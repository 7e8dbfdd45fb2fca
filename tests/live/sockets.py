"""WebSockets of people in tests, and the same people's requests over TCP."""

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self, cast

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, TestResponse

from tests.crowd import CONNECTIONS_TRIED, worker_at, worker_pids
from tests.factories import Person
from tests.records import Record
from tests.server import Server
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from websockets.frames import Close
    from websockets.typing import Origin, Subprotocol


class Socket:
    """One open WebSocket; `messages` is all that it received and somebody waited for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.messages: list[Record] = []

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message of a type."""
        self.send_raw(json.dumps({"type": kind} | fields))

    def send_raw(self, data: str | bytes) -> None:
        """Send whatever it is."""
        self.connection.send(data)

    def receive(self, kind: str, seconds: float = PATIENCE, **fields: Any) -> Record:
        """Return the next message of a type that has these fields; those before it are kept."""
        expected = {"type": kind} | fields
        return self.receive_until(lambda message: expected.items() <= message.items(), seconds)

    def receive_until(
        self, condition: Callable[[Record], bool], seconds: float = PATIENCE
    ) -> Record:
        """Return the next message that fulfils a condition; those before it are kept."""
        deadline = time.monotonic() + seconds
        while True:
            text = self.connection.recv(max(0.0, deadline - time.monotonic()), decode=True)
            message: Record = json.loads(text)
            self.messages.append(message)
            if condition(message):
                return message

    def ask(self, kind: str, answer: str, **fields: Any) -> Record:
        """Send a message and return the answer to it."""
        own_id = uuid.uuid4().hex
        self.send(kind, id=own_id, **fields)
        expected: Record = {"id" if answer == "pong" else "in_reply_to": own_id}
        return self.receive(answer, **expected)

    def subscribe(self, room: str, **fields: Any) -> Record:
        """Open a room and return the answer."""
        return self.ask("subscribe", "subscribed", room=room, **fields)

    def ping(self) -> None:
        """Return when the server has handled all that was sent before."""
        self.ask("ping", "pong")

    def event(self, kind: str, seconds: float = PATIENCE) -> Record:
        """Return the next event of a type."""
        while True:
            event: Record = self.receive("event", seconds)["event"]
            if event["type"] == kind:
                return event

    def event_types(self) -> list[str]:
        """Return the types of the events that came, after everything sent before was handled."""
        self.ping()
        return [each["event"]["type"] for each in self.of_type("event")]

    def of_type(self, kind: str) -> list[Record]:
        """Return the messages of a type that came so far."""
        return [each for each in self.messages if each["type"] == kind]

    def closed(self, seconds: float = PATIENCE) -> tuple[int, str]:
        """Wait until the server closes; return its code and reason."""
        close = self._wait_for_the_end(seconds)
        assert close is not None, "the connection was lost without a word"
        return close.code, close.reason

    def ended(self, seconds: float = PATIENCE) -> int | None:
        """Wait until it is over; return the server's code, None if it came too late to be read."""
        close = self._wait_for_the_end(seconds)
        return close.code if close else None

    def _wait_for_the_end(self, seconds: float) -> "Close | None":
        with pytest.raises(ConnectionClosed) as closed:
            self.receive("nothing that is ever sent", seconds)
        return closed.value.rcvd

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


class Sockets:
    """Opens sockets at a server, and closes them when it is closed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._stack = ExitStack()

    @classmethod
    @contextmanager
    def at(cls, server: Server) -> Iterator[Self]:
        """Close at the end what was opened."""
        sockets = cls(server)
        with sockets._stack:
            yield sockets

    def open(self, person: Person, *rooms: str, **options: Any) -> Socket:
        """Open a socket of somebody's, signed in by header, with these rooms open."""
        token = person.tokens["access_token"]
        opened = self.unwelcomed(headers={"Authorization": f"Bearer {token}"}, **options)
        opened.receive("welcome")
        for room in rooms:
            assert opened.subscribe(room)["outcome"] == "ok"
        return opened

    def unwelcomed(
        self,
        *,
        headers: dict[str, str] | None = None,
        protocols: list[str] | None = None,
        origin: str | None = None,
        client_id: str = "",
        **options: Any,
    ) -> Socket:
        """Open a socket and wait for nothing."""
        url = self.server.url.replace("http", "ws", 1) + f"/ws/{client_id or uuid.uuid4()}"
        connection = self._stack.enter_context(
            connect(
                url,
                additional_headers=headers or {},
                subprotocols=cast("list[Subprotocol] | None", protocols),
                origin=cast("Origin | None", origin),
                open_timeout=PATIENCE,
                ping_timeout=None,
                close_timeout=1,
                max_size=None,
                **options,
            )
        )
        return Socket(connection)

    def at_both_workers(self, person: Person, *rooms: str) -> list[Socket]:
        """Open a socket at each of the two workers."""
        return [self.open(person, *rooms, sock=each) for each in self.lines_to_both()]

    def lines_to_both(self) -> list[socket.socket]:
        """Return a connection to each worker, on which nothing was said yet."""
        workers = worker_pids(self.server)
        found: dict[int, socket.socket] = {}
        for _ in range(CONNECTIONS_TRIED):
            line = self._line()
            found.setdefault(worker_at(self.server, line.getsockname()[1], workers), line)
            if len(found) == len(workers):
                break
        return [found[worker] for worker in workers]

    def _line(self) -> socket.socket:
        host, port = self.server.url.removeprefix("http://").split(":")
        line = socket.create_connection((host, int(port)))
        self._stack.callback(line.close)
        return line


class RemoteClient:
    """Stands in for Flask's test client, and asks a real server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def open(self, path: str, **options: Any) -> TestResponse:
        """Send a request on a connection of its own."""
        options.pop("buffered")
        answer = requests.request(url=self._server.url + path, timeout=40, **options)
        request = EnvironBuilder(path).get_request()
        return TestResponse(
            [answer.content], str(answer.status_code), Headers(answer.headers), request
        )


def through(server: Server, person: Person) -> Person:
    """Return somebody whose requests go through a server from now on."""
    person.client = cast("FlaskClient", RemoteClient(server))
    return person


def user_room_of(person: Person) -> str:
    return f"user:{person.id}"
