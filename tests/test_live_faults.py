"""What clients have after connections, workers and the bus were lost is what there is."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask

from config import settings
from examples.live_client import LiveClient, Room
from tests.crowd import worker_pids
from tests.factories import Person, sign_up
from tests.proxy import Proxy
from tests.server import Server
from tests.sql import rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ROOMS, CLIENTS, WRITERS = 4, 12, 4
THINK_SECONDS = (0.0, 0.1)  # of a writer: who waits for faults need not keep the machine busy
SOCKETS_CUT, WORKERS_KILLED, RESTARTS = 200, 6, 5
FAULTS_SECONDS = 20
BUS_CUT_SECONDS = 10
CATCH_UP_SECONDS = 60
ANSWER_SECONDS = 60  # two workers start anew for a while, on a busy machine
RESTART_SECONDS = 120  # gunicorn gives those who do not stop 20
ENOUGH_TASKS = 20

Tried = Callable[[str, object], None]


class Crowd:
    """Clients that follow rooms through a proxy, and writers who change what is in them."""

    def __init__(self, server: Server, proxy: Proxy, person: Person) -> None:
        self.projects = [
            person.post("/projects", {"name": "Busy"}).get_json() for _ in range(ROOMS)
        ]
        self.rooms = [f"project:{project['id']}" for project in self.projects]
        self._api = server.url + settings.api_prefix
        self._token = person.tokens["access_token"]
        self._headers = {"Authorization": f"Bearer {self._token}"}
        through_proxy = f"http://127.0.0.1:{proxy.port}"
        self.clients = [
            LiveClient(through_proxy, lambda: self._token, random.sample(self.rooms, 2), _ignore)
            for _ in range(CLIENTS)
        ]
        self._done = Event()
        self.written = 0
        self.failed: list[str] = []
        self._writers = [Thread(target=self._write, daemon=True) for _ in range(WRITERS)]
        self._followers = [Thread(target=each.run, daemon=True) for each in self.clients]

    def start(self) -> None:
        for thread in (*self._writers, *self._followers):
            thread.start()

    def stop_writing(self) -> None:
        self._done.set()
        for writer in self._writers:
            writer.join()

    def leave(self) -> None:
        self.stop_writing()
        for client in self.clients:
            client.stopped = True

    @property
    def tally(self) -> str:
        """What there is to tell when everybody is right."""
        return f"{self.written} writes, {CLIENTS} clients have all of them and nothing else"

    def assert_everybody_is_right(self) -> None:
        for room in self.rooms:
            fresh = self._snapshot(room)
            for client in self.clients:
                if room in client.rooms:
                    followed = client.rooms[room]
                    wait_until(lambda: followed.seq == fresh.seq, CATCH_UP_SECONDS)  # noqa: B023 - over before the next
                    assert followed.rows == fresh.rows

    def _snapshot(self, name: str) -> Room:
        room = Room(name)
        url = f"{self._api}/rooms/{name}/snapshot"
        answer = requests.get(url, headers=self._headers, timeout=ANSWER_SECONDS)
        room.load(answer.json())
        return room

    def _write(self) -> None:
        """Make, change and delete tasks; a worker that dies under it is another's turn."""
        tasks: list[str] = []
        while not self._done.is_set():
            try:
                self._write_something(tasks)
                self.written += 1
            except requests.RequestException as error:
                self.failed.append(str(error))
            time.sleep(random.uniform(*THINK_SECONDS))

    def _write_something(self, tasks: list[str]) -> None:
        def send(method: str, path: str, **body: object) -> requests.Response:
            url = self._api + path
            answer = requests.request(
                method, url, json=body, headers=self._headers, timeout=ANSWER_SECONDS
            )
            if answer.status_code >= 500:
                self.failed.append(answer.text)
            return answer

        if len(tasks) < ENOUGH_TASKS:
            project = random.choice(self.projects)
            made = send("POST", "/tasks", title="Write", project_id=project["id"])
            tasks.extend([made.json()["id"]] if made.status_code == 201 else [])
        elif random.random() < 0.2:
            send("DELETE", f"/tasks/{tasks.pop()}")
        else:
            target = {"project_id": random.choice(self.projects)["id"]}
            if random.random() < 0.2:
                send("POST", f"/tasks/{random.choice(tasks)}/move", **target)
            else:
                send("PATCH", f"/tasks/{random.choice(tasks)}", title=str(random.random()))


