"""Hundreds of clients that send slowly, or nothing: they hold up nobody else, and not for long."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import quantiles
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
import requests

from gunicorn_http import SEND_SECONDS
from tests.factories import Person
from tests.server import Client, Server
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

SLOW_CLIENTS = 500
BODY_SECONDS = 5
GONE_SECONDS = 30  # gunicorn waits 5 s for a head, on a busy machine longer
DRIP_SECONDS = 0.5
OTHERS, ASKED = 8, 100
ROUNDS = 5  # a busy machine shows in one round or another, what is slow in each

HEAD = b"POST /api/v1/tasks HTTP/1.1\r\nHost: stint\r\n"
JSON = b"Content-Type: application/json\r\nContent-Length: 1000000\r\n"
# What each kind sends at once, and what again and again.
KINDS = {
    "slow heads": (HEAD, b"X-Slow: 1\r\n"),
    "slow bodies": (HEAD + JSON + b"Authorization: Bearer %s\r\n\r\n", b" "),
    "idle": (b"", b""),
}


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "log"
    with Server.running(log, REQUEST_BODY_SECONDS=str(BODY_SECONDS)) as running:
        yield running


class SlowClients:
    """Sockets that stay open as long as the server lets them."""

    def __init__(self, server: Server, token: str) -> None:
        parts = urlsplit(server.url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._token = token.encode()
        self.open: dict[socket.socket, bytes] = {}
        self._over = Event()
        self._dripping = Thread(target=self._drip, daemon=True)

    def start(self) -> None:
        kinds = list(KINDS.values())
        for number in range(SLOW_CLIENTS):
            first, again = kinds[number % len(kinds)]
            sock = socket.create_connection(self._address)
            sock.sendall(first.replace(b"%s", self._token))
            sock.setblocking(False)
            self.open[sock] = again
        self._dripping.start()

    def stop(self) -> None:
        self._over.set()
        self._dripping.join()
        for sock in self.open:
            sock.close()

    def _drip(self) -> None:
        while not self._over.wait(DRIP_SECONDS):
            for sock, again in list(self.open.items()):
                if _is_closed(sock, again):
                    del self.open[sock]
                    sock.close()


def _is_closed(sock: socket.socket, again: bytes) -> bool:
    """Send a little more; what the server answers, like 408, is its last word."""
    try:
        sock.send(again)
        return sock.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def p99(clients: list[Client], asked: int = ASKED) -> float:
    """Let people ask so often, each in turn; returns what the slowest of a hundred takes, in ms."""

    def ask(client: Client) -> list[float]:
        times = []
        for _ in range(asked):
            start = time.perf_counter()
            assert client.get("/users/me").status_code == 200
            times.append((time.perf_counter() - start) * 1000)
        return times

    with ThreadPoolExecutor(len(clients)) as threads:
        times = [each for found in threads.map(ask, clients) for each in found]
    return quantiles(times, n=100)[-1]


def test_slow_clients_hold_up_nobody(
    server: Server, alice: Person, record_property: Callable[[str, object], None]
) -> None:
    token = alice.tokens["access_token"]
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client(token)) for _ in range(OTHERS)]
        p99(clients)  # to warm up
        for _ in range(ROUNDS):
            alone = p99(clients)
            slow = SlowClients(server, token)
            slow.start()
            stack.callback(slow.stop)
            beside = p99(clients)
            if beside < 2 * alone:
                break
        wait_until(lambda: not slow.open, GONE_SECONDS)
        record_property(
            "tried",
            f"{SLOW_CLIENTS} slow or idle clients: p99 of others {beside:.1f} ms beside them and "
            f"{alone:.1f} ms alone, all of them gone within {GONE_SECONDS} s",
        )
    assert beside < 2 * alone


def test_who_takes_nothing_of_the_answers_is_let_go(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    parts = urlsplit(server.url)
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: stint\r\n\r\n" * 100
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as deaf:
        deaf.sendall(asked)
        deaf.setblocking(False)
        began = time.monotonic()
        wait_until(lambda: _is_let_go(deaf), SEND_SECONDS + GONE_SECONDS)
        record_property(
            "tried",
            f"a client that takes nothing of its answers: gone in {time.monotonic() - began:.0f} s",
        )
    assert requests.get(f"{server.url}/health", timeout=30).status_code == 200


def _is_let_go(sock: socket.socket) -> bool:
    """Ask for more, and read nothing."""
    try:
        sock.send(b"G")
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False
