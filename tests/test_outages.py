"""What people notice when the database or a worker goes away, and after it came back."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from statistics import median
from threading import Event
from typing import Any, Self

import pytest
import requests

from tests.crowd import at_once, worker_pids
from tests.factories import PASSWORD, Person
from tests.proxy import DatabaseProxy
from tests.server import Client, Server
from tests.sql import number
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

AWAY_SECONDS = 30
MORE_THAN_THE_POOL = 40
CONNECT_SECONDS = 6
FAST_SECONDS = 4  # less than connecting may take
BACK_SECONDS = 30


@pytest.fixture(scope="module")
def proxy(database: str) -> Iterator[DatabaseProxy]:
    with DatabaseProxy.before(database) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def lone_server(proxy: DatabaseProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker, which reaches the database through the proxy."""
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {"DATABASE_URL": proxy.url, "DATABASE_CONNECT_SECONDS": str(CONNECT_SECONDS)}
    with Server.running(log, **environment, WEB_CONCURRENCY="1") as server:
        yield server


@pytest.fixture
def client(lone_server: Server, proxy: DatabaseProxy, alice: Person) -> Iterator[Client]:
    """Alice's connection; at the end the database is there again."""
    with lone_server.client(alice.tokens["access_token"]) as client:
        assert client.get("/users/me").status_code == 200
        yield client
        proxy.on_answer = lambda _: True
        proxy.shut()
        proxy.open()
        wait_until(lambda: client.get("/users/me").status_code == 200)


def health_of(server: Server, path: str) -> requests.Response:
    return requests.get(server.url + path, timeout=30)


