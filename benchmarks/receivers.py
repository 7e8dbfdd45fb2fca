"""Many WebSockets in one process, which count what comes in and when it was made."""

import os
import re
import secrets
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

PIECE = 262_144
MARK = b'"type":"event"'
PING, PONG = b"\x89\x00", b"\x8a\x80\0\0\0\0"  # the first is in no text
MADE_AT = re.compile(rb'"at":"([^"]+)"')
SAMPLED = 10  # of so many sockets one tells how long its messages took
SETTLE_SECONDS = 20.0
HANDSHAKE_SECONDS = 20


class ReceiverError(Exception):
    """A socket that was not opened, or that was closed; the message holds what came instead."""


@dataclass
class Receivers:
    """Open sockets of one server."""

    sockets: list[socket.socket] = field(default_factory=list)
    received: int = 0
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._how: tuple[int, Sequence[str], bytes] = (0, (), b"")
        self._selector = selectors.DefaultSelector()
        self._tails: dict[socket.socket, bytes] = {}
        self._sampled: set[socket.socket] = set()

    def open(self, port: int, headers: Sequence[str], first_message: bytes = b"") -> None:
        """Open one more socket and send it a first message, if there is one."""
        self._how = (port, headers, first_message)
        opened = self._open_another()
        opened.setblocking(False)
        if len(self.sockets) % SAMPLED == 0:
            self._sampled.add(opened)
            self.take_in(0)
        self.sockets.append(opened)
        self._tails[opened] = b""
        self._selector.register(opened, selectors.EVENT_READ)

    @contextmanager
    def stuck_one(self) -> Iterator[None]:
        """Have one more socket open meanwhile, like the others, which nobody reads."""
        with self._open_another():
            yield

    def _open_another(self) -> socket.socket:
        port, headers, first_message = self._how
        opened = open_socket(port, headers)
        if first_message:
            opened.sendall(frame(first_message))
        return opened

    def receive(self, messages: int, seconds: float) -> None:
        """Take in so many messages on each socket.

        Raises ReceiverError when they have not come in time.
        """
        self.received, self.latencies = 0, []
        expected = messages * len(self.sockets)
        deadline = time.monotonic() + seconds
        while self.received < expected:
            self.take_in(deadline - time.monotonic())
            if time.monotonic() > deadline:
                raise ReceiverError(f"{self.received} of {expected} messages came in time")

    def take_in(self, seconds: float) -> None:
        """Read what there is on all sockets, waiting at most so long for the first."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            opened: socket.socket = key.fileobj  # type: ignore[assignment]  # only sockets are registered
            data = opened.recv(PIECE)
            if not data:
                raise ReceiverError("the server closed a socket")
            if PING in data:
                opened.sendall(PONG)
            self._count(opened, data)

    def settle(self, quiet_seconds: float) -> None:
        """Read until nothing has come in for a while; among many sockets one is always pinged."""
        quiet_since = begun = time.monotonic()
        while time.monotonic() - quiet_since < quiet_seconds:
            if time.monotonic() - begun > SETTLE_SECONDS:
                return
            if self._selector.select(0.1):
                self.take_in(0)
                quiet_since = time.monotonic()

    def close(self) -> None:
        """Hang up."""
        for opened in self.sockets:
            opened.close()
        self._selector.close()

    def _count(self, opened: socket.socket, data: bytes) -> None:
        data = self._tails[opened] + data
        self.received += data.count(MARK)
        if opened in self._sampled:
            now = time.time()
            self.latencies += [now - _instant(each) for each in MADE_AT.findall(data)]
        # What is cut off at the end is looked at with the next piece, and what was counted is not.
        cut = data.rfind(b'{"type"')
        tail = data[cut:] if cut >= 0 and MARK not in data[cut:] else b""
        self._tails[opened] = tail


def open_socket(port: int, headers: Sequence[str]) -> socket.socket:
    """Return a socket after the WebSocket handshake; raises ReceiverError."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=HANDSHAKE_SECONDS)
    lines = [
        f"GET /ws/{secrets.token_hex(16)} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = opened.recv(1)  # no more than the head: what follows is a frame
        if not piece:
            raise ReceiverError(f"no handshake: {answer!r}")
        answer += piece
    if b" 101 " not in answer.split(b"\r\n")[0]:
        raise ReceiverError(f"no handshake: {answer!r}")
    return opened


def frame(message: bytes) -> bytes:
    """Return a client's frame of less than 126 bytes; zeros are a mask as well."""
    return bytes([0x81, 0x80 | len(message)]) + b"\0\0\0\0" + message


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use."""
    with open(f"/proc/{pid}/statm") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _instant(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text.decode()).timestamp()
