"""The socket under a WebSocket: sends without waiting, reads no faster than is good for others."""

import _thread
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from threading import Event, Thread

BACKLOG_MAX = 8  # messages read and not handled yet
SHARE = 0.05  # of the process's time, to take apart what one client sends
PAUSE_MAX = 0.3
PIECE_BYTES = 131_072  # small frames go out together up to this
BYTES_DISCARDED = 65_536
FLUSH_SECONDS = 5.0  # for a slow reader to get as far as the reason
LINGER_SECONDS = 1.0  # for the other side to read why it was closed

Callback = Callable[[], None]
Piece = bytes | memoryview


class LiveSocket:
    """Stands in for a connected socket; several threads of control may send.

    What the kernel takes at once is sent at once. The rest is kept, and only while there is some
    a thread sends it, in few pieces. A piece is sent whole before the next one begins, so a stream
    is intact or at its end. Nobody else runs while something is sent: a broadcast is one step.
    """

    def __init__(self, sock: socket.socket, limit: int) -> None:
        self._sock = sock
        # gevent's socket waits until it can send; the plain one inside says that it cannot.
        self._send_now: Callable[[bytes], int] = getattr(sock, "_sock", sock).send
        self._limit = limit
        self._waiting: deque[Piece] = deque()
        self._size = 0
        self._sent = Event()
        self._sent.set()
        self._ending = False
        self.heard_at = self._read_at = time.monotonic()
        self.backlog: Callable[[], int] = lambda: 0
        self.on_full: Callback = self.abort

    # What a WebSocket needs of a socket:

    def send(self, data: bytes) -> int:
        """Send all of it, now or later."""
        if self._ending:
            return len(data)
        sent = 0 if self._size else self._try(data)
        if sent < len(data):
            self._keep(memoryview(data)[sent:])  # not a copy: many receivers may share it
        return len(data)

    def recv(self, size: int) -> bytes:
        """Return what came in; once the end has begun, wait for the other side's end instead."""
        while True:
            self._give_way()
            data = self._sock.recv(size)
            self.heard_at = self._read_at = time.monotonic()
            if not data or not self._ending:
                return data

    def close(self) -> None:
        """Leave it to the server, which closes what it opened."""

    # What its connection needs of it:

    @property
    def waiting_bytes(self) -> int:
        """What the client has not taken yet."""
        return self._size

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
        """Let others run, for longer than it took to take apart what was read before.

        A few kilobytes may be hundreds of frames; pings and fragments of messages count nowhere.
        """
        taken = time.monotonic() - self._read_at
        time.sleep(min(taken * (1 / SHARE - 1), PAUSE_MAX))
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

    def _keep(self, data: memoryview) -> None:
        if self._size > self._limit:
            self.on_full()
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._sent.is_set():
            self._sent.clear()
            # Thread.start would wait until it runs, and so let others run in between.
            _thread.start_new_thread(self._send_kept, ())

    def _send_kept(self) -> None:
        try:
            while self._waiting:
                piece = self._next_piece()
                self._sock.sendall(piece)
                self._size -= len(piece)
        except OSError:
            self._ending = True
            self._waiting.clear()
            self._size = 0
        finally:
            self._sent.set()

    def _next_piece(self) -> Piece:
        """Take small frames together; a large one goes alone, as putting it together copies it."""
        pieces = [self._waiting.popleft()]
        size = len(pieces[0])
        while self._waiting and (size := size + len(self._waiting[0])) <= PIECE_BYTES:
            pieces.append(self._waiting.popleft())
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
