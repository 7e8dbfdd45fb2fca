"""The socket under a WebSocket: sends without waiting, reads no faster than is good for others."""

import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from threading import Event, Thread

BACKLOG_MAX = 8  # messages read and not handled yet
BYTES_DISCARDED = 65_536
FLUSH_SECONDS = 5.0  # for a slow reader to get as far as the reason
LINGER_SECONDS = 1.0  # for the other side to read why it was closed

Callback = Callable[[], None]


class LiveSocket:
    """Stands in for a connected socket; several threads of control may send.

    What the kernel takes at once is sent at once. The rest is kept, and only while there is some
    a thread sends it, in as few pieces as it can. A piece is sent whole before the next one
    begins, so a stream is intact or at its end.
    """

    def __init__(self, sock: socket.socket, limit: int) -> None:
        self._sock = sock
        # gevent's socket waits until it can send; the plain one inside says that it cannot.
        self._send_now: Callable[[bytes], int] = getattr(sock, "_sock", sock).send
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._sent = Event()
        self._sent.set()
        self._ending = False
        self.heard_at = time.monotonic()
        self.backlog: Callable[[], int] = lambda: 0
        self.on_full: Callback = self.abort

    # What a WebSocket needs of a socket:

    def send(self, data: bytes) -> int:
        """Send all of it, now or later."""
        if self._ending:
            return len(data)
        sent = 0 if self._size else self._try(data)
        if sent < len(data):
            self._keep(data[sent:])
        return len(data)

    def recv(self, size: int) -> bytes:
        """Return what came in; once the end has begun, wait for the other side's end instead."""
        while True:
            self._give_way()
            data = self._sock.recv(size)
            self.heard_at = time.monotonic()
            if not data or not self._ending:
                return data

    def close(self) -> None:
        """Leave it to the server, which closes what it opened."""

    # What its connection needs of it:

    def wait_until_sent(self, seconds: float | None = None) -> bool:
        """Wait until nothing is kept any more; False when that takes longer."""
        return self._sent.wait(seconds)

    def finish(self, send_last: Callback) -> None:
        """Let `send_last` send the very last, in place of what is kept and was not begun."""
        if self._ending:
            return
        self._limit = sys.maxsize
        if self._size:
            begun = self._waiting.popleft() if self._waiting else b""
            self._size -= sum(map(len, self._waiting))
            self._waiting = deque([begun])
        send_last()
        self._ending = True

    def linger(self, reader: Thread) -> None:
        """Wait a moment until the other side has got everything and hung up as well.

        Whoever closes with something unread makes the kernel forget what is on its way.
        """
        self._ending = True
        self._sent.wait(FLUSH_SECONDS)
        deadline = time.monotonic() + LINGER_SECONDS
        try:
            self._sock.shutdown(socket.SHUT_WR)
            reader.join(max(0.0, deadline - time.monotonic()))
            while not reader.is_alive() and (left := deadline - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not self._sock.recv(BYTES_DISCARDED):
                    return
        except OSError:
            return  # it is closed already, or the moment is over

    def abort(self) -> None:
        """Hang up; whoever waits for the socket is told."""
        self._ending = True
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def _give_way(self) -> None:
        """Let others run: somebody who sends without a pause would keep this thread alone."""
        time.sleep(0)
        while self.backlog() > BACKLOG_MAX and not self._ending:
            time.sleep(0.01)

    def _try(self, data: bytes) -> int:
        try:
            return self._send_now(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._ending = True  # whoever reads from the socket learns of it, and cleans up
            return len(data)

    def _keep(self, data: bytes) -> None:
        if self._size > self._limit:
            self.on_full()
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._sent.is_set():
            self._sent.clear()
            Thread(target=self._send_kept, name="live-socket", daemon=True).start()

    def _send_kept(self) -> None:
        try:
            while self._waiting:
                piece = b"".join(self._waiting)
                self._waiting.clear()
                self._sock.sendall(piece)
                self._size -= len(piece)
        except OSError:
            self._ending = True
            self._waiting.clear()
            self._size = 0
        finally:
            self._sent.set()