def is_ready(server: Server) -> bool:
    return health_of(server, "/health/ready").status_code == 200


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/tasks", None),
    ("POST", "/tasks", {"title": "Write"}),
    ("POST", "/timer/stop", None),
    ("POST", "/auth/login", {"email": "ada@example.org", "password": PASSWORD}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_without_the_database_requests_are_refused_at_once_and_asked_to_come_back(
    client: Client, proxy: DatabaseProxy, method: str, path: str, body: Any
) -> None:
    proxy.shut()
    begin = time.monotonic()
    answer = client.request(method, path, json=body)
    assert time.monotonic() - begin < FAST_SECONDS
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.fixture
def silent(client: Client, proxy: DatabaseProxy) -> Iterator[DatabaseProxy]:
    """The database takes connections and says nothing, until the test is over."""
    over = Event()
    proxy.on_answer = lambda _: over.wait()
    proxy.cut()
    wait_until(lambda: proxy.connections == 0)
    yield proxy
    over.set()


def test_a_database_that_says_nothing_is_given_up_soon(
    client: Client, silent: DatabaseProxy
) -> None:
    begin = time.monotonic()
    answer = client.get("/tasks")
    assert time.monotonic() - begin < CONNECT_SECONDS + FAST_SECONDS
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")


def test_who_waits_for_a_database_that_says_nothing_holds_nobody_up(
    client: Client, lone_server: Server, silent: DatabaseProxy
) -> None:
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(client.get, "/tasks")
        wait_until(lambda: silent.connections > 0)
        begin = time.monotonic()
        assert health_of(lone_server, "/health").status_code == 200
        assert time.monotonic() - begin < FAST_SECONDS
        assert not waiting.done()


def test_without_the_database_the_process_is_alive_and_not_ready(
    client: Client, lone_server: Server, proxy: DatabaseProxy
) -> None:
    assert is_ready(lone_server)
    proxy.shut()
    assert health_of(lone_server, "/health").json() == {"status": "healthy"}
    ready = health_of(lone_server, "/health/ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "database_away")


def test_after_half_a_minute_without_the_database_everything_works_soon(
    client: Client,
    lone_server: Server,
    proxy: DatabaseProxy,
    record_property: Callable[[str, object], None],
) -> None:
    proxy.shut()
    refusals = []
    end = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < end:
        begin = time.monotonic()
        answer = client.post("/tasks", json={"title": "Write"})
        refusals.append(time.monotonic() - begin)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert health_of(lone_server, "/health").status_code == 200
        assert not is_ready(lone_server)
    proxy.open()
    begin = time.monotonic()
    wait_until(lambda: is_ready(lone_server), BACK_SECONDS)
    back = time.monotonic() - begin
    assert client.get("/tasks").status_code == 200
    assert client.post("/tasks", json={"title": "Write"}).status_code == 201
    assert median(refusals) < FAST_SECONDS
    record_property(
        "tried",
        f"the database away for {AWAY_SECONDS} s: {len(refusals)} writes refused within "
        f"{max(refusals):.2f} s, alive and not ready meanwhile, back after {back:.2f} s",
    )


def test_many_refusals_do_not_use_up_the_pool(
    client: Client, lone_server: Server, proxy: DatabaseProxy
) -> None:
    token = str(client.headers["Authorization"]).removeprefix("Bearer ")
    crowd = [lone_server.client(token) for _ in range(MORE_THAN_THE_POOL)]
    writes = [partial(each.post, "/tasks", json={"title": "Write"}) for each in crowd]
    assert {answer.status_code for answer in at_once(writes)} == {201}
    proxy.shut()
    assert {answer.status_code for answer in at_once(writes)} == {503}
    proxy.open()
    wait_until(lambda: is_ready(lone_server), BACK_SECONDS)
    assert {answer.status_code for answer in at_once(writes)} == {201}
    for each in crowd:
        each.close()


def test_people_do_not_notice_that_idle_connections_were_cut(
    client: Client, proxy: DatabaseProxy
) -> None:
    proxy.cut()
    assert client.post("/tasks", json={"title": "Write"}).status_code == 201
    proxy.cut()
    assert client.get("/tasks").status_code == 200


@dataclass
class CutWrite:
    """A write during which the connection to the database was cut, or would have been later."""

    key: str
    status: int
    was_cut: bool

    @classmethod
    def make(cls, client: Client, proxy: DatabaseProxy, answer: int) -> Self:
        """Make a task; cut the connection instead of passing on this answer of the database."""
        answers = count(1)
        return cls._cut_at(client, proxy, lambda _: next(answers) == answer)

    @classmethod
    def at_commit(cls, client: Client, proxy: DatabaseProxy) -> Self:
        """Make a task; cut the connection instead of passing on that it is committed."""
        return cls._cut_at(client, proxy, lambda piece: b"COMMIT\0" in piece)

    @classmethod
    def _cut_at(
        cls, client: Client, proxy: DatabaseProxy, is_meant: Callable[[bytes], bool]
    ) -> Self:
        key, cut = str(uuid.uuid4()), Event()

        def may_pass(piece: bytes) -> bool:
            if cut.is_set() or not is_meant(piece):
                return True
            cut.set()
            return False

        proxy.on_answer = may_pass
        status = make_task(client, key).status_code
        proxy.on_answer = lambda _: True
        return cls(key, status, cut.is_set())


def make_task(client: Client, key: str) -> requests.Response:
    """Make a task; with the same key, make the same again."""
    return client.post("/tasks", json={"title": key}, headers={"Idempotency-Key": key})


def parts_of(database: str, key: str) -> list[int]:
    """Return how many tasks, events and recorded answers a write has left."""
    queries = (
        "SELECT count(*) FROM tasks WHERE title = %(key)s",
        "SELECT count(*) FROM events WHERE data->>'title' = %(key)s",
        "SELECT count(*) FROM idempotency_records WHERE key = %(key)s",
    )
    return [number(database, query, {"key": key}) for query in queries]


def cut_everywhere(client: Client, proxy: DatabaseProxy) -> Iterator[CutWrite]:
    """Cut one write at the first answer of the database, the next at the second, and so on.

    Now and then the server asks for something else meanwhile, and that is what is cut: the commit,
    of which there is one alone, is cut until it was that of the write.
    """
    for answer in count(1):
        write = CutWrite.make(client, proxy, answer)
        if not write.was_cut:
            break
        yield write
    while (write := CutWrite.at_commit(client, proxy)).status == 201:
        yield write
    yield write


def test_wherever_the_connection_is_cut_a_write_is_done_wholly_or_not_at_all(
    client: Client,
    proxy: DatabaseProxy,
    database: str,
    record_property: Callable[[str, object], None],
) -> None:
    outcomes = []
    for write in cut_everywhere(client, proxy):
        parts = parts_of(database, write.key)
        assert parts in ([0, 0, 0], [1, 1, 1])
        outcomes.append((write.status, parts[0]))
    record_property("tried", f"{len(outcomes)} writes, cut at each answer: 0 half there")
    # Only cut while it commits is it done without anybody having been told.
    assert {(503, 0), (503, 1)} <= set(outcomes) <= {(503, 0), (503, 1), (201, 1)}


def test_wherever_the_connection_is_cut_repeating_the_write_has_it_done_once(
    client: Client, proxy: DatabaseProxy, database: str
) -> None:
    for write in cut_everywhere(client, proxy):
        assert make_task(client, write.key).status_code == 201
        assert parts_of(database, write.key) == [1, 1, 1]


def test_a_write_whose_worker_was_killed_after_its_commit_is_answered_when_repeated(
    client: Client, lone_server: Server, proxy: DatabaseProxy, database: str
) -> None:
    key, (worker,) = str(uuid.uuid4()), worker_pids(lone_server)

    def kill_after_commit(piece: bytes) -> bool:
        if b"COMMIT\0" in piece and parts_of(database, key) == [1, 1, 1]:
            os.kill(worker, signal.SIGKILL)
        return True

    proxy.on_answer = kill_after_commit
    with pytest.raises(requests.ConnectionError):
        make_task(client, key)
    proxy.on_answer = lambda _: True
    wait_until(lambda: worker_pids(lone_server) not in ([worker], []))
    repeated = make_task(client, key)
    assert (repeated.status_code, repeated.json()["title"]) == (201, key)
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert parts_of(database, key) == [1, 1, 1]
