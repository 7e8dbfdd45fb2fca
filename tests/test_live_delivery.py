"""Every client of every room sees 1, 2, 3 ... n, whoever writes and whatever carries the hints."""

import json
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis, RedisError
from websockets.sync.client import ClientConnection, connect

from tests.factories import Person, sign_up
from tests.server import Server
from tests.sql import connect as connect_to

ROOMS, WRITERS, CLIENTS = 5, 50, 100
TASKS_EACH = 4
ROOMS_EACH = 3
SECONDS = 60
REDIS = "redis://127.0.0.1:6379/0"

# The room stays locked meanwhile: others wait, and commit in an order that nobody foresees.
SLOW_COMMITS = """
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dawdle();
"""
AS_BEFORE = "DROP TRIGGER dawdle ON events; DROP FUNCTION dawdle()"


def redis_answers() -> bool:
    try:
        return bool(Redis.from_url(REDIS, socket_connect_timeout=1).ping())
    except RedisError:
        return False


@pytest.fixture(params=["LISTEN/NOTIFY", "Redis"])
def any_server(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[Server]:
    """The application with either bus."""
    if request.param == "LISTEN/NOTIFY":
        yield server
    elif not redis_answers():
        pytest.skip("no Redis answers on 127.0.0.1:6379")
    else:
        with Server.running(tmp_path / "server.log", REDIS_URL=REDIS) as running:
            yield running


@contextmanager
def slow_commits(database: str) -> Iterator[None]:
    """Let every commit of events take between 0 and 20 ms longer for each."""
    with connect_to(database) as connection:
        connection.execute(SLOW_COMMITS.encode())
        try:
            yield
        finally:
            connection.execute(AS_BEFORE.encode())


def listen(server: Server, person: Person, rooms: list[str], last: int) -> dict[str, list[int]]:
    """Open rooms from their start and return what came of each until all had so many events."""
    seen: dict[str, list[int]] = {room: [] for room in rooms}
    with open_socket(server, person) as socket:
        for room in rooms:
            socket.send(json.dumps({"type": "subscribe", "room": room, "since": 0}))
        deadline = time.monotonic() + SECONDS
        while any(len(seqs) < last for seqs in seen.values()):
            message = json.loads(socket.recv(max(0.0, deadline - time.monotonic())))
            if message["type"] == "event":
                event = message["event"]
                seen[event["room"]].append(event["seq"])
    return seen


def open_socket(server: Server, person: Person) -> ClientConnection:
    url = f"{server.url.replace('http', 'ws', 1)}/ws/{uuid.uuid4()}"
    headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
    return connect(url, additional_headers=headers)


def write(server: Server, person: Person, project: dict[str, Any]) -> None:
    with server.client(person.tokens["access_token"]) as client:
        for number in range(TASKS_EACH):
            time.sleep(random.uniform(0, 0.05))  # writers are not in step
            body = {"title": f"Task {number}", "project_id": project["id"]}
            answer = client.post("/tasks", json=body)
            assert answer.status_code == 201, answer.text
        client.close()


def test_every_client_of_every_room_sees_every_event_once_in_order(
    app: Flask, database: str, any_server: Server
) -> None:
    alice = sign_up(app, "Alice")
    projects = [alice.post("/projects", {"name": "Busy"}).get_json() for _ in range(ROOMS)]
    rooms = [f"project:{project['id']}" for project in projects]
    last = 2 + WRITERS * TASKS_EACH // ROOMS  # the first tell of the project and its owner
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(WRITERS + CLIENTS))
        stack.enter_context(slow_commits(database))
        listeners = [
            threads.submit(listen, any_server, alice, random.sample(rooms, ROOMS_EACH), last)
            for _ in range(CLIENTS)
        ]
        writers = [
            threads.submit(write, any_server, alice, projects[number % ROOMS])
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.result()
        for listener in listeners:
            for room, seqs in listener.result().items():
                assert seqs == list(range(1, last + 1)), room