def _ignore(*_: object) -> None: ...


@pytest.fixture(scope="module")
def own_server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.running(tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture
def crowd(app: Flask, own_server: Server) -> Iterator[tuple[Crowd, Proxy]]:
    port = urlsplit(own_server.url).port or 0
    with Proxy(("127.0.0.1", port)).opened() as proxy:
        crowd = Crowd(own_server, proxy, sign_up(app, "Alice"))
        crowd.start()
        wait_until(lambda: all(room.seq for each in crowd.clients for room in each.rooms.values()))
        yield crowd, proxy
        crowd.leave()


def again(times: int, seconds: float, do: Callable[[], None]) -> None:
    """Do something so many times, at random moments within so many seconds."""
    moments = sorted(random.uniform(0, seconds) for _ in range(times))
    start = time.monotonic()
    for moment in moments:
        time.sleep(max(0.0, start + moment - time.monotonic()))  # the moments are what is tested
        do()


def test_cut_sockets_lose_nothing(crowd: tuple[Crowd, Proxy], record_property: Tried) -> None:
    everybody, proxy = crowd
    again(SOCKETS_CUT, FAULTS_SECONDS, proxy.cut_one)
    everybody.stop_writing()
    everybody.assert_everybody_is_right()
    record_property("tried", f"{SOCKETS_CUT} sockets cut: {everybody.tally}")


def test_killed_workers_lose_nothing(
    crowd: tuple[Crowd, Proxy], own_server: Server, record_property: Tried
) -> None:
    everybody, _ = crowd

    def kill_one() -> None:
        wait_until(lambda: len(worker_pids(own_server)) == 2)
        os.kill(random.choice(worker_pids(own_server)), signal.SIGKILL)

    again(WORKERS_KILLED, FAULTS_SECONDS, kill_one)
    everybody.stop_writing()
    everybody.assert_everybody_is_right()
    record_property("tried", f"{WORKERS_KILLED} web workers killed: {everybody.tally}")


def test_a_rolling_restart_fails_no_request_and_loses_nothing(
    crowd: tuple[Crowd, Proxy], own_server: Server, record_property: Tried
) -> None:
    everybody, _ = crowd
    before = everybody.written
    for _ in range(RESTARTS):
        old = set(worker_pids(own_server))
        own_server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(set(worker_pids(own_server)) - old) == 2)  # noqa: B023 - at once
        wait_until(lambda: not old & set(worker_pids(own_server)), RESTART_SECONDS)  # noqa: B023 - at once
    written = everybody.written - before
    everybody.stop_writing()
    record_property(
        "tried", f"{RESTARTS} rolling restarts: {written} writes, {len(everybody.failed)} failed"
    )
    assert everybody.failed == []
    assert written > 0
    everybody.assert_everybody_is_right()


def test_a_lost_bus_delays_and_loses_nothing(
    crowd: tuple[Crowd, Proxy], database: str, record_property: Tried
) -> None:
    everybody, _ = crowd

    def cut_the_bus() -> None:
        rows(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'stint bus' AND datname = current_database()",
        )

    written = everybody.written
    again(BUS_CUT_SECONDS * 10, BUS_CUT_SECONDS, cut_the_bus)
    assert everybody.written > written
    everybody.stop_writing()
    everybody.assert_everybody_is_right()
    record_property("tried", f"the bus cut {BUS_CUT_SECONDS * 10} times: {everybody.tally}")
