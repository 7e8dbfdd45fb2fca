"""What clients have after connections, workers and the bus were lost is what there is."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
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

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROOMS, CLIENTS, WRITERS = 4, 12, 4
SOCKETS_CUT, WORKERS_KILLED = 200, 10
BUS_CUT_SECONDS = 10
CATCH_UP_SECONDS = 40
ENOUGH_TASKS = 20


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
        self._writers = [Thread(target=self._write, daemon=True) for _ in range(WRITERS)]
        self._followers = [Thread(target=each.run, daemon=True) for each in self.clients]

    def start(self) -> None:
        for thread in (*self._writers, *self._followers):
            thread.start()

    def stop_writing(self) -> None:
        self._done.set()
        for writer in self._writers:
            writer.join(30)

    def leave(self) -> None:
        for client in self.clients:
            client.stopped = True

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
        answer = requests.get(
            f"{self._api}/rooms/{name}/snapshot", headers=self._headers, timeout=30
        )
        room.load(answer.json())
        return room

    def _write(self) -> None:
        """Make, change and delete tasks; a worker that dies under it is another's turn."""
        tasks: list[str] = []
        while not self._done.is_set():
            with suppress(requests.RequestException):
                self._write_something(tasks)
                self.written += 1

    def _write_something(self, tasks: list[str]) -> None:
        def send(method: str, path: str, **body: object) -> requests.Response:
            url = self._api + path
            return requests.request(method, url, json=body, headers=self._headers, timeout=10)

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


@pytest.fixture
def own_server(database: str, tmp_path: Path) -> Iterator[Server]:
    with Server.running(tmp_path / "server.log") as running:
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


def test_cut_sockets_lose_nothing(crowd: tuple[Crowd, Proxy]) -> None:
    everybody, proxy = crowd
    again(SOCKETS_CUT, 30, proxy.cut_one)
    everybody.stop_writing()
    everybody.assert_everybody_is_right()


def test_killed_workers_lose_nothing(crowd: tuple[Crowd, Proxy], own_server: Server) -> None:
    everybody, _ = crowd

    def kill_one() -> None:
        wait_until(lambda: len(worker_pids(own_server)) == 2)
        os.kill(random.choice(worker_pids(own_server)), signal.SIGKILL)

    again(WORKERS_KILLED, 30, kill_one)
    everybody.stop_writing()
    everybody.assert_everybody_is_right()


def test_a_lost_bus_delays_and_loses_nothing(crowd: tuple[Crowd, Proxy], database: str) -> None:
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
