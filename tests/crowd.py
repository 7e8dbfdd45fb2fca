"""Many connections to the real server, half of them at each of its two workers."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Barrier
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from tests.server import Client, Server

T = TypeVar("T")

CONNECTIONS_TRIED = 500
ACCEPTING_SECONDS = 10


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Do all of this at the same moment, each in a thread; the results come in order."""
    start = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        start.wait(30)
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


@contextmanager
def crowd(server: Server, size: int) -> Iterator[list[Client]]:
    """Open `size` connections, of which each worker accepted half; nobody is signed in."""
    workers = worker_pids(server)
    assert len(workers) == 2, workers
    places = dict.fromkeys(workers, size // 2)
    clients = []
    with ExitStack() as stack:
        for _ in range(CONNECTIONS_TRIED):
            client = stack.enter_context(server.client())
            worker = _worker_of(server, client, workers)
            if places[worker] > 0:
                places[worker] -= 1
                clients.append(client)
            if not any(places.values()):
                break
        assert len(clients) == size, f"places left at the workers: {places}"
        yield clients


def worker_pids(server: Server) -> list[int]:
    """Return the process ids of the workers that live."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("workers are told apart by /proc, which only Linux has")
    master = server.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return [int(pid) for pid in children.split()]


def worker_at(server: Server, port: int, workers: list[int]) -> int:
    """Return the worker that holds the connection from a port of ours, once one accepted it."""
    deadline = time.monotonic() + ACCEPTING_SECONDS
    while True:
        socket = _socket_between(urlsplit(server.url).port or 0, port)
        for pid in workers:
            if socket in _sockets_of(pid):
                return pid
        assert time.monotonic() < deadline, "no worker accepts connections"
        time.sleep(0.005)


def is_held(server: Server, port: int) -> bool:
    """Tell whether any worker still holds the connection from a port of ours."""
    try:
        socket = _socket_between(urlsplit(server.url).port or 0, port)
    except LookupError:
        return False
    return any(socket in _sockets_of(pid) for pid in worker_pids(server))


def _worker_of(server: Server, client: Client, workers: list[int]) -> int:
    """Return the worker that holds the connection which `client` keeps open."""
    answer = client.get("/health", stream=True)
    connection = answer.raw.connection
    assert connection is not None
    port = connection.sock.getsockname()[1]
    assert answer.json() == {"status": "healthy"}
    return worker_at(server, port, workers)


def _socket_between(server_port: int, client_port: int) -> str:
    """Return the name of the server's end of a connection, by the kernel's table of them."""
    ends = (f":{server_port:04X}", f":{client_port:04X}")
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, *rest = line.split()
        if local.endswith(ends[0]) and remote.endswith(ends[1]):
            return f"socket:[{rest[6]}]"
    raise LookupError(f"no connection from port {client_port} to {server_port}")


def _sockets_of(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed in this very moment
            found.add(str(descriptor.readlink()))
    return found
