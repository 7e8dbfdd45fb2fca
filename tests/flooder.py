"""Somebody who asks far too much, as a process of its own: `python -m tests.flooder URL TOKEN`.

It prints a line when it is refused for the first time, goes on until its input ends, and then
prints how often it was answered in which way.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from config import settings
from tests.server import Client

ASKS_PER_SECOND = 200
MESSAGES = 400  # at once, of which a socket takes 200
SOCKETS = 60
PAUSE_SECONDS = 0.5
TOLD_SECONDS, A_MOMENT = 10.0, 0.01


class Flooder:
    """Asks, talks and hoards sockets, each in a thread."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._enough = Event()
        self.statuses: Counter[int] = Counter()
        self.talks: Counter[int] = Counter()  # by the code that ended them
        self.hoards: Counter[int] = Counter()  # by the code that ended them, 0 for open

    def run(self) -> None:
        """Flood until standard input ends."""
        threads = [Thread(target=work) for work in (self._ask, self._talk, self._hoard)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._enough.set()
        for thread in threads:
            thread.join()

    def _ask(self) -> None:
        with Client(self._url + settings.api_prefix, self._token) as client:
            while not self._enough.wait(1 / ASKS_PER_SECOND):
                answer = client.get("/tasks")
                self.statuses[answer.status_code] += 1
                if answer.status_code == 429 and self.statuses[429] == 1:
                    print(answer.headers["Retry-After"], flush=True)  # noqa: T201 - for the test

    def _talk(self) -> None:
        while not self._enough.wait(PAUSE_SECONDS):
            with suppress(OSError, WebSocketException), self._open() as socket:
                with suppress(ConnectionClosed):
                    for _ in range(MESSAGES):
                        socket.send('{"type": "ping"}')
                self.talks[_end_of(socket, TOLD_SECONDS)] += 1

    def _hoard(self) -> None:
        with ExitStack() as stack:
            sockets = [stack.enter_context(self._open()) for _ in range(SOCKETS)]
            self._enough.wait()
            for socket in sockets:  # who was sent away has known for long
                self.hoards[_end_of(socket, A_MOMENT)] += 1

    @contextmanager
    def _open(self) -> Iterator[ClientConnection]:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = self._url.replace("http", "ws", 1) + f"/ws/flooder-{time.monotonic_ns()}"
        with connect(url, additional_headers=headers, close_timeout=1) as socket:
            yield socket


def _end_of(socket: ClientConnection, seconds: float) -> int:
    """Return the code that the server closed with; 0 when it did not, -1 when it got lost."""
    try:
        while True:
            socket.recv(seconds)
    except TimeoutError:
        return 0
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else -1


if __name__ == "__main__":
    flooder = Flooder(*sys.argv[1:])
    flooder.run()
    print(  # noqa: T201 - this is what it is asked for
        json.dumps([flooder.statuses, flooder.talks, flooder.hoards])
    )
