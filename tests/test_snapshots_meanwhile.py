"""A snapshot is one state, whoever writes through whichever worker while it is taken."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from threading import Event
from typing import Any

import pytest

from examples.live_client import Room
from tests.changes import change_all, events_of, room_of
from tests.crowd import at_once, crowd
from tests.factories import Person
from tests.records import Record, make_task
from tests.rooms import contents
from tests.server import Client, Server

WRITERS, ROUNDS = 4, 4
TASKS_BEFORE = 300  # more than a snapshot reads in one go


@contextmanager
def clients_of(person: Person, server: Server, count: int) -> Iterator[list[Client]]:
    """Open connections of somebody's, half of them to each worker."""
    with crowd(server, count) as clients:
        for client in clients:
            client.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"
        yield clients


@pytest.fixture
def full(alice: Person, project: Record) -> Record:
    """A project with many tasks."""
    task = {"title": "Write", "project_id": project["id"]}
    for _ in range(TASKS_BEFORE // 100):
        change_all(alice, *[{"kind": "create", "task": task}] * 100)
    return project


def ask(client: Client, method: str, path: str, **body: Any) -> Any:
    answer = client.request(method, path, json=body or None)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def write(client: Client, project: Record, shared: Record) -> None:
    """Change tasks, lines and comments in every way that moves them in or out."""
    for number in range(ROUNDS):
        place = {"project_id": project["id"]}
        task = ask(client, "POST", "/tasks", title="Write", **place)["id"]
        lines = [ask(client, "POST", "/items", name="Milk", task_id=task)["id"] for _ in range(2)]
        ask(client, "POST", f"/tasks/{task}/comments", body="Look!")
        ask(client, "PATCH", f"/tasks/{shared['id']}", title=f"Written {number} times")
        ask(client, "PATCH", f"/items/{lines[0]}", status="done")
        ask(client, "DELETE", f"/items/{lines[1]}")
        ask(client, "POST", f"/tasks/{task}/move", project_id=None)
        ask(client, "POST", f"/tasks/{task}/move", **place)
        if number % 2:
            ask(client, "DELETE", f"/tasks/{task}")


def take_snapshots(clients: list[Client], project: Record, done: Event) -> list[Record]:
    """Take snapshots at each worker in turn, once more after all is done."""
    taken: list[Record] = []
    turns = cycle(clients)
    while True:
        is_last = done.is_set()
        taken.append(ask(next(turns), "GET", f"/projects/{project['id']}/snapshot"))
        if is_last:
            return taken


def room_at(snapshot: Record) -> Room:
    room = Room(snapshot["room"])
    room.load(snapshot)
    return room


@pytest.fixture
def snapshots(server: Server, alice: Person, full: Record) -> list[Record]:
    """Snapshots that were taken while others wrote."""
    shared = make_task(alice, project_id=full["id"])
    done = Event()
    with (
        clients_of(alice, server, 2) as readers,
        clients_of(alice, server, WRITERS) as writers,
        ThreadPoolExecutor(1) as thread,
    ):
        reading = thread.submit(take_snapshots, readers, full, done)
        try:
            at_once([partial(write, client, full, shared) for client in writers])
        finally:
            done.set()
        return reading.result()


def test_a_snapshot_is_an_earlier_one_and_the_events_up_to_it(
    alice: Person, full: Record, snapshots: list[Record]
) -> None:
    room = room_at(snapshots[0])
    assert room.seq is not None
    events = iter(events_of(alice, room_of(full), room.seq))
    for snapshot in snapshots[1:]:
        while room.seq < snapshot["seq"]:
            assert room.apply(next(events))
        assert contents(room) == contents(room_at(snapshot)), snapshot["seq"]
    assert next(events, None) is None
    assert len({snapshot["seq"] for snapshot in snapshots}) > WRITERS
