"""The connections of a process: kept alive with pings, and closed when nobody is there."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from socket import socket, socketpair
from threading import Event, Thread

import pytest

from config import settings
from models.live import CloseCode
from models.principal import Principal
from models.user import UserKind, UserRole
from services.connection_manager import ConnectionManager
from services.live.connection import Connection
from services.live.live_socket import LiveSocket
from tests.waiting import PATIENCE, wait_until
from utils.websocket_frames import PING

PONG = b"\x8a\x80mask"
SOMEBODY = Principal("u", UserKind.PERSON, UserRole.MEMBER, "UTC", 1, "s")
PING_SECONDS = 0.4


class WebSocketWithoutMessages:
    """Stands in for simple_websocket's Server; nobody sends anything but pongs."""

    def __init__(self) -> None:
        self.event = Event()
        self.thread = Thread()
        self.input_buffer: list[str | bytes] = []
        self.connected = True

    def receive(self, timeout: float | None = None) -> None:
        """Wait for what does not come."""
        self.event.wait(timeout)

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        self.connected, self.said = False, (reason, message)


class Peer:
    """A connection, and the client's end of the line."""

    def __init__(
        self,
        manager: ConnectionManager,
        line: socket,
        end: socket,
        principal: Principal = SOMEBODY,
    ) -> None:
        self.connection = Connection(
            WebSocketWithoutMessages(), LiveSocket(line, 1_000), "laptop", "26b15e0d"
        )
        self.end = end
        self.end.settimeout(PATIENCE)
        manager.connect(self.connection, principal)

    def answer(self) -> None:
        """Wait for a ping and answer it."""
        assert self.end.recv(len(PING)) == PING
        self.end.send(PONG)
        self.connection.socket.recv(len(PONG))


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> ConnectionManager:
    """Looks after its connections far more often than it does in production."""
    for name, seconds in {"PING": PING_SECONDS, "SILENCE": 3 * PING_SECONDS, "LOOK": 0.01}.items():
        monkeypatch.setattr(f"services.connection_manager.{name}_SECONDS", seconds)
    monkeypatch.setattr("services.connection_manager.random.uniform", lambda *_: 0.0)
    manager = ConnectionManager(settings)
    manager.start()
    return manager


@pytest.fixture
def peers(manager: ConnectionManager) -> Iterator[list[Peer]]:
    """Two clients."""
    with ExitStack() as stack:
        lines = [[stack.enter_context(end) for end in socketpair()] for _ in range(2)]
        peers = [Peer(manager, line, end) for line, end in lines]
        yield peers
        for peer in peers:
            manager.disconnect(peer.connection)


def test_everybody_is_pinged_again_and_again(peers: list[Peer]) -> None:
    start = time.monotonic()
    for _ in range(3):
        for peer in peers:
            peer.answer()
    assert time.monotonic() - start > 2 * PING_SECONDS


def test_who_answers_no_ping_is_closed_as_too_slow_and_who_does_stays(peers: list[Peer]) -> None:
    answers, silent = peers

    def is_closed() -> bool:
        answers.answer()
        return silent.connection.closed_with is CloseCode.TOO_SLOW

    start = time.monotonic()
    wait_until(is_closed)
    assert time.monotonic() - start > 2 * PING_SECONDS
    answers.answer()
    assert answers.connection.closed_with is None


def test_one_user_has_only_so_many_sockets_open() -> None:
    manager = ConnectionManager(settings.model_copy(update={"sockets_per_user": 2}))
    somebody_else = replace(SOMEBODY, id="another")
    with ExitStack() as stack:

        def opened(principal: Principal) -> Connection:
            line, end = (stack.enter_context(each) for each in socketpair())
            peer = Peer(manager, line, end, principal)
            return peer.connection

        first, second, third = (opened(SOMEBODY) for _ in range(3))
        other = opened(somebody_else)
        codes = [each.closed_with for each in (first, second, third, other)]
        assert codes == [None, None, CloseCode.FLOODING, None]
        for gone in (second, third):
            manager.disconnect(gone)
        assert opened(SOMEBODY).closed_with is None
        assert opened(SOMEBODY).closed_with is CloseCode.FLOODING
