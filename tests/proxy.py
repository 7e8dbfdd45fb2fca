"""Doors in front of servers that tests can shut, and lines behind them on which things go wrong."""

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from threading import Lock, Thread
from typing import Self

from sqlalchemy import make_url

from tests.server import free_port

PIECE = 65_536
TRICKLES_PER_SECOND = 20
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: say RST instead of FIN, at once


Target = str | tuple[str, int]  # a path, or a host and a port


class Way(Enum):
    """Which way something goes."""

    ASKED = "from the client to the server"
    ANSWERED = "from the server to the client"

    @property
    def back(self) -> "Way":
        return Way.ANSWERED if self is Way.ASKED else Way.ASKED


@dataclass(frozen=True)
class Weather:
    """What becomes of what is sent; by default it arrives at once."""

    seconds: tuple[float, float] = (0.0, 0.0)  # that each piece is late, at random
    bytes_per_second: int | None = None
    swallows: frozenset[Way] = frozenset()  # nothing that goes this way arrives, nor does an end


FAIR = Weather()


class Proxy:
    """Passes connections on to a server until it is shut; then nobody is listening.

    `on_question` and `on_answer` see what the client and the server send, piece by piece, before
    it is passed on: True lets it pass, False cuts the connection.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.port = free_port()
        self._lines: set[_Line] = set()
        self._lock = Lock()
        self._listener: socket.socket | None = None
        self.on_question: Callable[[bytes], bool] = _pass
        self.on_answer: Callable[[bytes], bool] = _pass
        self.weather = FAIR

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Yield this proxy open; it is shut at the end."""
        self.open()
        try:
            yield self
        finally:
            self.shut()

    def open(self) -> None:
        """Take connections, if it does not already."""
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def shut(self) -> None:
        """Take no connections any more, and cut those that are there."""
        if self._listener is not None:
            _cut(self._listener)
            self._listener.close()
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """Cut all connections; new ones are taken."""
        for line in self._all():
            line.cut()

    def cut_one(self) -> None:
        """Cut a connection, whichever it is."""
        if lines := self._all():
            random.choice(lines).cut()

    def reset(self) -> None:
        """Like `cut`, but rudely: both sides get an RST."""
        for line in self._all():
            line.reset()

    def clear_up(self) -> None:
        """Let everything pass from now on.

        Where something was swallowed a stream has a hole: the server learns that such a connection
        is over, the client does not, as when whoever stood between them has forgotten it.
        """
        self.weather, self.on_question, self.on_answer = FAIR, _pass, _pass
        for line in self._all():
            line.forget()

    @property
    def connections(self) -> int:
        """How many are passed on at this moment."""
        return len(self._lines)

    def _all(self) -> list["_Line"]:
        with self._lock:
            return list(self._lines)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._connect, args=[client], daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET
        with client, socket.socket(family) as server:
            line = _Line(self, client, server)
            with self._lock:
                self._lines.add(line)
            with suppress(OSError):
                server.connect(self._target)
                line.carry()
            with self._lock:
                self._lines.discard(line)


class _Line:
    """A connection that is passed on."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._from = {Way.ASKED: client, Way.ANSWERED: server}
        self._swallowed: frozenset[Way] = frozenset()  # what was once swallowed stays so
        self._is_rude = False

    def carry(self) -> None:
        """Pass on both ways until both sides have ended it."""
        asking = Thread(target=self._pump, args=[Way.ASKED], daemon=True)
        asking.start()
        self._pump(Way.ANSWERED)
        asking.join()

    def cut(self) -> None:
        for end in self._from.values():
            _cut(end)

    def reset(self) -> None:
        self._is_rude = True
        for end in self._from.values():
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RD)  # wakes up who reads here, and says nothing

    def forget(self) -> None:
        if self._swallowed:
            _cut(self._from[Way.ANSWERED])

    def _pump(self, way: Way) -> None:
        source, target = self._from[way], self._from[way.back]
        with suppress(OSError):
            while (piece := source.recv(PIECE)) and self._may_pass(piece, way):
                weather = self._proxy.weather
                self._swallowed |= weather.swallows
                if way not in self._swallowed:
                    _send(target, piece, weather)
        if not self._is_rude and way not in self._swallowed:
            self.cut()

    def _may_pass(self, piece: bytes, way: Way) -> bool:
        look = self._proxy.on_question if way is Way.ASKED else self._proxy.on_answer
        return look(piece)


class DatabaseProxy(Proxy):
    """A proxy in front of a database; `url` is the way through it."""

    def __init__(self, database: str) -> None:
        url = make_url(database)
        port = url.port or url.query.get("port") or 5432
        host = str(url.host or url.query.get("host") or "127.0.0.1")
        super().__init__(
            str(Path(host, f".s.PGSQL.{port}")) if host[0] == "/" else (host, int(port))  # type: ignore[arg-type]  # the query names it once
        )
        options = {"sslmode": "disable", "gssencmode": "disable"}
        self.url = url.set(host="127.0.0.1", port=self.port, query=options).render_as_string(
            hide_password=False
        )

    @classmethod
    @contextmanager
    def before(cls, database: str) -> Iterator[Self]:
        """Yield a proxy in front of a database that is open; it is shut at the end."""
        with cls(database).opened() as proxy:
            yield proxy


def _send(target: socket.socket, piece: bytes, weather: Weather) -> None:
    time.sleep(random.uniform(*weather.seconds))
    if weather.bytes_per_second is None:
        target.sendall(piece)
        return
    size = max(1, weather.bytes_per_second // TRICKLES_PER_SECOND)
    for start in range(0, len(piece), size):
        target.sendall(piece[start : start + size])
        time.sleep(1 / TRICKLES_PER_SECOND)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _pass(_piece: bytes) -> bool:
    return True
