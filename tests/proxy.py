"""Doors in front of servers that tests can shut."""

import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Self

from sqlalchemy import make_url

from tests.server import free_port

PIECE = 65_536


Target = str | tuple[str, int]  # a path, or a host and a port


class Proxy:
    """Passes connections on to a server until it is shut; then nobody is listening.

    `on_answer` sees what the server sends, piece by piece, before it is passed on: True lets it
    pass, False cuts the connection.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.port = free_port()
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        self._listener: socket.socket | None = None
        self.on_answer: Callable[[bytes], bool] = _pass

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Yield this proxy open; it is shut at the end."""
        self.open()
        try:
            yield self
        finally:
            self.shut()

    def open(self) -> None:
        """Take connections."""
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
        with self._lock:
            for connection in self._connections:
                _cut(connection)

    def cut_one(self) -> None:
        """Cut a connection, whichever it is."""
        with self._lock:
            if self._connections:
                _cut(random.choice(list(self._connections)))

    @property
    def connections(self) -> int:
        """How many are passed on at this moment."""
        return len(self._connections) // 2

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
            with self._lock:
                self._connections |= {client, server}
            with suppress(OSError):
                server.connect(self._target)
                asking = Thread(target=_pump, args=[client, server, _pass], daemon=True)
                asking.start()
                _pump(server, client, lambda piece: self.on_answer(piece))
                asking.join()
            with self._lock:
                self._connections -= {client, server}


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


def _pump(source: socket.socket, target: socket.socket, may_pass: Callable[[bytes], bool]) -> None:
    with suppress(OSError):
        while (piece := source.recv(PIECE)) and may_pass(piece):
            target.sendall(piece)
    _cut(source)
    _cut(target)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _pass(_piece: bytes) -> bool:
    return True
